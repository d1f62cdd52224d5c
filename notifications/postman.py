"""The mail's way out: claim, open, write, send, record. No transaction is open during a send.

At least once: a worker that is killed after the mail server took a mail and before that was
recorded sends it once more, under the same id.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from notifications import mail_queue
from notifications.carriers import Carrier, NotNow, Outcome, Undeliverable
from notifications.letters import Letterhead, written
from notifications.mail_queue import Due
from notifications.queue import WAITS
from notifications.shift import Clock, shift
from schemas.database import transaction
from schemas.mail import opened
from schemas.sealing import Keyring, Unsealable

BATCH = 20
AT_ONCE = 5  # connections: mail servers count them
# Longer than a batch takes that stalls on every mail: 20 / 5 times 20 seconds.
LEASE = timedelta(minutes=3)
WAKE_EVERY = 0.25  # seconds

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Postman:
    """Where mail goes out, and with which keys it is opened."""

    carrier: Carrier
    head: Letterhead
    keys: Keyring = field(repr=False)

    async def deliver(
        self, engine: AsyncEngine, now: datetime, stop: asyncio.Event | None = None
    ) -> int:
        """Handle what is due at `now`, and say how much that was. Once told to stop, what has not
        left waits for another worker.
        """
        lease = now + LEASE
        async with transaction(engine) as db:
            due = await mail_queue.claim(db, now, lease, BATCH)
        if not due:
            return 0
        in_turn = asyncio.Semaphore(AT_ONCE)
        sending = (self.send(each, in_turn, now, stop) for each in due)
        outcomes = await asyncio.gather(*sending)
        settled = {
            mail.id: mail.again_at(now) if isinstance(outcome, NotNow) else None
            for mail, outcome in zip(due, outcomes, strict=True)
        }
        # Again, where another claim holds some of it for a moment.
        for wait in (0.0, *WAITS):
            if settled:
                await asyncio.sleep(wait)
                async with transaction(engine) as db:
                    settled = await mail_queue.record(db, lease, settled)
        return len(due)

    async def send(
        self, mail: Due, in_turn: asyncio.Semaphore, now: datetime, stop: asyncio.Event | None
    ) -> Outcome:
        if mail.expires_at <= now:
            return Undeliverable()
        try:
            letter = opened(mail.id, mail.kind, mail.sealed, self.keys)
        except Unsealable:
            log.error("mail: sealed with a key that is not in this worker's settings")  # noqa: TRY400
            return NotNow()
        async with in_turn:
            if stop and stop.is_set():
                return NotNow()
            return await self.carrier.carry(written(letter, mail.id, self.head, now), letter.to)


async def work(engine: AsyncEngine, postman: Postman, clock: Clock, stop: asyncio.Event) -> None:
    """Beside the pushes, which never wait for a mail server. Until told to stop."""

    async def step(now: datetime) -> bool:
        return await postman.deliver(engine, now, stop) > 0

    await shift("delivery", step, WAKE_EVERY, clock, stop)
