"""A shift: one kind of work, step after step, until its process is told to stop."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# The database is away, or two of us waited for each other: nothing is lost, since what was claimed
# comes back by itself.
AFTER_A_FAILURE = 2.0  # seconds

Clock = Callable[[], Awaitable[datetime]]
Step = Callable[[datetime], Awaitable[bool]]  # was there anything to do?

log = logging.getLogger(__name__)


async def shift(what: str, step: Step, every: float, clock: Clock, stop: asyncio.Event) -> None:
    """While there is something to do, at once again; otherwise `every` so many seconds. What has
    begun is finished.
    """
    while not stop.is_set():
        wait = AFTER_A_FAILURE
        try:
            now = await clock()
            wait = 0.0 if await step(now) else to_the_next(every, now)
        except (DBAPIError, PoolTimeout, OSError, TimeoutError) as error:
            log.warning("%s failed: %s", what, type(error).__name__)
        await pass_time(wait, stop)


def to_the_next(every: float, now: datetime) -> float:
    """Seconds until all wake again, at the full second among others: with it there is room to send
    more.
    """
    return every - now.microsecond / 1e6 % every


async def pass_time(seconds: float, stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
