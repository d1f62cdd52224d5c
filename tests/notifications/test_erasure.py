"""Deletion as the worker does it, whole, in halves, and while others do something else."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications import chores, erasure
from schemas.accounts import Account
from schemas.data_keys import DataKey
from schemas.database import transaction
from tests.builders import Person, Two, a_couple, in_bytes
from tests.catalog import contents
from tests.conftest import Engines
from tests.fakes import NOON, Clock
from tests.test_guards_database import mentions

SEVEN = 7  # days


async def much_happens(sam: Person, alex: Person) -> None:
    checkin = await alex.begins()
    for person in (alex, sam):
        await person.answers(checkin, mood=4, a_word=f"a word of {person.name}")
        await person.releases(checkin, "mood")
    await sam.signs((await alex.schedules()).json())
    await sam.sends()
    await alex.sends()
    await sam.sets(daily_budget={"most": 1, "shown": True})


async def all_of(alex: Person) -> list[object]:
    paths = ("/pairing", "/today", "/nudges", "/checkins", "/schedules", "/boundaries", "/consents")
    return [*in_bytes(*[await alex.get(path) for path in paths])]


async def test_when_the_week_is_over_nothing_is_left_of_whoever_asked(
    couple: Two, db: AsyncSession, engines: Engines, clock: Clock
) -> None:
    sam, alex = couple
    await much_happens(sam, alex)
    await sam.post("/privacy/deletion")
    clock.forward(days=SEVEN)

    await chores.sweep(engines["worker"], clock.now)

    after = await contents(db)
    assert [table for table in after if mentions(after[table], sam.id)] == []
    assert mentions(after["answer"], alex.id)
    assert (await sam.get("/today")).status_code == 401


async def test_before_the_week_is_over_nothing_at_all_happens(
    couple: Two, db: AsyncSession, engines: Engines, clock: Clock
) -> None:
    sam, alex = couple
    await much_happens(sam, alex)
    await sam.post("/privacy/deletion")
    before = await contents(db)
    clock.forward(days=SEVEN, seconds=-1)

    await erasure.erase(engines["worker"], clock.now)

    assert await contents(db) == before


async def test_whoever_took_it_back_stays(couple: Two, engines: Engines, clock: Clock) -> None:
    sam, _ = couple
    await sam.post("/privacy/deletion")
    clock.forward(days=SEVEN)
    await sam.delete("/privacy/deletion")

    await erasure.erase(engines["worker"], clock.now)

    assert (await sam.get("/today")).status_code == 200


async def test_to_the_partner_it_looks_like_somebody_who_left_in_silence(
    noise: Two,  # noqa: ARG001
    app: FastAPI,
    db: AsyncSession,
    engines: Engines,
    clock: Clock,
) -> None:
    pairs = [
        await a_couple(db, Person("sam", app, clock), Person("alex", app, clock)) for _ in range(2)
    ]
    for sam, alex in pairs:
        await much_happens(sam, alex)
    (gone, alex), (left, other_alex) = pairs
    await gone.post("/privacy/deletion")
    clock.forward(days=SEVEN)
    await chores.sweep(engines["worker"], clock.now)
    await left.leaves()

    assert await all_of(alex) == await all_of(other_alex)


async def test_what_a_partner_wrote_is_theirs_and_stays(
    couple: Two, engines: Engines, clock: Clock
) -> None:
    sam, alex = couple
    await much_happens(sam, alex)
    before = (await alex.sees("/privacy/export"))["answers"]
    await sam.post("/privacy/deletion")
    clock.forward(days=SEVEN)

    await erasure.erase(engines["worker"], clock.now)

    clock.to(NOON)
    assert (await alex.sees("/privacy/export"))["answers"] == before != []


@contextmanager
def killed_before(statement: str, engines: Engines) -> Iterator[None]:
    """As if the worker's machine had lost its power there."""

    def die(*said: object) -> None:
        if str(said[2]).startswith(statement):
            raise SystemExit

    event.listen(engines["worker"].sync_engine, "before_cursor_execute", die)
    try:
        yield
    finally:
        event.remove(engines["worker"].sync_engine, "before_cursor_execute", die)


async def test_killed_in_between_it_leaves_unreadable_words_that_nobody_reaches(
    couple: Two, db: AsyncSession, engines: Engines, clock: Clock
) -> None:
    sam, alex = couple
    await much_happens(sam, alex)
    await sam.post("/privacy/deletion")
    clock.forward(days=SEVEN)

    with killed_before("DELETE FROM account", engines), pytest.raises(SystemExit):
        await erasure.erase(engines["worker"], clock.now)

    halfway = await contents(db)
    keys = select(DataKey).where(col(DataKey.account_id).in_([sam.id, alex.id]))
    assert [key.couple_id for key in await db.exec(keys)] == [None]  # alex's own
    assert mentions(halfway["answer"], sam.id)
    for table in ("data_key", "member", "invitation", "session", "device"):
        assert not mentions(halfway[table], sam.id), table
    assert (await sam.get("/privacy/deletion")).status_code == 401
    assert (await alex.sees("/pairing"))["state"] == "alone"

    await erasure.erase(engines["worker"], clock.now)
    after = await contents(db)
    assert [table for table in after if mentions(after[table], sam.id)] == []


