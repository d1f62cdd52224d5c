"""One connection to PostgreSQL, directly or through a pooler such as PgBouncer, that never hangs.

The server's own time limits end a statement that takes too long. They say nothing when the server
itself stands still, or the way to it is cut: then only our side is left to notice.
"""

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Self

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.array import ListBinaryDumper

from schemas.talk import Asked, Driver, Talk

DriverError = psycopg.Error
ROLLBACK = Asked(b"rollback")


class Connection(Driver):
    """Hangs up on a server that has said nothing for `patience` seconds.

    That is an OperationalError like any other lost connection, so whoever lent it out takes it
    back and opens a new one.
    """

    patience: float
    hung_up = False
    settings: Sequence[str] = ()  # to be said in each transaction, where they do not hold for all
    talk: Talk

    @classmethod
    async def open(
        cls,
        patience: float,
        settings: Sequence[str],
        *where: str,
        **how: Any,  # noqa: ANN401
    ) -> Self:
        """`settings` say their `{scope}`, and hold for all that is asked on it."""
        # libpq's own limit on this cannot be less than two seconds.
        try:
            async with asyncio.timeout(patience):
                connection = await cls.connect(*where, **how)
        except TimeoutError:
            msg = "the database does not answer"
            raise psycopg.OperationalError(msg) from None
        connection.patience = patience
        # The driver would write each value of an array as text and look whether it must be quoted,
        # which is half of what a thousand rows cost a worker.
        connection.adapters.register_dumper(list, ListBinaryDumper)
        try:
            await connection.settle(settings)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def settle(self, settings: Sequence[str]) -> None:
        """A pooler says who serves us in a word of its own. It may give each transaction another
        server connection: what we have prepared is not known there, and what we left set would
        stay there for others.
        """
        cursor = await self.execute("select pg_backend_pid()")
        if await cursor.fetchone() == (self.info.backend_pid,):
            await self.execute("; ".join(settings).format(scope="session"))
        else:
            self.prepare_threshold = None
            self.settings = [each.format(scope="local") for each in settings]
        self.talk = Talk(self, prepares=self.prepare_threshold is not None)

    async def rollback(self) -> None:
        """The driver's own would take back all that was prepared as well, in case it names what is
        no more. Nothing here makes or drops a table.
        """
        if not is_idle(self):
            await self.talk.exchange(self, [ROLLBACK])

    async def wait(self, *waiting: Any, **how: Any) -> Any:  # noqa: ANN401
        """Each time that we wait for the server, whatever for. Statements that go out together are
        answered together: it has this time for all of them.
        """
        giving_up = asyncio.get_running_loop().call_later(self.patience, self.hang_up)
        try:
            return await super().wait(*waiting, **how)
        finally:
            giving_up.cancel()
            if self.hung_up:
                # Also where the answer was here already, and only we were late to look.
                await self.close()

    def hang_up(self) -> None:
        """Whoever waits on this socket wakes up and finds that nobody is there any more.

        To cancel the waiting instead would ask the server's leave, and wait for it.
        """
        self.hung_up = True
        with (
            suppress(OSError, psycopg.Error),  # it is closed already
            socket.socket(fileno=os.dup(self.fileno())) as line,
        ):
            line.shutdown(socket.SHUT_RDWR)


def is_idle(driver: Driver) -> bool:
    """Is no transaction open on it?"""
    return driver.pgconn.transaction_status == TransactionStatus.IDLE
