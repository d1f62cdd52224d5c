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
        self.prepared: dict[tuple[bytes, tuple[int, ...]], bytes] = {}

    async def exchange(self, driver: Driver, asked: Sequence[Asked]) -> list[Row | None]:
        """`DriverError`, of the first that failed."""
        try:
            results = await driver.wait(self._results(driver, asked))
        finally:
            # Whoever is cut off in the middle cannot know whose answer comes next.
            if driver.pgconn.pipeline_status != PipelineStatus.OFF:
                await driver.close()
        return [*self._read(results)]

    def _results(self, driver: Driver, asked: Sequence[Asked]) -> PQGen[list["Result"]]:
        """One for each that was sent."""
        pgconn = driver.pgconn
        pgconn.enter_pipeline_mode()
        sent = [what for each in asked for what in self._send(driver, each)]
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
        return [Result(*each) for each in zip(sent, results[:-1], strict=False)]

    def _send(self, driver: Driver, asked: Asked) -> Iterator["Sent"]:
        """Prepared first, where that was not done before."""
        text, given = asked
        values = self.transformer.dump_sequence(given, [PyFormat.AUTO] * len(given))
        types, formats = self.transformer.types or (), self.transformer.formats
        if not self.prepares:
            driver.pgconn.send_query_params(text, values, types, formats)
        else:
            if (name := self.prepared.get((text, types))) is None:
                name = next(NAMES)
                driver.pgconn.send_prepare(name, text, types)
                yield Sent((text, types), name)
            driver.pgconn.send_query_prepared(name, values, formats)
        yield Sent()

    def _read(self, results: list["Result"]) -> Iterator[Row | None]:
        for sent, result in results:
            if result.status in {ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED}:
                raise error_from_result(result)
            if sent.prepared:
                self.prepared[sent.prepared] = sent.name
            else:
                self.transformer.set_pgresult(result)
                yield self.transformer.load_row(0, tuple) if result.ntuples else None


class Sent(NamedTuple):
    """One message: it prepares a statement of such values under a name, or asks it."""

    prepared: tuple[bytes, tuple[int, ...]] | None = None
    name: bytes = b""


class Result(NamedTuple):
    """What came back for it."""

    sent: Sent
    result: PGresult
