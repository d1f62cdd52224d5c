"""Requests against the worker, on real connections, many times over."""

import asyncio
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.builders import Person, Two, a_couple, nudges_of, pushes_of
from tests.fakes import Clock
from tests.notifications.conftest import Phones, Worker

ROUNDS = 50
SUNDAY = datetime(2026, 3, 8, 20, 8, tzinfo=UTC)


async def test_space_against_plan_nothing_rings_after_the_answer(
    couple: Two, work: Worker, phones: Phones, clock: Clock
) -> None:
    sam, alex = couple
    made = (await sam.schedules(weekday=None, cadence="daily", pack="daily_pulse")).json()
    await alex.signs(made, at="20:00", zone="UTC")
    await work.tick()
    clock.to(SUNDAY)

    for day in range(ROUNDS):
        clock.to(SUNDAY + timedelta(days=day))
        ticking = asyncio.create_task(work.tick())
        await asyncio.sleep(0.001 * (day % 25))
        taken = await alex.takes_space("silent" if day % 2 else "told")
        await ticking
        before = await phones.rang(alex.phone)
        clock.forward(hours=3, minutes=30)
        await work.tick()

        assert taken.status_code == 200
        assert await phones.rang(alex.phone) == before
        assert len((await alex.sees("/checkins"))["checkins"]) == day + 1
        await alex.delete("/space")


async def test_leaving_against_plan_leaves_nothing_behind(
    app: FastAPI, work: Worker, clock: Clock, db: AsyncSession
) -> None:
    """Whoever comes first: the worker neither fails nor waits, and nothing of the two remains."""
    clock.to(SUNDAY)
    for day in range(ROUNDS):
        sam, alex = await a_couple(db, Person("sam", app, clock), Person("alex", app, clock))
        made = await sam.schedules(weekday=None, cadence="daily", at="20:00", zone="UTC")
        await alex.signs(made.json(), at="20:00", zone="UTC")
        clock.forward(days=1)

        ticking = asyncio.create_task(work.tick())
        await asyncio.sleep(0.001 * (day % 25))
        left = await alex.leaves()
        await ticking

        assert left.status_code == 204
        for person in (sam, alex):
            assert (await nudges_of(person, db), await pushes_of(person, db)) == ([], [])
            await db.commit()
