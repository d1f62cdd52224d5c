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
    drop schema if exists "{world}" cascade;
    create schema "{world}";
    for name in select tablename from pg_tables
        where schemaname = 'public' and tablename <> 'alembic_version' loop
        execute format('create table "{world}".%I as table public.%I', name, name);
    end loop;
end $$
"""

# Rows in which these words stand, and that are not what they were.
CHANGED = """
create or replace function changed(world text, words text) returns text[] language plpgsql as $$
declare name text; differs boolean; found text[] := '{}';
begin
    for name in select tablename from pg_tables where schemaname = world loop
        execute format(
            'with now as (select t::text as said from public.%1$I t where t::text ~ $1),
                before as (select t::text as said from %2$I.%1$I t where t::text ~ $1)
            select exists ((table now except all table before)
                union all (table before except all table now))', name, world)
            into differs using words;
        if differs then
            found := found || name;
        end if;
    end loop;
    return found;
end $$
"""


async def keep(owner: AsyncEngine, world: str) -> None:
    """All that there is now, under this name."""
    async with owner.begin() as connection:
        await connection.execute(text(PUT_BACK))
        await connection.execute(text(CHANGED))
        await connection.execute(text(KEEP.format(world=world)))


async def put_back(owner: AsyncEngine, world: str) -> None:
    """Everything is as it was when it was kept."""
    async with owner.begin() as connection:
        await connection.execute(text("select put_back(:world)"), {"world": world})


async def changed(owner: AsyncEngine, world: str, words: str = "") -> list[str]:
    """The tables in which something is not as it was kept, of the rows that hold these words."""
    async with owner.connect() as connection:
        asked = {"world": world, "words": words}
        answer = await connection.execute(text("select changed(:world, :words)"), asked)
        return [str(name) for name in answer.scalar_one()]
