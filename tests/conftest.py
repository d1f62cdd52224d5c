"""A real PostgreSQL, migrated once per run, and two couples in it."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import delete, update
from sqlmodel.ext.asyncio.session import AsyncSession

import migrations
from api.app import create_app
from schemas import embedded
from schemas.accounts import Account
from schemas.base import EARLIEST
from schemas.checkins import Checkin
from schemas.consents import Consent
from schemas.database import LIMITS, Role, open_engine, transaction
from schemas.links import Link
from schemas.mail import Mail
from schemas.pairing import Couple, CoupleMember
from schemas.sending import Sending
from tests.builders import Person, Two, a_couple, a_person, fittings
from tests.fakes import NOON, Clock
from tests.local_issuer import APPLE, GOOGLE, serving, trusted

# A machine that has much else to do is slow, and not wrong: no scene ends for want of a connection.
PATIENT = LIMITS[Role.API]._replace(line=10)
# Nor is any example timed.
settings.register_profile("twofold", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("twofold")

ROOT = Path(__file__).parent.parent
Engines = dict[str, AsyncEngine]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def server() -> URL:
    """Its files are kept from run to run; durable writes are for data that is kept, too."""
    url = embedded.start(ROOT / ".data" / "tests")
    with psycopg.connect(plain(url), autocommit=True) as owner:
        owner.execute("alter system set fsync = off")
        owner.execute("select pg_reload_conf()")
    return url


@pytest.fixture(scope="session")
def database(server: URL) -> Iterator[URL]:
    """Migrated, and of this run alone: several may go on at once."""
    with a_database(server, f"test_{os.getpid()}") as url:
        migrations.upgrade(url)
        yield url


@contextmanager
def a_database(server: URL, name: str) -> Iterator[URL]:
    """Empty, and gone afterwards."""
    with psycopg.connect(plain(server), autocommit=True) as owner:
        owner.execute(f"create database {name}")
        try:
            yield server.set(database=name)
        finally:
            owner.execute(f"drop database {name} with (force)")


def plain(url: URL) -> str:
    """As psycopg alone reads it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(scope="session")
async def engines(database: URL) -> AsyncIterator[Engines]:
    """By role: the owner, who sees past the wall, and the two that run in production."""
    engines = {
        "owner": create_async_engine(database),
        "api": open_engine(database, Role.API, limits=PATIENT),
        "worker": open_engine(database, Role.WORKER),
    }
    yield engines
    for engine in engines.values():
        await engine.dispose()


@pytest.fixture
async def db(engines: Engines) -> AsyncIterator[AsyncSession]:
    """The owner's view. After each test everybody leaves, and the cascade takes the rest."""
    async with AsyncSession(engines["owner"], expire_on_commit=False) as session:
        yield session
    async with transaction(engines["owner"]) as session:
        for table in (Consent, Checkin, CoupleMember, Account, Couple, Mail, Link):
            await session.exec(delete(table))
        silence = {"second": EARLIEST, "used": 0, "most": 0, "peace_until": EARLIEST}
        await session.exec(update(Sending).values(silence))


@pytest.fixture(scope="session")
def clock_of_the_house() -> Clock:
    return Clock()


@pytest.fixture
def clock(clock_of_the_house: Clock) -> Clock:
    """At noon again, for each test."""
    clock_of_the_house.to(NOON)
    return clock_of_the_house


@pytest.fixture(scope="session")
async def app(engines: Engines, clock_of_the_house: Clock) -> AsyncIterator[FastAPI]:
    """Put together once: it holds nothing of anybody's, and FastAPI takes its time over it."""
    async with serving(APPLE), serving(GOOGLE):
        house = fittings(engines["api"], clock_of_the_house)
        yield create_app(replace(house, issuers=trusted()))


@pytest.fixture
async def noise(app: FastAPI, db: AsyncSession, clock: Clock) -> Two:
    """Two others, one in space, with everything going on: nothing of theirs may show or ring."""
    kim, lou = await a_couple(db, Person("kim", app, clock), Person("lou", app, clock))
    checkin = await kim.begins()
    for person in (kim, lou):
        await person.answers(checkin, mood=3)
        await person.releases(checkin, "mood")
    await kim.schedules()
    await kim.sends()
    await lou.sets(daily_budget={"most": 3, "shown": True})
    await kim.takes_space("told")
    await lou.takes_space("silent")
    return kim, lou


@pytest.fixture
async def couple(app: FastAPI, db: AsyncSession, clock: Clock, noise: Two) -> Two:  # noqa: ARG001
    """The two of the scene: `sam, alex = couple`. They are never alone in the database."""
    return await a_couple(db, Person("sam", app, clock), Person("alex", app, clock))


@pytest.fixture
async def alone(app: FastAPI, db: AsyncSession, clock: Clock, noise: Two) -> Two:  # noqa: ARG001
    """Sam and Alex before they are a couple."""
    sam = await a_person(db, Person("sam", app, clock))
    return sam, await a_person(db, Person("alex", app, clock))
