"""The short way: for what nearly every request asks, past SQLAlchemy and straight to the driver.

A statement that SQLAlchemy carries takes a fifth of a millisecond of a core, and the driver alone
takes a fifth of that. So the few that are asked most are compiled once, and asked on the
connection of a session, in its transaction: the wall, the limits and the commit are the same.
"""

from typing import Any

import psycopg
from opentelemetry.trace import SpanKind
from sqlalchemy import BindParameter, SelectBase
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.traces import LONGEST_STATEMENT, span

DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]


class Short:
    """A constant statement of which at most one row is read, in the driver's types."""

    def __init__(self, statement: SelectBase) -> None:
        self.statement = statement
        compiled = statement.compile(dialect=DIALECT)
        # Psycopg remembers how it read a statement of up to 4096 letters, and reads longer ones
        # each time anew.
        self.text = " ".join(str(compiled).split())
        self.constants = {
            name: in_words(each) for each, name in compiled.bind_names.items() if not each.required
        }

    async def one_or_none(self, db: AsyncSession, **values: object) -> tuple[Any, ...] | None:
        """`DBAPIError`, as ever, where the database is away or refuses."""
        lent = await (await db.connection()).get_raw_connection()
        connection: psycopg.AsyncConnection[tuple[Any, ...]] = lent.driver_connection  # type: ignore[assignment]
        said = {"db.system.name": "postgresql", "db.query.text": self.text[:LONGEST_STATEMENT]}
        with span("select", None, SpanKind.CLIENT, **said):
            try:
                cursor = await connection.execute(self.text, self.constants | values)
                return await cursor.fetchone()
            except psycopg.Error as error:
                wrapped = DBAPIError.instance(
                    self.text, None, error, psycopg.Error, hide_parameters=True, dialect=DIALECT
                )
                raise wrapped from None

    async def one(self, db: AsyncSession, **values: object) -> tuple[Any, ...]:
        """Where there is always one."""
        row = await self.one_or_none(db, **values)
        assert row is not None  # noqa: S101
        return row


def in_words(constant: BindParameter[Any]) -> object:
    """As a column would keep it: a word of ours, not its name in Python."""
    written = constant.type.dialect_impl(DIALECT).bind_processor(DIALECT)
    return written(constant.value) if written else constant.value
