"""The worker: plan, claim, judge, send, record. No transaction is open during a send.

Space that begins while pushes wait wins over all that have not left: facts are read in the
transaction that claims, and again before each further wave of a batch, and no other lane comes
between them and the network. That transaction also takes from what all workers together may send,
and what FCM tells one of them all hear.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications import queue, sending
from notifications.batch import Batch
from notifications.chores import Chores
from notifications.facts import read_facts
from notifications.metrics import TICKED
from notifications.pace import PER_MINUTE
from notifications.plan import plan
from notifications.policy import peace, rest
from notifications.push import Sender
from notifications.shift import Clock, shift
from notifications.way_out import WayOut
from schemas.base import EARLIEST
from schemas.database import transaction
from schemas.short import Short
from schemas.traces import span

# While what one lane sends is on its way, others claim and record. More of them make nobody's facts
# older: one at a time is on the way out. What is with FCM rings, whatever begins meanwhile.
LANES = 4
BATCH = 100
HOURS = 1000
WAKE_EVERY = 0.5  # seconds
# Longer than a batch takes, unless FCM hangs for wave after wave: then a push may leave twice.
LEASE = timedelta(minutes=2)
CLOCK = Short(select(func.clock_timestamp()))


async def work(
    engine: AsyncEngine,
    sender: Sender,
    clock: Clock,
    stop: asyncio.Event,
    per_minute: int = PER_MINUTE,
) -> None:
    """Until told to stop; then finish what has begun, and nothing more."""
    way = WayOut(sender, stop, per_minute)
    lanes = [Lane(engine, way) for _ in range(LANES)]
    await asyncio.gather(
        *(shift("tick", lane.step, WAKE_EVERY, clock, stop) for lane in lanes),
        shift("chore", Chores(engine).step, WAKE_EVERY, clock, stop),
    )


@dataclass(slots=True)
class Lane:
    """One of those that tick. What it is told by FCM holds for all; that it gets no answer from
    Google at all, for itself.
    """

    engine: AsyncEngine
    way: WayOut
    rests_until: datetime = EARLIEST

    async def step(self, now: datetime) -> bool:
        """Check-ins open in any case."""
        with span("tick"):
            if now < self.rests_until:
                handled = await plan_due(self.engine, now)
            else:
                handled, rests = await tick(self.engine, self.way, now)
                self.rests_until = now + rests
        TICKED.set_to_current_time()
        return handled > 0


async def tick(engine: AsyncEngine, way: WayOut, now: datetime) -> tuple[int, timedelta]:
    """Handle what is due at `now`. Returns how much that was, and how long this worker has nothing
    to send, since it is not let in.
    """
    planned = await plan_due(engine, now)
    sent, rests = await send_due(engine, way, now)
    return planned + sent, rests


async def plan_due(engine: AsyncEngine, now: datetime) -> int:
    """Check-ins open whether or not anything may be sent."""
    async with step("plan", engine) as db:
        return await plan(db, now, HOURS)


async def send_due(engine: AsyncEngine, way: WayOut, now: datetime) -> tuple[int, timedelta]:
    # Workers that disagree about the time would cut each other's leases short: in production
    # `now` is the database's clock, read before each tick.
    lease = now + LEASE
    batch = await send(engine, way, now, lease)
    if batch.pushes:
        async with step("record", engine) as db:
            held = await queue.record(db, lease, batch.settled())
            await queue.forget(db, batch.dead)
            await sending.hush(db, now, peace(batch.outcomes.values()))
        for wait in queue.WAITS:
            if held:
                await asyncio.sleep(wait)
                async with step("record", engine) as db:
                    held = await queue.record(db, lease, held)
    return len(batch.pushes), rest(batch.outcomes.values())


async def send(engine: AsyncEngine, way: WayOut, now: datetime, lease: datetime) -> Batch:
    """Wave after wave. What they are answered is waited for when it is somebody else's turn."""
    async with way.first_turn():
        batch = await claim(engine, now, lease, way.per_minute)
        answers = await batch.leave(way)
    await answers
    while batch.ahead:
        async with way.turn:
            await batch.look_again(engine)
            answers = await batch.leave(way)
        await answers
    return batch


async def claim(engine: AsyncEngine, now: datetime, lease: datetime, per_minute: int) -> Batch:
    """As many as may leave. Together: who takes space before this commits is not sent to, and
    claimed rows are locked, so that nobody among them can leave before their facts are read.
    """
    async with step("claim", engine) as db:
        room = await sending.room(db, now, per_minute, BATCH)
        pushes = await queue.claim(db, now, lease, room) if room else []
        facts = await read_facts(db, {push.account_id for push in pushes}, now)
        batch = Batch(pushes, facts, now)
        # Last, since other workers wait for it: what somebody was quicker to take is given back.
        batch.fit(await sending.take(db, now, per_minute, len(batch.ringing())))
    return batch


@asynccontextmanager
async def step(name: str, engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """One transaction, and it shows in a trace."""
    with span(name):
        async with transaction(engine) as db:
            yield db


async def database_clock(engine: AsyncEngine) -> datetime:
    row = await CLOCK.alone(engine)
    assert row is not None  # noqa: S101
    at: datetime = row[0]
    return at.astimezone(UTC)
