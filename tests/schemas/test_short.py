"""What is asked past SQLAlchemy is asked as whatever else is."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import URL, bindparam, func, literal_column, table, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from api.metrics import in_use
from schemas.database import LIMITS, Limits, Role, open_engine, transaction, writing
from schemas.short import Short
from tests.trips import counted

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


@pytest.mark.parametrize("where", ["alone", "in a transaction", "in one of a session"])
async def test_a_server_that_says_nothing_is_hung_up_on(database: URL, where: str) -> None:
    limits = Limits(line=1, lock=20, statement=20, silence=0.3)
    engine = open_engine(database, Role.API, pool_size=1, limits=limits)

    async with asyncio.timeout(5):
        with pytest.raises(OperationalError):
            await sleeps(engine, where)

    assert in_use(engine) == 0
    assert await AS_WHOM.alone(engine)
    await engine.dispose()


SLEEPS = Short(select(func.pg_sleep(bindparam("seconds"))))


async def test_whom_we_hung_up_on_is_not_asked_again(database: URL) -> None:
    """Their answer was here, and it was we who were late to look."""
    limits = Limits(line=1, lock=1, statement=1, silence=0.2)
    engine = open_engine(database, Role.API, pool_size=1, limits=limits)
    asking = asyncio.create_task(SLEEPS.alone(engine, seconds=0.1))
    await asyncio.sleep(0.05)
    time.sleep(0.4)  # noqa: ASYNC251 - everything stands still
    await asyncio.wait([asking])

    assert await AS_WHOM.alone(engine)
    await engine.dispose()


async def test_that_there_is_no_server_is_said_in_the_same_words(tmp_path: Path) -> None:
    engine = open_engine(URL.create("postgresql+psycopg", host=str(tmp_path)), Role.API)

    for way in (AS_WHOM.alone, nothing_is_written):
        with pytest.raises(OperationalError):
            await way(engine)

    await engine.dispose()


async def nothing_is_written(engine: AsyncEngine) -> None:
    async with writing(engine):
        pass


async def sleeps(engine: AsyncEngine, where: str) -> None:
    if where == "alone":
        await SLEEP.alone(engine)
    elif where == "in a transaction":
        async with writing(engine) as opened:
            await SLEEP.one(opened)
    else:
        async with transaction(engine) as db:
            await SLEEP.one(db)


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


# In the transaction of a session: it begins with what is asked first, whichever way that goes.

NAME = Short(select(func.current_setting("app.name", True)))  # noqa: FBT003
SAY_NAME = select(func.set_config("app.name", bindparam("name"), False))  # noqa: FBT003
SAY = Short(SAY_NAME)
ROOT_OF = Short(select(func.sqrt(bindparam("number"))))
PREPARED = Short(select(literal_column("count(*)")).select_from(table("pg_prepared_statements")))


async def said(one: AsyncEngine) -> object:
    """What stays when a transaction is kept, and is rolled back with one that is not."""
    row = await NAME.alone(one)
    return (row and row[0]) or None


async def says_and_fails(one: AsyncEngine, ways: Sequence[str]) -> None:
    async with transaction(one) as db:
        for way in ways:
            if way == "past SQLAlchemy":
                await SAY.do(db, name="Sam")
            else:
                await db.exec(SAY_NAME, params={"name": "Sam"})
            assert await NAME.one(db) == ("Sam",)
        raise LookupError


@pytest.mark.parametrize(
    "ways", [["past SQLAlchemy", "with it"], ["with it", "past SQLAlchemy"]], ids=" and then ".join
)
async def test_of_a_transaction_that_fails_nothing_is_kept_whatever_came_first(
    one: AsyncEngine, ways: Sequence[str]
) -> None:
    with pytest.raises(LookupError):
        await says_and_fails(one, ways)

    assert await said(one) is None


async def test_whoever_rolled_back_says_nothing_on_a_connection_that_is_somebody_elses(
    one: AsyncEngine,
) -> None:
    async with transaction(one) as db:
        await NAME.one(db)
        await db.rollback()

        async with transaction(one) as somebody_else:
            await NAME.one(somebody_else)
            with pytest.raises(InvalidRequestError):
                await SAY.do(db, name="Sam")

    assert await said(one) is None


async def test_a_transaction_begins_in_the_round_trip_of_what_is_asked_first(
    one: AsyncEngine,
) -> None:
    await said(one)  # it is connected

    with counted() as trips:
        async with transaction(one) as db:
            await NAME.one(db)

    assert len(trips) == 2, trips  # the commit is one


# In a transaction that goes to the database as seldom as it can.


async def test_what_was_only_written_goes_out_before_what_is_read(one: AsyncEngine) -> None:
    async with writing(one) as opened:
        await SAY.do(opened, name="Sam")
        assert await NAME.one(opened) == ("Sam",)

    assert await said(one) == "Sam"


async def test_what_is_written_last_goes_out_with_the_commit(one: AsyncEngine) -> None:
    async with writing(one) as opened:
        await NAME.one(opened)
        await SAY.do(opened, name="Sam")

    assert await said(one) == "Sam"


async def test_what_is_asked_last_is_kept_in_the_same_round_trip(one: AsyncEngine) -> None:
    await said(one)  # it is connected

    with counted() as trips:
        async with writing(one) as opened:
            await SAY.do(opened, name="Sam")
            assert await NAME.last(opened) == ("Sam",)

    assert len(trips) == 1
    assert await said(one) == "Sam"


@pytest.mark.parametrize("way", [SAY.do, SAY.one])
async def test_after_what_was_asked_last_nothing_is_asked(
    one: AsyncEngine, way: Callable[..., Awaitable[object]]
) -> None:
    async with writing(one) as opened:
        await NAME.last(opened)
        with pytest.raises(RuntimeError, match="all is kept"):
            await way(opened, name="Sam")

    assert await said(one) is None


async def is_refused(one: AsyncEngine) -> None:
    async with writing(one) as opened:
        await SAY.do(opened, name="Sam")
        await NAME.one(opened)
        raise LookupError


async def test_whoever_is_refused_in_the_middle_has_written_nothing(one: AsyncEngine) -> None:
    with pytest.raises(LookupError):
        await is_refused(one)

    assert await said(one) is None
    assert in_use(one) == 0


async def fails_at_the_end(one: AsyncEngine) -> None:
    async with writing(one) as opened:
        await SAY.do(opened, name="Sam")
        await ROOT_OF.do(opened, number=-1.0)
        await SAY.do(opened, name="Alex")


async def fails_before_the_last(one: AsyncEngine) -> None:
    async with writing(one) as opened:
        await SAY.do(opened, name="Sam")
        await ROOT_OF.do(opened, number=-1.0)
        with suppress(DBAPIError):
            await NAME.last(opened)


@pytest.mark.parametrize("fails", [fails_at_the_end, fails_before_the_last])
async def test_what_fails_on_its_way_to_the_commit_is_no_success_and_keeps_nothing(
    one: AsyncEngine, fails: Callable[[AsyncEngine], Awaitable[None]]
) -> None:
    with pytest.raises(DBAPIError, match="square root of a negative number"):
        await fails(one)

    assert await said(one) is None
    assert in_use(one) == 0


async def goes_on_all_the_same(one: AsyncEngine) -> None:
    async with writing(one) as opened:
        await SAY.do(opened, name="Sam")
        with suppress(DBAPIError):
            await ROOT_OF.one(opened, number=-1.0)


async def test_whoever_goes_on_after_a_failure_has_kept_nothing_and_is_told(
    one: AsyncEngine,
) -> None:
    with pytest.raises(DBAPIError, match="square root of a negative number"):
        await goes_on_all_the_same(one)

    assert await said(one) is None


async def test_what_cannot_be_said_is_not_begun(one: AsyncEngine) -> None:
    backend = await BACKEND.alone(one)

    with pytest.raises(DBAPIError, match="NUL"):
        await SAY.alone(one, name="\0")

    assert await BACKEND.alone(one) == backend


async def test_whoever_rolls_back_keeps_what_was_prepared(one: AsyncEngine) -> None:
    async def prepared() -> int:
        row = await PREPARED.alone(one)
        return int(row[0]) if row else 0

    for _ in range(3):
        with pytest.raises(LookupError):
            await is_refused(one)
    before = await prepared()

    for _ in range(3):
        with pytest.raises(LookupError):
            await is_refused(one)

    assert await prepared() == before
