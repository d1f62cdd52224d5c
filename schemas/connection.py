"""One connection to PostgreSQL, directly or through a pooler such as PgBouncer, that never hangs.

The server's own time limits end a statement that takes too long. They say nothing when the server
itself stands still, or the way to it is cut: then only our side is left to notice.
"""

import asyncio
import os
import socket
from contextlib import suppress
from typing import Any, Self

import psycopg


class Connection(psycopg.AsyncConnection[Any]):
    """Hangs up on a server that has said nothing for `patience` seconds.

    That is an OperationalError like any other lost connection, so whoever lent it out takes it
    back and opens a new one.
    """

    patience: float

    @classmethod
    async def open(cls, patience: float, *where: str, **how: Any) -> Self:  # noqa: ANN401
        # libpq's own limit on this cannot be less than two seconds.
        try:
            async with asyncio.timeout(patience):
                connection = await cls.connect(*where, **how)
        except TimeoutError:
            msg = "the database does not answer"
            raise psycopg.OperationalError(msg) from None
        connection.patience = patience
        await connection.look_for_a_pooler()
        return connection

    async def look_for_a_pooler(self) -> None:
        """A pooler says who serves us in a word of its own. It may give each transaction another
        server connection, which does not know what we have prepared on the one before.
        """
        cursor = await self.execute("select pg_backend_pid()")
        if await cursor.fetchone() != (self.info.backend_pid,):
            self.prepare_threshold = None

    async def wait(self, *waiting: Any, **how: Any) -> Any:  # noqa: ANN401
        """Each time that we wait for the server, whatever for."""
        giving_up = asyncio.get_running_loop().call_later(self.patience, self.hang_up)
        try:
            return await super().wait(*waiting, **how)
        finally:
            giving_up.cancel()

    def hang_up(self) -> None:
        """Whoever waits on this socket wakes up and finds that nobody is there any more.

        To cancel the waiting instead would ask the server's leave, and wait for it.
        """
        with (
            suppress(OSError, psycopg.Error),  # it is closed already
            socket.socket(fileno=os.dup(self.fileno())) as line,
        ):
            line.shutdown(socket.SHUT_RDWR)
