"""A connection of an engine's pool, lent for one statement or for one transaction past SQLAlchemy.

SQLAlchemy's way of waiting takes half as long of a core as a statement, so what need not be waited
for is given back without it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from schemas.connection import Connection, is_idle
from schemas.exchange import as_ever
from schemas.talk import Driver


@asynccontextmanager
async def lent(engine: AsyncEngine) -> AsyncIterator[Driver]:
    """What is left undone on it is rolled back."""
    pool = engine.sync_engine.pool
    with as_ever([]):
        lying = await greenlet_spawn(pool.connect)
    driver: Driver = lying.driver_connection  # type: ignore[assignment]
    try:
        yield driver
    except DBAPIError as error:
        if driver.closed:
            # What SQLAlchemy does where it asks itself: the others that are as old as this one are
            # not tried, each to be the 503 of one request more.
            await greenlet_spawn(pool._invalidate, lying, error)  # noqa: SLF001
        raise
    finally:
        if driver.closed and lying.is_valid:
            await greenlet_spawn(lying.invalidate)
        elif isinstance(driver, Connection) and is_idle(driver):
            lying.close()
        else:
            await greenlet_spawn(lying.close)
