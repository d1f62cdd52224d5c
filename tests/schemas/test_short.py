"""What is asked past SQLAlchemy is asked as whatever else is."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import URL, func, literal_column, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from api.metrics import in_use
from schemas.database import LIMITS, Role, open_engine, transaction
from schemas.short import Short

AS_WHOM = Short(
    select(
        literal_column("current_user::text"),
        func.current_setting("statement_timeout"),
        func.current_setting("lock_timeout"),
    )
)
SLEEP = Short(select(func.pg_sleep(20)))
BACKEND = Short(select(func.pg_backend_pid()))


@pytest.fixture
async def one(database: URL) -> AsyncIterator[AsyncEngine]:
    """The api's engine, with one connection."""
    engine = open_engine(database, Role.API, pool_size=1)
    yield engine
    await engine.dispose()


async def test_a_statement_by_itself_has_the_role_and_the_limits_of_a_transaction(
    one: AsyncEngine,
) -> None:
    async with transaction(one) as db:
        within = await AS_WHOM.one(db)

    assert await AS_WHOM.alone(one) == within
    assert within[0] == Role.API


async def test_a_statement_by_itself_is_ended_by_the_server_and_its_connection_is_good_again(
    one: AsyncEngine,
) -> None:
    backend = await BACKEND.alone(one)

    with pytest.raises(OperationalError, match="statement timeout"):
        await SLEEP.alone(one)

    assert await BACKEND.alone(one) == backend


async def test_whoever_is_gone_in_the_middle_of_a_statement_leaves_no_connection_in_use(
    one: AsyncEngine,
) -> None:
    asking = asyncio.create_task(SLEEP.alone(one))
    await asyncio.sleep(LIMITS[Role.API].statement / 4)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert in_use(one) == 0
    assert await AS_WHOM.alone(one)


async def test_of_connections_that_the_server_has_closed_one_is_found_out_and_all_are_replaced(
    database: URL, db: AsyncSession
) -> None:
    engine = open_engine(database, Role.API, pool_size=3)
    async with transaction(engine) as one, transaction(engine) as two, transaction(engine) as three:
        pids = [(await BACKEND.one(each))[0] for each in (one, two, three)]
    ended = text("select pg_terminate_backend(pid, 1000) from unnest(cast(:pids as int[])) pid")
    await (await db.connection()).execute(ended, {"pids": pids})

    with pytest.raises(OperationalError):
        await AS_WHOM.alone(engine)

    for _ in pids:
        assert await AS_WHOM.alone(engine)
    assert in_use(engine) == 0
    await engine.dispose()
