"""The worker: plan, claim, judge, send, record. No transaction is open during a send.

Space that begins while pushes wait wins over all that have not left: facts are read in the
transaction that claims, and again before each further wave of a batch.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import UTCDateTime, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications import queue
from notifications.batch import Batch
from notifications.erasure import erase
from notifications.facts import read_facts
from notifications.metrics import OLDEST, TICKED, WAITING
from notifications.plan import plan
from notifications.policy import pause
from notifications.push import Sender
from schemas.base import EARLIEST
from schemas.database import transaction
from schemas.retention import MOST, SWEEPS
from schemas.traces import span

BATCH = 200
HOURS = 1000
WAKE_EVERY = 0.5  # seconds
# Longer than a batch takes, unless FCM hangs for wave after wave: then a push may leave twice.
LEASE = timedelta(minutes=2)
SWEEP_EVERY = timedelta(hours=1)
MEASURE_EVERY = timedelta(seconds=15)
AFTER_A_FAILURE = 2.0  # seconds

log = logging.getLogger(__name__)


async def tick(
    engine: AsyncEngine,
    sender: Sender,
    now: datetime,
    stop: asyncio.Event | None = None,
    *,
    resting: bool = False,
) -> tuple[int, timedelta]:
    """Handle what is due at `now`. Returns how much that was, and how long FCM wants peace. While
    it has it, nothing is sent; check-ins open all the same.
    """
    async with step("plan", engine) as db:
        planned = await plan(db, now, HOURS)
    if resting:
        return planned, timedelta(0)
    sent, peace = await send_due(engine, sender, now, stop)
    return planned + sent, peace


async def send_due(
    engine: AsyncEngine, sender: Sender, now: datetime, stop: asyncio.Event | None
) -> tuple[int, timedelta]:
    # Workers that disagree about the time would cut each other's leases short: in production
    # `now` is the database's clock, read before each tick.
    lease = now + LEASE
    async with step("claim", engine) as db:
        # Together: who takes space before this commits is not sent to, and claimed rows are
        # locked, so that nobody among them can leave before their facts are read.
        pushes = await queue.claim(db, now, lease, BATCH)
        facts = await read_facts(db, {push.account_id for push in pushes}, now)

    batch = Batch(pushes, facts, now)
    if pushes:
        with span("send", pushes=len(pushes)):
            await batch.send(engine, sender, stop)
        async with step("record", engine) as db:
            await queue.record(db, lease, batch.settled())
            await queue.forget(db, batch.dead)
    return len(pushes), pause(batch.outcomes.values())


@asynccontextmanager
async def step(name: str, engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """One transaction, and it shows in a trace."""
    with span(name):
        async with transaction(engine) as db:
            yield db


async def measure(engine: AsyncEngine, now: datetime) -> None:
    async with transaction(engine) as db:
        waiting, since = await queue.waiting(db, now)
    WAITING.set(waiting)
    OLDEST.set((now - since).total_seconds() if since else 0)


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
    done: dict[Chore, datetime] = {}
    peace_until = EARLIEST
    while not stop.is_set():
        wait: float
        try:
            now = await clock()
            await do_chores(engine, now, done)
            with span("tick"):
                handled, peace = await tick(engine, sender, now, stop, resting=now < peace_until)
            peace_until = max(peace_until, now + peace)
            TICKED.set_to_current_time()
            wait = 0.0 if handled else WAKE_EVERY
        except (DBAPIError, OSError, TimeoutError) as error:
            # The database is away, or two of us waited for each other: nothing is lost, since
            # what was claimed comes back by itself.
            log.warning("tick failed: %s", type(error).__name__)
            wait = AFTER_A_FAILURE
        await pass_time(wait, stop)


Chore = Callable[[AsyncEngine, datetime], Awaitable[bool | None]]  # True: there is more
CHORES: tuple[tuple[Chore, timedelta], ...] = ((sweep, SWEEP_EVERY), (measure, MEASURE_EVERY))


async def do_chores(engine: AsyncEngine, now: datetime, done: dict[Chore, datetime]) -> None:
    """Each when its time has come again; a heap goes step by step, between ticks."""
    for chore, every in CHORES:
        if chore not in done or now >= done[chore] + every:
            done[chore] = now  # also where it fails: no push waits for it
            if await chore(engine, now):
                del done[chore]


async def pass_time(seconds: float, stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
