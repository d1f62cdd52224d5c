"""The worker: plan, claim, judge, send, record. No transaction is open during a send.

Space that begins while pushes wait wins over all that have not left: facts are read in the
transaction that claims, and again before each further wave of a batch.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import UTCDateTime, func, select

from notifications import queue
from notifications.batch import Batch
from notifications.erasure import erase
from notifications.facts import read_facts
from notifications.plan import plan
from notifications.policy import pause
from notifications.push import Sender
from schemas.database import transaction
from schemas.retention import MOST, SWEEPS

BATCH = 200
HOURS = 500
WAKE_EVERY = 0.5  # seconds
# Longer than a batch takes, unless FCM hangs for wave after wave: then a push may leave twice.
LEASE = timedelta(minutes=2)
SWEEP_EVERY = timedelta(hours=1)
AFTER_A_FAILURE = 5.0  # seconds

log = logging.getLogger(__name__)


async def tick(engine: AsyncEngine, sender: Sender, now: datetime) -> tuple[int, timedelta]:
    """Handle what is due at `now`. Returns how much that was, and how long FCM wants peace."""
    async with transaction(engine) as db:
        planned = await plan(db, now, HOURS)

    # Workers that disagree about the time would cut each other's leases short: in production
    # `now` is the database's clock, read before each tick.
    lease = now + LEASE
    async with transaction(engine) as db:
        # Together: who takes space before this commits is not sent to, and claimed rows are
        # locked, so that nobody among them can leave before their facts are read.
        pushes = await queue.claim(db, now, lease, BATCH)
        facts = await read_facts(db, {push.account_id for push in pushes}, now)

    batch = Batch(pushes, facts, now)
    if pushes:
        await batch.send(engine, sender)
        async with transaction(engine) as db:
            await queue.record(db, lease, batch.settled())
            await queue.forget(db, batch.dead)
    return planned + len(pushes), pause(batch.outcomes.values())


async def sweep(engine: AsyncEngine, now: datetime) -> bool:
    """One bounded step of all that is over. Is there more?"""
    swept = [await erase(engine, now)]
    for statement in SWEEPS:
        async with transaction(engine) as db:
            swept.append(await queue.sweep(db, statement, now) >= MOST)
    return any(swept)


async def database_clock(engine: AsyncEngine) -> datetime:
    async with transaction(engine) as db:
        return (await db.exec(select(func.clock_timestamp(type_=UTCDateTime)))).one()


async def work(
    engine: AsyncEngine,
    sender: Sender,
    clock: Callable[[], Awaitable[datetime]],
    stop: asyncio.Event,
) -> None:
    """Tick until told to stop; then finish what has begun, and nothing more."""
    swept = None
    while not stop.is_set():
        wait: float
        try:
            now = await clock()
            if swept is None or now >= swept + SWEEP_EVERY:
                swept = now  # also where it fails: no push waits for it
                if await sweep(engine, now):
                    swept = None  # a heap goes step by step, between ticks
            handled, peace = await tick(engine, sender, now)
            wait = peace.total_seconds() or (0.0 if handled else WAKE_EVERY)
        except (DBAPIError, OSError, TimeoutError) as error:
            # The database is away, or two of us waited for each other: nothing is lost, since
            # what was claimed comes back by itself.
            log.warning("tick failed: %s", type(error).__name__)
            wait = AFTER_A_FAILURE
        await pass_time(wait, stop)


async def pass_time(seconds: float, stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
