from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import ForeignKeyConstraint, Table
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.arrivals import Arrival
from schemas.sessions import RefreshToken
from schemas.shapes import Agreement, Mine, Offer, Reveal
from tests.builders import Person, Two, a_block, run_as
from tests.conftest import Engines

# What outlives a pairing, and why.
OUTLIVES = {
    "checkin": "what each wrote refers to it",
    "consent": "a history is never rewritten; it only no longer counts",
    "push": "it goes with its nudge",
    "kept_answer": "it is answered with no more, and swept after a day",
    "boundary": "it holds for the next partner too, and is shown to nobody",
}


class Terms(Agreement):
    """Something to agree on."""


VERSIONS = st.integers(min_value=1, max_value=4)


@given(version=VERSIONS, signed=st.lists(VERSIONS, max_size=2))
def test_terms_are_in_force_while_both_have_signed_this_very_version(
    version: int, signed: list[int]
) -> None:
    assert Terms(version=version).in_force(signed, needed=2) == (signed == [version, version])


@given(version=VERSIONS, signed=st.lists(VERSIONS, max_size=1))
def test_terms_for_oneself_need_oneself(version: int, signed: list[int]) -> None:
    assert Terms(version=version).in_force(signed, needed=1) == (signed == [version])


def test_versions_begin_with_one() -> None:
    with pytest.raises(ValidationError):
        Terms.model_validate({"version": 0})


def tables(*shapes: type[SQLModel]) -> list[Table]:
    """Those of these shapes; named by none, all there are."""
    named = SQLModel.metadata.tables
    classes = [mapper.class_ for mapper in SQLModel._sa_registry.mappers]  # noqa: SLF001
    return [
        named[str(each.__tablename__)] for each in classes if issubclass(each, shapes or SQLModel)
    ]


def names_a_couple(table: Table) -> Iterator[str]:
    return (each.name for each in table.columns if each.name in {"couple_id", "shown_in"})


def keys(table: Table, column: str) -> Iterator[ForeignKeyConstraint]:
    return (each for each in table.foreign_key_constraints if column in each.columns)


def test_what_exists_only_within_a_pairing_ends_with_its_owners_half_of_it() -> None:
    hangs: set[str] = set()
    outlives: set[str] = set()
    for table in tables():
        for column in names_a_couple(table):
            ends = {
                key.ondelete for key in keys(table, column) if key.referred_table.name == "member"
            }
            (hangs if "CASCADE" in ends else outlives).add(table.name)

    assert outlives - {"member"} == OUTLIVES.keys()
    assert {"space", "nudge", "partner_nudge", "schedule", "schedule_signature"} <= hangs


async def test_the_database_ends_it_as_the_tables_say(db: AsyncSession) -> None:
    ends = """
    select conrelid::regclass::text from pg_constraint
    where confrelid = 'member'::regclass and confdeltype = 'c'
    """
    rows = await (await db.connection()).exec_driver_sql(ends)

    declared = [
        table.name
        for table in tables()
        for key in table.foreign_key_constraints
        if key.referred_table.name == "member" and key.ondelete == "CASCADE"
    ]
    assert sorted(rows.scalars()) == sorted(declared)


@pytest.mark.parametrize("table", sorted(tables(Mine, Offer), key=str), ids=str)
def test_what_is_somebodys_own_goes_with_their_account(table: Table) -> None:
    owners = [*keys(table, "account_id")]

    assert owners
    assert "CASCADE" in {key.ondelete for key in owners}
    assert not table.columns["account_id"].nullable


async def one_of_each(sam: Person, alex: Person, db: AsyncSession) -> None:
    """A row of Sam's in every table of one's own."""
    checkin = await sam.begins()
    await sam.answers(checkin, mood=3)
    await sam.schedules()
    await alex.sends()
    await sam.sends(key="once")
    await sam.sets(daily_budget={"most": 3, "shown": False})
    await sam.links()
    await sam.post("/privacy/deletion")
    await a_block(db, sam, alex)
    private = {"account_id": sam.id, "session_id": sam.session_id, "generation": 1}
    ends = sam.clock.now + timedelta(days=1)
    db.add(RefreshToken.model_validate(private | {"hash": b"sam", "expires_at": ends}))
    db.add(Arrival(account_id=sam.id, checkin_id=UUID(checkin)))
    await db.commit()


async def test_what_is_mine_is_seen_by_nobody_else(
    couple: Two, noise: Two, db: AsyncSession, engines: Engines
) -> None:
    sam, alex = couple
    await one_of_each(sam, alex, db)
    for table in tables(Mine):
        rows = f"select account_id from {table.name}"  # noqa: S608

        assert sam.id in await run_as(engines["owner"], sam, rows), table.name
        assert {*await run_as(engines["api"], sam, rows)} == {sam.id}, table.name
        for other in (alex, *noise):
            assert sam.id not in await run_as(engines["api"], other, rows), table.name


async def test_what_is_mine_is_changed_and_written_by_nobody_else(
    couple: Two, db: AsyncSession, engines: Engines
) -> None:
    sam, alex = couple
    await one_of_each(sam, alex, db)
    may = "select has_table_privilege('twofold_api', '{0}', '{1}')"
    for table in tables(Mine):
        count = f"select count(*) from {table.name} where account_id = :sam"  # noqa: S608
        before = await run_as(engines["owner"], sam, count, sam=sam.id)
        for right, change in (
            ("delete", "delete from {0}"),
            ("update", "update {0} set account_id = me()"),
        ):
            if await run_as(engines["owner"], alex, may.format(table.name, right)) == [True]:
                await run_as(engines["api"], alex, change.format(table.name))
        assert await run_as(engines["owner"], sam, count, sam=sam.id) == before, table.name


async def test_an_offer_is_read_by_the_two_and_changed_by_neither(
    couple: Two, noise: Two, engines: Engines
) -> None:
    sam, alex = couple
    await sam.sends()
    for table in tables(Offer):
        rows = f"select from_id from {table.name}"  # noqa: S608
        assert await run_as(engines["api"], sam, rows) == [sam.id]
        assert await run_as(engines["api"], alex, rows) == [sam.id]
        for other in noise:
            assert sam.id not in await run_as(engines["api"], other, rows)
        for right in ("update", "delete"):
            may = f"select has_table_privilege('twofold_api', '{table.name}', '{right}')"
            assert await run_as(engines["owner"], sam, may) == [False]


def test_what_is_revealed_is_released_one_by_one_and_stays_what_it_was() -> None:
    for table in tables(Reveal):
        assert {"released", "final"} <= {*table.columns.keys()}
        assert "account_id" in table.primary_key.columns
