"""The worker: plan, claim, judge, send, record. No transaction is open during a send.

Space that begins while pushes wait wins over all that are not claimed yet: facts are read in the
transaction that claims, and a batch leaves at once. In flight is at most one batch, for as long
as it takes to be handed to the network.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import UTCDateTime, func, select

from notifications import queue
from notifications.facts import read_facts
from notifications.plan import plan
from notifications.policy import Due, Facts, Send, Settled, judge, pause, settle
from notifications.push import Outcome, Push, Sender
from schemas.database import transaction

BATCH = 200
HOURS = 500
WAKE_EVERY = 0.5  # seconds
# Longer than a batch can take: every push of it is on its way at once, and gives up after 10 s.
LEASE = timedelta(minutes=2)
SWEEP_EVERY = timedelta(hours=1)
AFTER_A_FAILURE = 5.0  # seconds

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handled:
    """One push, what came of it on each phone, and what follows."""

    push: Due
    outcomes: Mapping[UUID, Outcome]
    settled: Settled


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
        facts = await read_facts(db, [push.account_id for push in pushes], now)

    handled = await asyncio.gather(
        *(handle(push, facts.get(push.account_id), sender, now) for push in pushes)
    )
    if handled:
        async with transaction(engine) as db:
            await queue.record(db, lease, {each.push.id: each.settled for each in handled})
            await queue.forget(db, dead_targets(handled, facts))
    peace = max((pause(each.outcomes) for each in handled), default=timedelta(0))
    return planned + len(pushes), peace


async def handle(push: Due, facts: Facts | None, sender: Sender, now: datetime) -> Handled:
    """All phones of one person at the same time: one that hangs does not delay the others."""
    verdict = judge(push, facts, now)
    if not isinstance(verdict, Send):
        return Handled(push, {}, verdict)
    ttl = push.expires_at - now
    sends = (
        sender.send(Push(push.id, push.kind, target, ttl)) for target in verdict.phones.values()
    )
    outcomes = dict(zip(verdict.phones, await asyncio.gather(*sends), strict=True))
    return Handled(push, outcomes, settle(push, outcomes, now))


def dead_targets(handled: list[Handled], facts: Mapping[UUID, Facts]) -> dict[UUID, str]:
    return {
        device: facts[each.push.account_id].phones[device].value
        for each in handled
        for device in each.settled.dead
    }


async def sweep(engine: AsyncEngine, now: datetime) -> None:
    async with transaction(engine) as db:
        await queue.sweep(db, now)


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
                await sweep(engine, now)
                swept = now
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
