"""The short way: for what nearly every request asks, past SQLAlchemy and straight to the driver.

A statement that SQLAlchemy carries takes a fifth of a millisecond of a core, and the driver alone
takes a fifth of that. So the few that are asked most are compiled once, and asked on the
connection of a session, in its transaction, or by themselves, where nothing else is asked: the
wall, the limits and the commit are the same.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry.trace import SpanKind
from psycopg import AsyncRawCursor
from sqlalchemy import BindParameter, SelectBase, UpdateBase
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.connection import Driver, DriverError
from schemas.database import lent
from schemas.traces import LONGEST_STATEMENT, span

DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
Row = tuple[Any, ...]
DRIVER = "driver"  # where a session remembers its connection


class Short:
    """A constant statement of which one row is read at most, in the driver's types."""

    def __init__(self, statement: SelectBase | UpdateBase) -> None:
        self.statement = statement
        compiled = statement.compile(dialect=DIALECT)
        self.text = " ".join(str(compiled).split())
        self.verb = self.text.split(maxsplit=1)[0].lower()
        self.order: list[str] = compiled.positiontup or []
        self.constants = {
            name: in_words(each) for each, name in compiled.bind_names.items() if not each.required
        }

    async def do(self, db: AsyncSession, **values: object) -> None:
        """Where nothing is read."""
        await self.one_or_none(db, **values)

    async def one_or_none(self, db: AsyncSession, **values: object) -> Row | None:
        """`DBAPIError`, as ever, where the database is away or refuses."""
        if (driver := db.info.get(DRIVER)) is None:
            driver = db.info[DRIVER] = await db.run_sync(driver_of)
        with self.as_ever():
            return await self.asked(driver, values)

    async def alone(self, engine: AsyncEngine, **values: object) -> Row | None:
        """One round trip, which begins and ends a transaction; behind a pooler, three."""
        with self.as_ever():
            async with lent(engine) as driver:
                return await self.asked(driver, values)

    async def asked(self, driver: Driver, values: Mapping[str, object]) -> Row | None:
        said = {"db.system.name": "postgresql", "db.query.text": self.text[:LONGEST_STATEMENT]}
        all_ = {**self.constants, **values}
        cursor = AsyncRawCursor(driver)
        with span(self.verb, None, SpanKind.CLIENT, **said):
            await cursor.execute(self.text, [all_[name] for name in self.order])
            return await cursor.fetchone() if cursor.description else None

    @contextmanager
    def as_ever(self) -> Iterator[None]:
        """What the driver says of it, in the words of SQLAlchemy."""
        try:
            yield
        except DriverError as error:
            wrapped = DBAPIError.instance(
                self.text, None, error, DriverError, hide_parameters=True, dialect=DIALECT
            )
            raise wrapped from None

    async def one(self, db: AsyncSession, **values: object) -> Row:
        """Where there is always one."""
        row = await self.one_or_none(db, **values)
        assert row is not None  # noqa: S101
        return row


def driver_of(session: Session) -> Driver:
    """Begins its transaction, where it has not begun."""
    driver: Driver = session.connection().connection.driver_connection  # type: ignore[assignment]
    return driver


def in_words(constant: BindParameter[Any]) -> object:
    """As a column would keep it: a word of ours, not its name in Python."""
    written = constant.type.dialect_impl(DIALECT).bind_processor(DIALECT)
    return written(constant.value) if written else constant.value
