"""The one way into the database. Nothing else in the project commits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import NamedTuple

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy import Connection as Opened
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolResetState
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.connection import Connection, is_idle
from schemas.exchange import exchange
from schemas.lending import lent
from schemas.talk import Asked, Driver, Row


class Role(StrEnum):
    """Who a process is in the database. Neither owns anything or can change the schema."""

    API = "twofold_api"
    WORKER = "twofold_worker"


class Limits(NamedTuple):
    """How long somebody waits, in seconds: in line for a connection, for a row that another holds,
    for a statement, and for a server that says nothing at all.
    """

    line: float
    lock: float
    statement: float
    silence: float


# Somebody stands before a phone: they hear within two seconds that it does not work at present,
# and what one request may meet is the line before this one (`api/crowd.py`), this line and silence.
# The worker has time.
LIMITS = {Role.API: Limits(0.3, 0.9, 1.1, 1.2), Role.WORKER: Limits(5, 4, 5, 6)}
# They are set with each transaction and end with it, whatever was set before: where a pooler stands
# between, nothing else reaches every server connection, and what does would stay there for others.
SETTINGS = (
    "set {{scope}} role {role}",
    "set {{scope}} statement_timeout = '{statement}s'",
    "set {{scope}} lock_timeout = '{lock}s'",
)
BEGIN, COMMIT = Asked(b"begin"), Asked(b"commit")


def open_engine(
    url: URL, role: Role, pool_size: int = 10, limits: Limits | None = None
) -> AsyncEngine:
    """A pool of connections in this role that give up rather than hang.

    `url` may be of any login that is a member of the role, or of its owner.
    """
    limits = limits or LIMITS[role]
    settings = [each.format(role=role, **limits._asdict()) for each in SETTINGS]
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=limits.line,
        hide_parameters=True,  # an error that is logged says nothing of what somebody wrote
        connect_args={
            "async_creator_fn": partial(Connection.open, limits.silence, settings),
            "autocommit": True,  # the driver's word for: we say `begin` ourselves
        },
        pool_reset_on_return=None,
    )
    event.listen(engine.sync_engine, "reset", given_back)
    said = "; ".join(["begin", *settings]).format(scope="local")
    event.listen(engine.sync_engine, "before_cursor_execute", partial(begin_first, said))
    return engine


def begin_first(said: str, opened: Opened, _: object, now: str, *__: object) -> None:
    """For whatever SQLAlchemy is about to ask. What goes past it begins in the same round trip."""
    driver: Driver = opened.connection.driver_connection  # type: ignore[assignment]
    if now != said and is_idle(driver):
        opened.exec_driver_sql(said)


def given_back(connection: DBAPIConnection, _: ConnectionPoolEntry, state: PoolResetState) -> None:
    """For an engine's `reset`. SQLAlchemy itself rolls back also where there is nothing to."""
    if state.asyncio_safe and not is_idle(connection.driver_connection):
        connection.rollback()


def open_owner(url: URL) -> Engine:
    """For migrations alone: as whoever the URL names, one connection at a time."""
    return create_engine(url, pool_size=1, max_overflow=0)


# What a statement changes in many rows is not looked for among those that were read before it:
# that takes longer than the statement, and asks for columns that the worker may not read.
AS_THEY_WERE_READ = {"synchronize_session": False}


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """Commit when the block ends well, roll everything back when it does not. It begins, and takes
    a connection, with the first statement.
    """
    session = AsyncSession(engine, expire_on_commit=False, execution_options=AS_THEY_WERE_READ)
    try:
        async with session.begin():
            yield session
    except BaseException:
        # What ended well is closed. What did not is closed to the end, whoever is cancelled
        # meanwhile; that takes a task of its own.
        async with session:
            raise


async def alone(engine: AsyncEngine, asked: Asked) -> Row | None:
    """A statement that is a transaction by itself, in one round trip."""
    async with lent(engine) as driver:
        if not settings_on(driver):
            [row] = await exchange(driver, [asked])
            return row
        *_, row, _ = await exchange(driver, [*begin_on(driver), asked, COMMIT])
        return row


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator["Writing"]:
    """The same as a transaction, for those that are asked most: it begins with what is first read,
    and ends with what was last written.
    """
    async with lent(engine) as driver:
        opened = Writing(engine, driver, begin_on(driver))
        yield opened
        if not opened.kept:
            await opened.ask(COMMIT)


@dataclass(slots=True)
class Writing:
    """What is only written waits until something is read, or for the commit."""

    engine: AsyncEngine
    driver: Driver
    waiting: list[Asked]
    failed: DBAPIError | None = None
    kept: bool = False

    def say(self, asked: Asked) -> None:
        """Where nothing is read. That it failed shows with the next that is asked."""
        self._goes_on()
        self.waiting.append(asked)

    async def ask(self, asked: Asked) -> Row | None:
        """After all that waits, in the same round trip. Once something has failed nothing is kept:
        whoever goes on all the same is told so again, at the commit too.
        """
        return (await self._together(asked))[-1]

    async def ask_last(self, asked: Asked) -> Row | None:
        """The same, and all is kept in that round trip, whatever fails behind it: nothing is asked
        and nobody is refused any more.
        """
        *_, row, _ = await self._together(asked, COMMIT)
        self.kept = True
        return row

    async def _together(self, *asked: Asked) -> list[Row | None]:
        self._goes_on()
        if self.failed:
            raise self.failed
        together, self.waiting = [*self.waiting, *asked], []
        try:
            return await exchange(self.driver, together)
        except DBAPIError as error:
            self.failed = error
            raise

    def _goes_on(self) -> None:
        if self.kept:
            msg = "all is kept: what is said now would not be"
            raise RuntimeError(msg)


def begin_on(driver: Driver) -> list[Asked]:
    """What goes out before whatever is asked first."""
    return [BEGIN, *settings_on(driver)]


def settings_on(driver: Driver) -> list[Asked]:
    """None, where they hold for all that is asked on it."""
    ours = driver.settings if isinstance(driver, Connection) else ()
    return [Asked(each.encode()) for each in ours]
