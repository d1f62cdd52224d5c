"""What is said to PostgreSQL on one connection, below the driver's cursors: several statements at
once, in libpq's pipeline mode, and all of their answers after one wait.

What is asked is what a cursor would ask, with the same values, and is prepared likewise.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

from psycopg import AsyncConnection, OperationalError, generators
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, PipelineStatus
from psycopg.pq.abc import PGresult

Driver = AsyncConnection[Any]
NAMES = (b"asked_%d" % number for number in count())
Row = tuple[Any, ...]
Form = tuple[bytes, tuple[int, ...]]  # a statement, and the types of what it is given
LOST = "the connection was lost in the middle of an exchange"


class Asked(NamedTuple):
    """One statement, of which one row is read at most, and its values for `$1` and on."""

    text: bytes
    values: Sequence[object] = ()


class Talk:
    """What was prepared on one connection, and how values are written there and read."""

    def __init__(self, driver: Driver, *, prepares: bool) -> None:
        self.transformer = Transformer(driver)
        self.prepares = prepares
        self.prepared: dict[Form, bytes] = {}

    async def exchange(self, driver: Driver, asked: Sequence[Asked]) -> list[Row | None]:
        """`DriverError`, of the first that failed."""
        sent = [message for each in asked for message in self._messages(each)]
        try:
            results = await driver.wait(self._results(driver, sent))
        finally:
            # Whoever is cut off in the middle cannot know whose answer comes next.
            if driver.pgconn.pipeline_status != PipelineStatus.OFF:
                await driver.close()
        return [*self._read(sent, results)]

    def _messages(self, asked: Asked) -> Iterator["Message"]:
        """A statement is prepared first, where that was not done before."""
        text, given = asked
        values = self.transformer.dump_sequence(given, [PyFormat.AUTO] * len(given))
        form = text, tuple(self.transformer.types or ())
        formats = self.transformer.formats
        if not self.prepares:
            yield Message("send_query_params", (text, values, form[1], formats))
            return
        if (name := self.prepared.get(form)) is None:
            name = next(NAMES)
            yield Message("send_prepare", (name, *form), form)
        yield Message("send_query_prepared", (name, values, formats))

    def _results(self, driver: Driver, sent: Sequence["Message"]) -> PQGen[list[PGresult]]:
        """One for each message, up to the first that failed."""
        pgconn = driver.pgconn
        pgconn.enter_pipeline_mode()
        for message in sent:
            getattr(pgconn, message.way)(*message.what)
        pgconn.pipeline_sync()
        yield from generators.send(pgconn)
        results: list[PGresult] = []
        while not results or results[-1].status != ExecStatus.PIPELINE_SYNC:
            # None ends the answer to a statement; of a lost connection it is all that ever comes.
            if (result := (yield from generators.fetch(pgconn))) is not None:
                results.append(result)
            elif pgconn.status != ConnStatus.OK:
                raise OperationalError(LOST)
        pgconn.exit_pipeline_mode()
        return results[:-1]

    def _read(self, sent: Sequence["Message"], results: Sequence[PGresult]) -> Iterator[Row | None]:
        for message, result in zip(sent, results, strict=False):
            if result.status in {ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED}:
                raise error_from_result(result)
            if message.prepares:
                self.prepared[message.prepares] = message.what[0]
            else:
                self.transformer.set_pgresult(result)
                yield self.transformer.load_row(0, tuple) if result.ntuples else None


class Message(NamedTuple):
    """One of libpq's: its name there, what it says, and what it prepares, if it does."""

    way: str
    what: tuple[Any, ...]
    prepares: Form | None = None
