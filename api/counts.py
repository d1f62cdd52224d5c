"""Where it is counted how often somebody asks: in memory, or in a Redis for several processes."""

import asyncio
from collections import defaultdict, deque
from time import monotonic
from typing import Protocol

from limits.aio.storage import RedisStorage

# Seconds. Redis is asked with every request: whoever waits for it waits twice, for nothing.
REDIS_ANSWERS_WITHIN = 0.25


class Counts(Protocol):
    """A window begins with the first time, and ends so many seconds later."""

    async def one_more(self, key: str, seconds: int) -> int:
        """How many those in its window are by now."""


class InMemory:
    """What is over goes when somebody else is counted for as long. Windows of one length end in
    the order in which they began, so that nothing is looked at that is not over.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.ends: dict[int, deque[tuple[float, str]]] = defaultdict(deque)

    async def one_more(self, key: str, seconds: int) -> int:
        now, ends = monotonic(), self.ends[seconds]
        while ends and ends[0][0] <= now:
            del self.counts[ends.popleft()[1]]
        if key not in self.counts:
            ends.append((now + seconds, key))
        count = self.counts[key] = self.counts.get(key, 0) + 1
        return count


class InRedis:
    """One that is away is noticed soon, and not before it is asked."""

    def __init__(self, url: str) -> None:
        self.storage = RedisStorage(
            f"async+{url}",
            wrap_exceptions=True,
            connect_timeout=REDIS_ANSWERS_WITHIN,
            stream_timeout=REDIS_ANSWERS_WITHIN,
        )

    async def one_more(self, key: str, seconds: int) -> int:
        async with asyncio.timeout(2 * REDIS_ANSWERS_WITHIN):
            return await self.storage.incr(key, seconds)


def open_counts(redis_url: str | None) -> Counts:
    return InRedis(redis_url) if redis_url else InMemory()
