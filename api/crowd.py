"""How many of one person's requests are worked on at once, in one process.

Each holds a connection of the database while it waits for the couple's row. Without this, one
person could hold them all, and their partner would be kept from taking space. What protects
somebody has places of its own, which nothing else of theirs can take.
"""

import asyncio
from asyncio import Semaphore
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf
from uuid import UUID

from api.errors import Busy, TooManyRequests

AT_ONCE = 4
AT_ONCE_TO_PROTECT = 2
EXPORTS = 2
IN_LINE = 8  # of one session, behind those
# Seconds in line. Where those before them wait for a database that is away, whoever stands behind
# them must hear of it as soon as anybody.
PATIENCE = 0.4


@dataclass
class Line:
    """Whoever comes first goes first."""

    places: Semaphore
    people: int = 0


class Crowd:
    """A place for each request, or `TooManyRequests` at once, or `Busy` soon."""

    def __init__(self, in_line: float = IN_LINE, patience: float = PATIENCE) -> None:
        self.in_line, self.patience = in_line, patience
        self.lines: dict[Hashable, Line] = {}

    @asynccontextmanager
    async def enter(
        self, account_id: UUID, session_id: UUID, *, protects: bool
    ) -> AsyncIterator[None]:
        """A line for each session before the one of the account: whoever holds a token of a
        session that was stolen, or has ended, is no more than one more ahead.
        """
        at_once = AT_ONCE_TO_PROTECT if protects else AT_ONCE
        # Whoever has a copy of somebody's token must not be able to fill the line in which they
        # stand to leave: there, only patience ends.
        in_line = inf if protects else self.in_line
        latest = asyncio.get_running_loop().time() + self.patience
        async with (
            self._in(("session", session_id, protects), at_once, in_line, latest),
            self._in(("account", account_id, protects), at_once, inf, latest),
        ):
            yield

    @asynccontextmanager
    async def enter_to_export(self, account_id: UUID) -> AsyncIterator[None]:
        """One of each person and two of all: each holds a connection for as long as it takes."""
        latest = asyncio.get_running_loop().time() + self.patience
        async with (
            self._in(("export", account_id), 1, inf, latest),
            self._in("exports", EXPORTS, inf, latest),
        ):
            yield

    @asynccontextmanager
    async def _in(
        self, whose: Hashable, at_once: int, in_line: float, latest: float
    ) -> AsyncIterator[None]:
        line = self.lines.setdefault(whose, Line(Semaphore(at_once)))
        if line.people >= at_once + in_line:
            raise TooManyRequests
        line.people += 1
        try:
            await come_first(line, latest)
            try:
                yield
            finally:
                line.places.release()
        finally:
            line.people -= 1
            if not line.people:
                del self.lines[whose]


async def come_first(line: Line, latest: float) -> None:
    if not line.places.locked():
        await line.places.acquire()  # at once: nobody needs to be called away
        return
    try:
        async with asyncio.timeout_at(latest):
            await line.places.acquire()
    except TimeoutError:
        raise Busy from None