async def test_killed_before_it_is_final_it_is_as_if_nothing_had_begun(
    couple: Two, db: AsyncSession, engines: Engines, clock: Clock
) -> None:
    sam, alex = couple
    await much_happens(sam, alex)
    await sam.post("/privacy/deletion")
    clock.forward(days=SEVEN)
    before = await contents(db)

    with killed_before("UPDATE deletion", engines), pytest.raises(SystemExit):
        await erasure.erase(engines["worker"], clock.now)

    assert await contents(db) == before


async def test_what_is_final_is_not_taken_back_by_a_tap_that_came_just_before(
    couple: Two, db: AsyncSession, engines: Engines, clock: Clock
) -> None:
    sam, _ = couple
    await sam.post("/privacy/deletion")
    clock.forward(days=SEVEN)
    final = text("update deletion set final = true where account_id = :who")

    async with transaction(engines["worker"]) as halfway:
        await (await halfway.connection()).execute(final, {"who": sam.id})
        tap = asyncio.create_task(sam.delete("/privacy/deletion"))
        await until_it_waits(db)
    assert (await tap).status_code in {204, 401}

    await erasure.erase(engines["worker"], clock.now)
    assert await db.get(Account, sam.id) is None


WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"


async def until_it_waits(db: AsyncSession) -> None:
    async with asyncio.timeout(10):
        while not (await (await db.connection()).execute(text(WAITING))).scalar_one():
            await asyncio.sleep(0.02)


WRITES = {
    "a phrase": lambda alex: alex.sends(),
    "boundaries": lambda alex: alex.sets(daily_budget={"most": 1, "shown": True}),
    "a schedule": lambda alex: alex.schedules(),
}


@pytest.mark.parametrize("what", WRITES)
async def test_a_partner_who_writes_at_that_very_moment_finds_what_they_find_after_it(
    what: str, couple: Two, db: AsyncSession, engines: Engines, clock: Clock
) -> None:
    sam, alex = couple
    await sam.post("/privacy/deletion")
    clock.forward(days=SEVEN)
    busy = text("select from session where account_id = :who for update")
    await (await db.connection()).execute(busy, {"who": sam.id})

    erasing = asyncio.create_task(erasure.erase(engines["worker"], clock.now))
    await until_it_waits(db)
    writing = asyncio.create_task(WRITES[what](alex))
    await asyncio.sleep(0.3)
    assert not writing.done()
    await db.commit()
    await erasing

    then, after = await writing, await WRITES[what](alex)
    assert then.status_code == after.status_code
    assert then.status_code < 500
    assert then.content == after.content


async def test_whoever_is_busy_is_tried_again_and_holds_up_nobody(
    couple: Two, db: AsyncSession, engines: Engines, clock: Clock
) -> None:
    sam, alex = couple
    for person in couple:
        await person.post("/privacy/deletion")
    clock.forward(days=SEVEN)
    busy = text("select from session where account_id = :who for update")
    await (await db.connection()).execute(busy, {"who": sam.id})

    await erasure.erase(engines["worker"], clock.now)

    assert (await alex.get("/today")).status_code == 401
    await db.commit()
    await erasure.erase(engines["worker"], clock.now)
    after = await contents(db)
    assert [table for table in after if mentions(after[table], sam.id, alex.id)] == []


@pytest.mark.parametrize("final", [True, False])
async def test_the_worker_can_erase_nobody_who_is_not_final(
    couple: Two, engines: Engines, db: AsyncSession, *, final: bool
) -> None:
    sam, alex = couple
    await sam.post("/privacy/deletion")
    async with transaction(engines["worker"]) as by_mistake:
        connection = await by_mistake.connection()
        if final:
            await connection.execute(text("update deletion set final = true"))
        await connection.execute(text("delete from account"))

    left = set(await db.exec(select(Account.id)))
    assert (sam.id in left) == (not final)
    assert alex.id in left


async def test_nobody_writes_that_their_own_deletion_is_final(
    couple: Two, engines: Engines
) -> None:
    sam, _ = couple
    row = "insert into deletion values (:who, now(), now(), true)"
    become = "select set_config('app.account_id', cast(:who as text), true)"
    async with engines["api"].connect() as api:
        await api.execute(text(become), {"who": sam.id})
        with pytest.raises(DBAPIError, match="row-level security"):
            await api.execute(text(row), {"who": sam.id})
