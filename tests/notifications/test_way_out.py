"""Two lanes of a worker, of which one has messages that cannot leave yet."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import pytest
from httpx import Response
from sqlmodel import delete, update
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications import worker
from notifications.push import Outcome, Sent
from notifications.push import Push as Ring
from notifications.way_out import WayOut
from notifications.worker import BATCH
from schemas.nudges import Push
from tests.builders import Person, Two, pushes_of
from tests.conftest import Engines
from tests.crowd import a_crowd
from tests.fakes import NOON
from tests.processes import ENOUGH

LONG_ENOUGH = 0.3  # seconds, in which another lane would be as far


@dataclass
class Door:
    """Nothing leaves before it opens."""

    opens: asyncio.Event = field(default_factory=asyncio.Event)
    before_it: list[UUID] = field(default_factory=list)
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, push: Ring, left: asyncio.Event) -> Outcome:
        self.before_it.append(push.id)
        await self.opens.wait()
        left.set()
        await self.answers.wait()
        return Sent()

    async def met_by(self, messages: int) -> None:
        async with asyncio.timeout(ENOUGH):
            while len(self.before_it) < messages:
                await asyncio.sleep(0.01)


async def a_batch_of_others(db: AsyncSession) -> None:
    """Due before what is to come, and nothing else."""
    await db.exec(delete(Push))
    await a_crowd(db, BATCH)
    longer = {"due_at": NOON - timedelta(minutes=1), "expires_at": NOON + timedelta(days=1)}
    await db.exec(update(Push).values(longer))
    await db.commit()


async def takes_space(person: Person) -> Response:
    return await person.takes_space("silent")


@pytest.mark.parametrize("does", [takes_space, Person.leaves])
async def test_before_one_wave_has_left_no_other_is_claimed_or_judged(
    couple: Two, engines: Engines, db: AsyncSession, does: Callable[[Person], Awaitable[Response]]
) -> None:
    sam, alex = couple
    await a_batch_of_others(db)
    await sam.sends()
    door = Door()
    door.answers.set()
    way = WayOut(door)
    lanes = [asyncio.create_task(worker.tick(engines["worker"], way, NOON)) for _ in range(2)]
    await door.met_by(BATCH)
    await asyncio.sleep(LONG_ENOUGH)

    assert (await does(alex)).is_success
    door.opens.set()
    await asyncio.gather(*lanes)

    assert len(door.before_it) == BATCH
    assert await pushes_of(alex, db) == []


async def test_while_one_wave_is_answered_another_leaves(
    couple: Two, engines: Engines, db: AsyncSession
) -> None:
    sam, _ = couple
    await a_batch_of_others(db)
    await sam.sends()
    door = Door()
    door.opens.set()
    way = WayOut(door)
    lanes = [asyncio.create_task(worker.tick(engines["worker"], way, NOON)) for _ in range(2)]

    await door.met_by(BATCH + 1)
    door.answers.set()
    await asyncio.gather(*lanes)


async def test_who_waits_too_long_for_a_turn_begins_anew_and_has_claimed_nothing(
    couple: Two, engines: Engines, db: AsyncSession
) -> None:
    sam, alex = couple
    await sam.sends()
    before = await pushes_of(alex, db)
    door = Door()
    door.opens.set()
    door.answers.set()
    way = WayOut(door, patience=0.05)

    async with way.turn:
        with pytest.raises(TimeoutError):
            await worker.tick(engines["worker"], way, NOON)

    db.expire_all()
    assert await pushes_of(alex, db) == before
