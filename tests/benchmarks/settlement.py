"""So many couples in a migrated database, as a year of use would leave them.

Indexes and constraints are taken down meanwhile and built again over what is there, so each row
has passed them all.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from random import Random

import psycopg
from psycopg import sql
from sqlalchemy import URL

from schemas.sealing import Keyring
from tests.benchmarks.asked import Asked, Size, give_a_year
from tests.benchmarks.settlers import GROUND, WHAT, WHO, calendar, terms
from tests.builders import hash_of_password
from tests.conftest import plain
from tests.proofs.stage import Database, a_database

# In the order in which they can be built: keys before what refers to them.
CONSTRAINTS = """
select format('alter table %I drop constraint %I', relname, conname),
    format('alter table %I add constraint %I %s', relname, conname, pg_get_constraintdef(c.oid))
from pg_constraint as c join pg_class on pg_class.oid = conrelid
where c.connamespace = 'public'::regnamespace and contype in ('p', 'u', 'f')
    and relname <> 'alembic_version'
order by contype = 'f', conname
"""
INDEXES = """
select format('drop index %I', indexrelid::regclass), pg_get_indexdef(indexrelid)
from pg_index join pg_class on pg_class.oid = indexrelid
where relnamespace = 'public'::regnamespace
    and not exists (select from pg_constraint where conindid = indexrelid)
"""
SPEED = """
set synchronous_commit = off; set maintenance_work_mem = '1GB'; set work_mem = '512MB';
set temp_buffers = '512MB'; set jit = off
"""

# What somebody with so many couples would give their server first.
ROOM = {
    "shared_buffers": "2GB",
    "effective_cache_size": "8GB",
    "max_wal_size": "8GB",
    "random_page_cost": "1.1",
}


@contextmanager
def a_roomy_database() -> Iterator[Database]:
    """Migrated and empty, and gone afterwards."""
    with a_database() as database:
        with psycopg.connect(plain(database.url), autocommit=True) as owner:
            for name, value in ROOM.items():
                owner.execute(sql.SQL("alter system set {} = {}").format(sql.SQL(name), value))
        asyncio.run(database.kill())
        database.restart()
        yield database


def settle(url: URL, keyring: Keyring, size: Size, now: datetime, random: Random) -> list[Asked]:
    """All of them at once, in a few statements; and so many of them who can be asked."""
    given = terms() | {"couples": size.couples, "now": now, "noise": random.randbytes(100)}
    with psycopg.connect(plain(url), autocommit=True, cursor_factory=psycopg.ClientCursor) as owner:
        owner.execute(SPEED)
        owner.execute(GROUND)
        with owner.cursor().copy("copy calendar from stdin") as copy:
            for slot in calendar(now):
                copy.write_row(slot)
        with bare_tables(owner):
            for statement in (*WHO, *WHAT):
                owner.execute(statement, given | {"password": hash_of_password()})
        asked = give_a_year(owner, keyring, size, now, random) if size.asked else []
        owner.execute("vacuum analyze")
        owner.execute("checkpoint")
    return asked


@contextmanager
def bare_tables(owner: psycopg.Connection) -> Iterator[None]:
    """Without indexes and keys, and then with all of them again."""
    said = [*owner.execute(CONSTRAINTS), *owner.execute(INDEXES)]
    for drop, _ in reversed(said):
        owner.execute(sql.SQL(drop))
    yield
    for _, build in said:
        owner.execute(sql.SQL(build))
