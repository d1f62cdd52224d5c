"""The whole database kept under a name, and put back in a few milliseconds."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

# `replica`: no trigger runs and no key is checked, since what is put back was whole.
PUT_BACK = """
create or replace function put_back(world text) returns void language plpgsql
set session_replication_role = replica as $$
declare name text;
begin
    for name in select tablename from pg_tables where schemaname = world loop
        execute format('delete from public.%I', name);
        execute format('insert into public.%I select * from %I.%I', name, world, name);
    end loop;
end $$
"""
KEEP = """
do $$
declare name text;
begin
    drop schema if exists {world} cascade;
    create schema {world};
    for name in select tablename from pg_tables
        where schemaname = 'public' and tablename <> 'alembic_version' loop
        execute format('create table {world}.%I as table public.%I', name, name);
    end loop;
end $$
"""


async def keep(owner: AsyncEngine, world: str) -> None:
    """All that there is now, under this name."""
    async with owner.begin() as connection:
        await connection.execute(text(PUT_BACK))
        await connection.execute(text(KEEP.format(world=world)))


async def put_back(owner: AsyncEngine, world: str) -> None:
    """Everything is as it was when it was kept."""
    async with owner.begin() as connection:
        await connection.execute(text("select put_back(:world)"), {"world": world})
