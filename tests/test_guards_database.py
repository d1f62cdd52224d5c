"""Rules for every table, function and role of the database, whatever is added later."""

from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.accounts import Account
from schemas.arrivals import Arrival
from schemas.checkins import Checkin
from schemas.database import Role
from schemas.retention import TABLES
from tests.builders import Stranger, a_block
from tests.catalog import NEVER_SAID, column, contents, tables
from tests.fakes import Clock
from tests.operations import Cast, a_cast

# Tables with rows that stay when an account goes; why that tells nothing of whoever went is said
# in schemas/retention_tables.py.
OUTLIVE = {name for name, kept in TABLES.items() if kept.outlives}
OURS = f"{(*(role.value for role in Role),)}"


async def test_the_wall_stands_before_every_table(db: AsyncSession) -> None:
    walled = "select relname from pg_class where relrowsecurity order by 1"
    assert await column(db, walled) == await tables(db)


async def test_a_function_says_how_many_rows_it_gives(db: AsyncSession) -> None:
    """Else it is taken for a thousand, and what is asked with it is planned anew each time."""
    silent = """
    select proname from pg_proc
    where pronamespace = 'public'::regnamespace and proretset and prorows = 1000
    """
    assert await column(db, silent) == []


async def test_every_table_goes_with_its_account_or_says_why_not(db: AsyncSession) -> None:
    # A key that may be null ties down only those rows that have one.
    cascade = """
    with recursive owned(oid) as (
        select 'account'::regclass::oid
        union
        select conrelid from pg_constraint join owned on confrelid = owned.oid
        where contype = 'f' and confdeltype = 'c' and not exists (
            select from pg_attribute
            where attrelid = conrelid and attnum = any (conkey) and not attnotnull)
    )
    select oid::regclass::text from owned
    """
    assert {*await column(db, cascade)} == {*await tables(db)} - OUTLIVE


async def test_nothing_is_left_of_whoever_is_deleted(
    app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    cast = await a_cast(app, db, clock)
    await sam_is_busy(cast)
    await an_hour_comes(cast, db)
    robin_id = await robin_invites(cast, db)
    await a_block(db, cast.kit, cast.sam)  # who has blocked Kit as well
    before = await contents(db)
    nothing_there = [each for each in before if not mentions(before[each], cast.sam.id, robin_id)]
    assert nothing_there == ["couple", "sending"]

    await db.exec(delete(Account).where(col(Account.id).in_([cast.sam.id, robin_id])))
    await db.commit()

    after = await contents(db)
    assert [each for each in after if mentions(after[each], cast.sam.id, robin_id)] == []
    assert "robin@example.org" not in str(after)
    assert mentions(after["answer"], cast.alex.id)


async def sam_is_busy(cast: Cast) -> None:
    await cast.sam.begins("weekly_checkin")
    await cast.sam.signs(*await cast.sam.sees("/schedules"))
    await cast.sam.schedules(for_both=False)
    declined = (await cast.alex.schedules(pack="daily_pulse")).json()["id"]
    await cast.sam.put(f"/schedules/{declined}/declined", json={"version": 1})
    await cast.sam.sets(daily_budget={"most": 1, "shown": True})
    await cast.sam.sends(key="once")
    await cast.sam.takes_space("silent")
    await cast.sam.post("/privacy/deletion")
    await cast.sam.links()
    await cast.sam.put("/credentials/email", json={"email": "sam@elsewhere.example.org"})


async def an_hour_comes(cast: Cast, db: AsyncSession) -> None:
    begun = (await db.exec(select(Checkin.id).where(Checkin.begun_by == cast.sam.id))).first()
    assert begun
    db.add(Arrival(account_id=cast.sam.id, checkin_id=begun))
    await db.commit()


async def robin_invites(cast: Cast, db: AsyncSession) -> UUID:
    """Signed up, signed in, and with somebody at the door."""
    phone: Stranger = cast.phone
    await phone.signs_up()
    token = (await phone.signs_in()).json()["access_token"]
    phone.headers["authorization"] = f"Bearer {token}"
    await cast.kit.types((await phone.put("/pairing/invitation")).json()["code"])
    robin = select(Account.id).where(Account.email == "robin@example.org")
    return (await db.exec(robin)).one()


def mentions(rows: list[str], *people: UUID) -> bool:
    return any(str(person) in row for row in rows for person in people)


async def test_no_column_keeps_where_somebody_is_on_what_or_since_when(db: AsyncSession) -> None:
    columns = "select distinct column_name from information_schema.columns"
    names = await column(db, f"{columns} where table_schema = 'public'")

    assert [name for name in names if NEVER_SAID & set(name.split("_"))] == []


@pytest.mark.parametrize(
    "might",
    [
        """select rolname from pg_roles where rolname ^@ 'twofold_' and (rolsuper or rolbypassrls
            or rolcreaterole or rolcreatedb or rolreplication or rolcanlogin)""",
        """select refobjid::regrole from pg_shdepend where refclassid = 'pg_authid'::regclass
            and deptype = 'o' and refobjid::regrole::text ^@ 'twofold_'""",
        "select roleid::regrole from pg_auth_members where member::regrole::text ^@ 'twofold_'",
        """select rolname from pg_roles where rolname ^@ 'twofold_' and (
            has_schema_privilege(oid, 'public', 'create')
            or has_database_privilege(oid, current_database(), 'create'))""",
        # No policy is asked about any of these.
        """select relname from pg_class, pg_roles where rolname ^@ 'twofold_' and relkind = 'r'
            and relnamespace = 'public'::regnamespace
            and has_table_privilege(pg_roles.oid, pg_class.oid, 'truncate, references, trigger')""",
        """select rolname from pg_roles where rolname ^@ 'twofold_'
            and has_any_column_privilege(oid, 'alembic_version', 'insert, update')""",
        # The owner passes the wall by; nobody else is let in by a grant to everybody.
        """select relname from pg_class where relnamespace = 'public'::regnamespace
            and has_table_privilege('public', oid, 'select, insert, update, delete')""",
    ],
    ids=["power", "property", "friends", "schema", "past the wall", "migrations", "everybody"],
)
async def test_neither_role_has_what_it_does_not_need(db: AsyncSession, might: str) -> None:
    assert await column(db, "select count(*) from pg_roles where rolname ^@ 'twofold_'") == ["2"]
    assert await column(db, might) == []


REACHING_PAST = "from pg_proc where pronamespace = 'public'::regnamespace and prosecdef"


async def test_what_reaches_past_the_wall_is_not_for_everybody(db: AsyncSession) -> None:
    # The worker locks as whoever writes does, before it makes a deletion final: that shows nothing.
    for somebody, may in (("public", []), (Role.WORKER, ["lock_for_writing"])):
        called = f"and has_function_privilege('{somebody}', oid, 'execute')"
        assert await column(db, f"select proname {REACHING_PAST} {called}") == may
    assert await column(db, f"select proname {REACHING_PAST}")


async def test_what_reaches_past_the_wall_finds_our_own_tables_and_no_others(
    db: AsyncSession,
) -> None:
    paths = f"select distinct array_to_string(proconfig, ' ') {REACHING_PAST}"
    assert await column(db, paths) == ["search_path=public, pg_temp"]
