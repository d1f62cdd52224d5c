"""Round trips to PostgreSQL, counted at the driver: some statements go past SQLAlchemy.

A statement is one, and so are those that go out together, and so is a page of a cursor.
`executemany` is one, however many rows it has. What a new connection asks once,
and what prepares a statement once for each connection, is in none of these numbers.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from psycopg import AsyncConnection, AsyncCursor, AsyncPipeline, AsyncServerCursor
from psycopg.pq import TransactionStatus

from schemas.talk import Talk

Asked = list[str]  # what was asked, in the order it was
Way = Callable[..., Awaitable[Any]]
# A cursor on the server is declared, and then asked what it is like.
COSTS = {
    (AsyncCursor, "execute"): 1,
    (AsyncCursor, "executemany"): 1,
    (AsyncServerCursor, "execute"): 2,
    (AsyncServerCursor, "fetchone"): 1,
    (AsyncServerCursor, "fetchmany"): 1,
    (AsyncServerCursor, "fetchall"): 1,
    (AsyncServerCursor, "close"): 1,
    (Talk, "exchange"): 1,
    (AsyncConnection, "commit"): 1,
    (AsyncConnection, "rollback"): 1,
}


@contextmanager
def counted() -> Iterator[Asked]:
    """All that goes to the database until the block is left, whoever asks."""
    assert AsyncPipeline.is_supported(), "without pipelines, every row is a round trip"
    asked: Asked = []
    with ExitStack() as patches:
        for (kind, name), trips in COSTS.items():
            way = counting(asked, getattr(kind, name), trips)
            patches.enter_context(patch.object(kind, name, way))
        yield asked


def counting(asked: Asked, way: Way, trips: int) -> Way:
    async def go(self: Any, *what: Any, **how: Any) -> Any:  # noqa: ANN401
        if not nothing_to_end(self):
            asked.extend([" ".join(str([way.__name__, *what[-1:]]).split())] * trips)
        return await way(self, *what, **how)

    return go


def nothing_to_end(whom: object) -> bool:
    """A connection in no transaction says nothing: there is nothing to commit or roll back."""
    if not isinstance(whom, AsyncConnection):
        return False
    return whom.info.transaction_status is TransactionStatus.IDLE
