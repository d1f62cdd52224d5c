"""The way out of a worker, which its lanes share and on which one of them is at a time.

From reading the facts of a wave to its having left, somebody may take space and hear of it all the
same. So nobody makes that time longer for anybody else: the next lane reads facts when the wave
before it is with the network, and what that answers is waited for beside the way.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from notifications.pace import PER_MINUTE
from notifications.push import Sender

# Seconds that a lane waits for its turn with nothing in its hands. Then it begins anew, by another
# clock: a wave that stalls (no credential, no line) must not make others send by an old one.
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class WayOut:
    """Through whom messages leave, how many a minute, and until when."""

    sender: Sender
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    per_minute: int = PER_MINUTE
    patience: float = PATIENCE
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def first_turn(self) -> AsyncIterator[None]:
        """Before anything is claimed, so that no row is locked while a lane waits for another.
        `TimeoutError` where the way is not free for long.
        """
        async with asyncio.timeout(self.patience):
            await self.turn.acquire()
        try:
            yield
        finally:
            self.turn.release()
