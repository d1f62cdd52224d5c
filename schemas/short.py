"""The short way: for what nearly every request asks, past SQLAlchemy and straight to the driver.

A statement that SQLAlchemy carries takes a fifth of a millisecond of a core, and what lies below
takes a quarter of that. So the few that are asked most are compiled once, and asked on the
connection of a session, in its transaction; among others, in one that goes to the database as
seldom as it can; or by themselves. The wall, the limits and the commit are the same.
"""

from typing import Any

from sqlalchemy import BindParameter, SelectBase, UpdateBase
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas import database
from schemas.connection import is_idle
from schemas.database import Writing, begin_on
from schemas.exchange import DIALECT, exchange
from schemas.talk import Asked, Driver, Row

DRIVER = "driver"  # where a session remembers its connection
Within = AsyncSession | Writing


class Short:
    """A constant statement of which one row is read at most, in the driver's types."""

    def __init__(self, statement: SelectBase | UpdateBase) -> None:
        self.statement = statement
        compiled = statement.compile(dialect=DIALECT)
        self.text = " ".join(str(compiled).split())
        self.said = self.text.encode()
        self.order: list[str] = compiled.positiontup or []
        self.constants = {
            name: in_words(each) for each, name in compiled.bind_names.items() if not each.required
        }

    def of(self, **values: object) -> Asked:
        """With these for what it leaves open."""
        all_ = {**self.constants, **values}
        return Asked(self.said, [all_[name] for name in self.order])

    async def do(self, within: Within, **values: object) -> None:
        """Where nothing is read."""
        if isinstance(within, Writing):
            within.say(self.of(**values))
        else:
            await self.one_or_none(within, **values)

    async def one_or_none(self, within: Within, **values: object) -> Row | None:
        """`DBAPIError`, as ever, where the database is away or refuses."""
        if isinstance(within, Writing):
            return await within.ask(self.of(**values))
        # Of a session that was rolled back it is somebody else's by now.
        if (driver := within.info.get(DRIVER)) is None or not within.in_transaction():
            driver = within.info[DRIVER] = await within.run_sync(driver_of)
        begin = begin_on(driver) if is_idle(driver) else []
        return (await exchange(driver, [*begin, self.of(**values)]))[-1]

    async def one(self, within: Within, **values: object) -> Row:
        """Where there is always one."""
        row = await self.one_or_none(within, **values)
        assert row is not None  # noqa: S101
        return row

    async def last(self, within: Writing, **values: object) -> Row:
        """Where there is always one, and nothing is asked after it: all is kept with it."""
        row = await within.ask_last(self.of(**values))
        assert row is not None  # noqa: S101
        return row

    async def alone(self, engine: AsyncEngine, **values: object) -> Row | None:
        """One round trip, which begins and ends a transaction."""
        return await database.alone(engine, self.of(**values))


def driver_of(session: Session) -> Driver:
    """Takes its connection, where it has none. The transaction begins with what is asked first."""
    driver: Driver = session.connection().connection.driver_connection  # type: ignore[assignment]
    return driver


def in_words(constant: BindParameter[Any]) -> object:
    """As a column would keep it: a word of ours, not its name in Python."""
    written = constant.type.dialect_impl(DIALECT).bind_processor(DIALECT)
    return written(constant.value) if written else constant.value
