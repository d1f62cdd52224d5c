"""The database as its catalog tells it, and all that is in it."""

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

# One word of a field's or a column's name. Some would be useful one day, and harm somebody today.
NEVER_SAID = {
    *("location", "place", "lat", "latitude", "lon", "lng", "longitude", "gps", "country", "city"),
    *("ip", "address", "host", "network", "wifi", "carrier", "imei", "mac", "agent", "browser"),
    *("model", "manufacturer", "brand", "os", "battery", "charging"),
    *("seen", "online", "presence", "active", "typing", "viewed", "opened", "delivered", "waiting"),
    *("streak", "score", "points", "rank"),
}

TABLES = """
select relname from pg_class
where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'alembic_version'
order by relname
"""


async def column(db: AsyncSession, statement: str) -> list[str]:
    """The first column of what this answers."""
    answer = await (await db.connection()).execute(text(statement))
    return [str(value) for value in answer.scalars()]


async def tables(db: AsyncSession) -> list[str]:
    found = await column(db, TABLES)
    assert found, "without tables these tests test nothing"
    return found


async def contents(db: AsyncSession) -> dict[str, list[str]]:
    """Every row of every table, by table."""
    return {
        table: await column(db, f'select t::text from "{table}" t order by 1')  # noqa: S608
        for table in await tables(db)
    }
