"""Readiness: whether the database is one that this code can work with."""

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.database import transaction


class NotReady(Exception):
    """The database cannot be used as it is; says why, and nothing of what is in it."""


async def ready(engine: AsyncEngine, head: str) -> None:
    """`NotReady`, rather than a process that starts and then answers that it is busy.

    A database that is ahead of `head` will do: whoever deploys migrates first, while processes of
    the code before still serve.
    """
    try:
        async with transaction(engine) as db:
            await db.connection()
            found = await db.scalar(text("select to_regclass('alembic_version') is not null"))
            at = found and await db.scalar(text("select max(version_num) from alembic_version"))
    except DBAPIError as error:
        why = str(error.orig).splitlines()[0] if error.orig else type(error).__name__
        raise NotReady(why) from None
    except PoolTimeout:
        msg = "no connection was free"
        raise NotReady(msg) from None
    if not at or at < head:
        where = f"at {at}, and this code needs {head}" if at else "empty"
        msg = f"the database is {where}: run `twofold migrate` first"
        raise NotReady(msg)
