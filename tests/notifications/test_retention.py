"""What is over is swept, step by step, and nothing else."""

from datetime import timedelta
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications import chores
from schemas import retention
from schemas.base import new_id
from schemas.nudges import Kind, Nudge
from tests.builders import Person, Two, a_person
from tests.catalog import contents
from tests.conftest import Engines
from tests.fakes import Clock
from tests.test_guards_database import mentions

# Told on 2 March at noon, it is over after this much time.
OVER = {
    "invitation": timedelta(hours=24),
    "link": timedelta(hours=1),
    "nudge": timedelta(days=14),
    "space": timedelta(days=14, hours=6),
    "partner_nudge": retention.SENT_KEPT,
    "security_event": timedelta(days=90),
    "session": timedelta(days=3650),
}


# Where they are made.
ELSEWHERE = {"identity_nonce", "kept_answer", "refresh_token"}


def test_whatever_has_a_time_of_its_own_is_tried() -> None:
    assert {name for name, kept in retention.TABLES.items() if kept.over} == {*OVER, *ELSEWHERE}


@pytest.fixture
async def kit(app: FastAPI, db: AsyncSession, clock: Clock) -> Person:
    return await a_person(db, Person("kit", app, clock))


@pytest.mark.parametrize("table", OVER)
async def test_it_is_swept_when_its_time_is_over_and_not_before(
    table: str, couple: Two, kit: Person, db: AsyncSession, engines: Engines
) -> None:
    sam, alex = couple
    everybody, clock = (sam.id, alex.id, kit.id), sam.clock
    await sam.sends()
    await alex.takes_space("told", "2026-03-02T18:00:00Z")
    await kit.invites()
    await sam.put("/credentials/email", json={"email": "sam@elsewhere.example.org"})

    clock.forward(seconds=OVER[table].total_seconds() - 1)
    await chores.sweep(engines["worker"], clock.now)
    assert mentions((await contents(db))[table], *everybody)

    clock.forward(seconds=1)
    await chores.sweep(engines["worker"], clock.now)
    assert not mentions((await contents(db))[table], *everybody)


async def test_space_without_an_end_is_never_swept(
    couple: Two, engines: Engines, clock: Clock
) -> None:
    sam, _ = couple
    await sam.takes_space("silent")
    clock.forward(days=1000)

    await chores.sweep(engines["worker"], clock.now)

    assert (await sam.sees("/space"))["mine"] == {"ends_at": None, "mode": "silent"}


async def test_a_heap_is_swept_step_by_step(
    couple: Two, db: AsyncSession, engines: Engines, clock: Clock
) -> None:
    sam, _ = couple
    many = retention.MOST + 10
    now, later = clock.now, clock.now + timedelta(days=14)
    db.add_all(
        Nudge(
            id=new_id(now),
            account_id=sam.id,
            couple_id=None,
            kind=Kind.REVEAL,
            about=uuid4(),
            made_at=now,
            expires_at=later,
        )
        for _ in range(many)
    )
    await db.commit()
    clock.forward(days=15)

    more = [await chores.sweep(engines["worker"], clock.now) for _ in range(2)]

    assert more == [True, False]
    assert not mentions((await contents(db))["nudge"], sam.id)
