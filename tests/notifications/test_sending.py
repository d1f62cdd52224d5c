"""Two workers, each with connections of its own to the database and to FCM, at one pace."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications import sending
from notifications.emulator import service_account
from notifications.fcm import open_fcm
from notifications.pace import LEAST, LEAST_PER_MINUTE
from notifications.worker import LEASE
from schemas.database import Role, open_engine, transaction
from schemas.nudges import Push
from tests.builders import Two, pushes_of
from tests.conftest import Engines
from tests.crowd import a_crowd
from tests.fakes import Clock
from tests.notifications.conftest import Phones, Worker
from tests.notifications.test_stopping import another_phone_that_rings, until
from tests.processes import ENOUGH, a_process

CROWD = LEAST + 10  # of whom so many are too many for one second


class Slow(Worker):
    """The slowest that a worker may be told to be."""

    async def sends(self) -> int:
        handled, _ = await self.once(LEAST_PER_MINUTE)
        return handled


@pytest.fixture
async def workers(database: URL, fcm: str, clock: Clock) -> AsyncIterator[list[Slow]]:
    async with AsyncExitStack() as house:
        two = []
        for number in range(2):
            engine = open_engine(database, Role.WORKER)
            house.push_async_callback(engine.dispose)
            account, random = service_account(fcm), Random(number)
            sender = open_fcm(account, fcm, now=clock, random=random)
            engines = {"worker": engine}
            two.append(Slow(engines, await house.enter_async_context(sender), clock))
        yield two


async def rang(phones: Phones) -> int:
    return len((await phones.get("/phones")).json())


async def test_two_that_look_at_once_take_one_after_the_other(
    workers: list[Slow], phones: Phones, clock: Clock, db: AsyncSession, engines: Engines
) -> None:
    clock.to((await a_crowd(db, CROWD))[0].clock.now)

    async with engines["owner"].begin() as owner:
        await owner.execute(text("select from sending for update"))
        both = [asyncio.create_task(each.sends()) for each in workers]
        waiting = "select count(*) = 2 from pg_locks where not granted"
        async with asyncio.timeout(ENOUGH):
            while not (await owner.execute(text(waiting))).scalar():
                await asyncio.sleep(0.02)
    assert sum(await asyncio.gather(*both)) == CROWD, "else they did not meet"

    assert await rang(phones) == LEAST
    given_back = (await db.exec(select(Push).where(Push.attempts == 0))).all()
    assert len(given_back) == CROWD - LEAST
    assert {push.due_at for push in given_back} == {clock.now}


async def test_in_a_second_two_send_no_more_than_one_may(
    workers: list[Slow], phones: Phones, clock: Clock, db: AsyncSession
) -> None:
    clock.to((await a_crowd(db, CROWD))[0].clock.now)

    for _ in range(3):
        await asyncio.gather(*(each.sends() for each in workers))
    assert await rang(phones) == LEAST

    clock.forward(seconds=1)
    await asyncio.gather(*(each.sends() for each in workers))
    assert await rang(phones) == CROWD


async def test_what_fcm_tells_one_both_hear(
    couple: Two, workers: list[Slow], phones: Phones, clock: Clock
) -> None:
    sam, alex = couple
    await phones.fail({"mode": "quota", "retry_after": 30, "times": 1})
    await sam.sends()
    one, other = workers
    await one.sends()
    await alex.sends()

    clock.forward(seconds=29)
    assert await other.sends() == 0

    clock.forward(seconds=1)
    await other.sends()
    assert await phones.rang(sam.phone) == await phones.rang(alex.phone) == ["partner_nudge"]


async def test_who_is_not_let_in_does_not_keep_the_other_from_sending(
    couple: Two, workers: list[Slow], phones: Phones
) -> None:
    sam, alex = couple
    await sam.sends()
    await phones.fail({"mode": "token_down"})
    one, other = workers
    await one.sends()
    await phones.recover()
    await alex.sends()

    await other.sends()

    assert await phones.rang(sam.phone) == ["partner_nudge"]


async def test_a_push_rings_on_all_of_its_phones_or_waits(
    workers: list[Slow], phones: Phones, clock: Clock, db: AsyncSession
) -> None:
    crowd = await a_crowd(db, LEAST)
    clock.to(crowd[0].clock.now)
    for person in crowd:
        await another_phone_that_rings(db, person)
    await db.commit()

    for done in (LEAST, 2 * LEAST):
        await asyncio.gather(*(each.sends() for each in workers))
        assert await rang(phones) == done
        clock.forward(seconds=1)


@pytest.mark.usefixtures("db")  # which leaves no pace behind
async def test_one_that_stands_still_holds_nobody_up(engines: Engines, clock: Clock) -> None:
    async def takes(wanted: int) -> int:
        async with transaction(engines["worker"]) as db:
            return await sending.take(db, clock.now, LEAST_PER_MINUTE, wanted)

    frozen = transaction(engines["worker"])
    db = await frozen.__aenter__()
    assert await sending.take(db, clock.now, LEAST_PER_MINUTE, 1) == 1

    assert await takes(LEAST) == LEAST

    with pytest.raises(DBAPIError):
        await frozen.__aexit__(None, None, None)


async def test_what_another_claim_holds_is_recorded_when_it_lets_go(
    couple: Two, work: Worker, phones: Phones, engines: Engines, db: AsyncSession
) -> None:
    sam, alex = couple
    await phones.fail({"mode": "stall", "seconds": 2, "times": 1})
    await sam.sends()

    ticking = asyncio.create_task(work.tick())
    await until("select attempts > 0 from push", db)
    async with engines["owner"].begin() as another:
        await another.execute(text("select from push for update"))
        while not await phones.rang(alex.phone):
            await asyncio.sleep(0.02)
        assert await asyncio.wait([ticking], timeout=0.2) == (set(), {ticking})
    await ticking

    assert await pushes_of(alex, db) == []
    sam.clock.forward(seconds=LEASE.seconds)
    await work.tick()
    assert await phones.rang(alex.phone) == ["partner_nudge"]


async def test_two_processes_keep_one_pace(
    database: URL, fcm: str, phones: Phones, db: AsyncSession, tmp_path: Path
) -> None:
    many = 6 * LEAST
    await a_crowd(db, many)
    settings = {"TWOFOLD_FCM_EMULATOR": fcm, "TWOFOLD_FCM_PER_MINUTE": str(LEAST_PER_MINUTE)}
    time, began = asyncio.get_running_loop().time, 0.0
    async with (
        a_process("worker", database=database, data=tmp_path / "one", **settings),
        a_process("worker", database=database, data=tmp_path / "other", **settings),
        asyncio.timeout(ENOUGH),
    ):
        found = 0
        while found < many:
            began = began if found else time()
            found = await rang(phones)
            # Of its first second and its last we saw only a part, and what left may be on its way.
            assert found <= (time() - began + 4) * LEAST
            await asyncio.sleep(0.02)
