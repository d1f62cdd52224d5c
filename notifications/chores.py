"""What a worker does now and then, beside sending: sweep what is over, measure what waits."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Delete
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from notifications import queue, sending
from notifications.erasure import erase
from notifications.metrics import OLDEST, PEACE, WAITING
from schemas.database import transaction
from schemas.retention import MOST, SWEEPS

SWEEP_EVERY = timedelta(hours=1)
MEASURE_EVERY = timedelta(seconds=15)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Chores:
    """Each when its time has come again; a heap goes step by step."""

    engine: AsyncEngine
    done: dict["Chore", datetime] = field(default_factory=dict)

    async def step(self, now: datetime) -> bool:
        """One step of each. Is there more?"""
        for chore, every in CHORES:
            if chore not in self.done or now >= self.done[chore] + every:
                self.done[chore] = now  # also where it fails: nothing waits for it
                if await chore(self.engine, now):
                    del self.done[chore]
        return len(self.done) < len(CHORES)


Chore = Callable[[AsyncEngine, datetime], Awaitable[bool | None]]  # True: there is more


async def measure(engine: AsyncEngine, now: datetime) -> None:
    async with transaction(engine) as db:
        waiting, since = await queue.waiting(db, now)
        peace_until = (await sending.look(db)).peace_until
    WAITING.set(waiting)
    OLDEST.set((now - since).total_seconds() if since else 0)
    PEACE.set(max(0, (peace_until - now).total_seconds()))


async def sweep(engine: AsyncEngine, now: datetime) -> bool:
    """Who is due is erased, and one bounded step of all that is over is swept. Is there more?"""
    await erase(engine, now)
    swept = [await swept_by(statement, engine, now) for statement in SWEEPS]
    return any(swept)


async def swept_by(statement: Delete, engine: AsyncEngine, now: datetime) -> bool:
    """Are there more? A table that cannot be swept at present keeps no other from being swept."""
    try:
        async with transaction(engine) as db:
            return (await db.exec(statement, params={"now": now})).rowcount >= MOST
    except DBAPIError as error:
        log.warning("a sweep is put off: %s", type(error).__name__)
        return False


CHORES: tuple[tuple[Chore, timedelta], ...] = ((sweep, SWEEP_EVERY), (measure, MEASURE_EVERY))
