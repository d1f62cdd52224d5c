"""An exchange: statements that go to PostgreSQL together, and whose answers come back together.

One wait for all of them, and half as much of a core for each as with the driver's cursors. Until
all are answered they are one transaction, unless they say otherwise.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from opentelemetry.trace import Span, SpanKind
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError

from schemas.connection import Connection, DriverError
from schemas.talk import Asked, Driver, Row, Talk
from schemas.traces import LONGEST_STATEMENT, NOTHING, looked_at, span

DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


async def exchange(driver: Driver, asked: Sequence[Asked]) -> list[Row | None]:
    """The first row of each. `DBAPIError`, as ever, where the database is away or refuses one:
    then those that came after it were not done.
    """
    # Somebody else's connection is nothing that we could have prepared anything on.
    talk = driver.talk if isinstance(driver, Connection) else Talk(driver, prepares=False)
    with as_ever(asked), traced(asked):
        return await talk.exchange(driver, asked)


@contextmanager
def as_ever(asked: Sequence[Asked]) -> Iterator[None]:
    """What the driver says of it, in the words of SQLAlchemy."""
    try:
        yield
    except DriverError as error:
        raise DBAPIError.instance(
            text_of(asked), None, error, DriverError, hide_parameters=True, dialect=DIALECT
        ) from None


def traced(asked: Sequence[Asked]) -> AbstractContextManager[Span]:
    """Its text, and no value of it. Written out only where somebody looks at traces."""
    if not looked_at():
        return NOTHING
    text = text_of(asked)
    said = {"db.system.name": "postgresql", "db.query.text": text[:LONGEST_STATEMENT]}
    name = text.split(maxsplit=1)[0].lower() if len(asked) == 1 else "exchange"
    return span(name, None, SpanKind.CLIENT, **said)


def text_of(asked: Sequence[Asked]) -> str:
    return "; ".join(each.text.decode() for each in asked)
