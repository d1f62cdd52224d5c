"""From nothing to now, back, and there again; alone, and twice at once."""

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL
from sqlalchemy.exc import OperationalError
from sqlmodel import SQLModel

import migrations
import schemas
from schemas.database import open_owner
from tests.conftest import a_database, plain

# What a model knows of a table, and what the database makes of it.
TABLES = {
    "columns": """
        select attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,
            pg_get_expr(adbin, adrelid)
        from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
        where attrelid in (select oid from ours) and attnum > 0 and not attisdropped""",
    "constraints": """
        select conrelid::regclass, conname, pg_get_constraintdef(oid)
        from pg_constraint where conrelid in (select oid from ours)""",
    "indexes": """
        select indexdef from pg_indexes
        where schemaname = 'public' and tablename <> 'alembic_version'""",
}
# What only SQL knows.
WALL = {
    "policies": "select * from pg_policies",
    "walls": "select oid::regclass, relrowsecurity, relforcerowsecurity, relacl from ours",
    "columns' grants": """
        select attrelid::regclass, attname, attacl
        from pg_attribute where attrelid in (select oid from ours) and attacl is not null""",
    "functions": """
        select pg_get_functiondef(oid), proacl, proowner::regrole
        from pg_proc where pronamespace = 'public'::regnamespace""",
    "triggers": """
        select tgrelid::regclass, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal""",
    "schema": "select nspacl from pg_namespace where nspname = 'public'",
}
OURS = """
with ours as (
    select * from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
    and relname <> 'alembic_version')
"""


def catalog(url: URL, asked: dict[str, str]) -> dict[str, list[str]]:
    with psycopg.connect(plain(url)) as owner:
        rows = {what: owner.execute(f"{OURS} {how}").fetchall() for what, how in asked.items()}
    return {what: sorted(map(str, found)) for what, found in rows.items()}


def revisions() -> list[str]:
    """From the first to the last."""
    config = Config()
    config.set_main_option("script_location", str(migrations.HERE))
    script = ScriptDirectory.from_config(config)
    return [each.revision for each in script.walk_revisions()][::-1]


def test_a_database_of_a_test_goes_with_it_however_it_ends(server: URL) -> None:
    name = f"broken_{os.getpid()}"

    with suppress(KeyError), a_database(server, name):
        raise KeyError

    with psycopg.connect(plain(server)) as owner:
        left = owner.execute("select from pg_database where datname = %s", [name]).fetchall()
    assert left == []


@pytest.fixture
def empty(server: URL) -> Iterator[URL]:
    with a_database(server, f"migrations_{os.getpid()}") as url:
        yield url


def test_the_migrations_are_one_line_in_the_order_of_their_names() -> None:
    files = sorted(path.name for path in (migrations.HERE / "versions").glob("*.py"))

    assert [name[:4] for name in files] == revisions()
    assert [int(each) for each in revisions()] == [*range(1, len(files) + 1)]
    assert all(re.fullmatch(r"\d{4}_[a-z_]+\.py", name) for name in files)


def test_the_tables_are_those_of_the_models_to_the_last_check(server: URL, empty: URL) -> None:
    for file in Path(schemas.__file__).parent.glob("*.py"):
        import_module(f"schemas.{file.stem}")
    migrations.upgrade(empty)
    migrations.check(empty)

    with a_database(server, f"models_{os.getpid()}") as url:
        engine = open_owner(url)
        SQLModel.metadata.create_all(engine)
        engine.dispose()
        modelled = catalog(url, TABLES)
    assert catalog(empty, TABLES) == modelled


def test_each_step_can_be_taken_back_and_taken_again(empty: URL) -> None:
    for revision, before in zip(revisions(), ["base", *revisions()], strict=False):
        behind = catalog(empty, TABLES | WALL)
        migrations.upgrade(empty, revision)
        ahead = catalog(empty, TABLES | WALL)

        migrations.downgrade(empty, before)
        if before != "base":
            assert catalog(empty, TABLES | WALL) == behind
        migrations.upgrade(empty, revision)
        assert catalog(empty, TABLES | WALL) == ahead


def test_taken_all_the_way_back_nothing_is_left(empty: URL) -> None:
    migrations.upgrade(empty)
    full = catalog(empty, TABLES | WALL)
    migrations.downgrade(empty)
    left = catalog(empty, TABLES | WALL)

    del left["schema"]
    assert {what: found for what, found in left.items() if found} == {}

    migrations.upgrade(empty)
    assert catalog(empty, TABLES | WALL) == full


def test_two_that_migrate_at_once_come_one_after_the_other(empty: URL) -> None:
    with ThreadPoolExecutor(2) as both:
        for done in [both.submit(migrations.upgrade, empty) for _ in range(2)]:
            done.result()

    migrations.check(empty)


def test_machines_that_migrate_at_once_wait_however_long_the_first_takes(
    empty: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "PATIENCE", "100ms")
    with (
        psycopg.connect(plain(empty)) as another_machine,
        ThreadPoolExecutor(1) as this_machine,
    ):
        another_machine.execute("select pg_advisory_xact_lock(7120212)")
        done = this_machine.submit(migrations.upgrade, empty)
        with pytest.raises(TimeoutError):
            done.result(timeout=0.5)
        another_machine.rollback()
        done.result()

    migrations.check(empty)


def test_a_migration_stands_before_nobody_for_long(
    empty: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations.upgrade(empty)
    there = catalog(empty, TABLES | WALL)

    monkeypatch.setattr(migrations, "PATIENCE", "100ms")
    with psycopg.connect(plain(empty)) as somebody:
        somebody.execute("select from push")
        with pytest.raises(OperationalError, match="lock timeout"):
            migrations.downgrade(empty)

    assert catalog(empty, TABLES | WALL) == there  # not half of it
