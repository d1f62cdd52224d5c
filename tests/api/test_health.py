import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

import migrations
from api import health
from api.app import create_app
from schemas.database import Role, open_engine
from schemas.readiness import NotReady, ready
from tests.builders import fittings
from tests.conftest import Engines
from tests.fakes import Clock

NOWHERE = make_url("postgresql+psycopg://nobody@127.0.0.1:9/nothing")


async def asked(app: FastAPI, path: str) -> Response:
    async with AsyncClient(transport=ASGITransport(app), base_url="http://api") as probe:
        return await probe.get(path)


def without_a_database() -> FastAPI:
    return create_app(fittings(open_engine(NOWHERE, Role.API), Clock()))


async def test_a_process_lives_whatever_its_database_does() -> None:
    answer = await asked(without_a_database(), "/healthz")

    assert (answer.status_code, answer.text) == (200, "alive\n")


async def test_a_process_is_ready_where_its_database_is(app: FastAPI) -> None:
    answer = await asked(app, "/readyz")

    assert (answer.status_code, answer.text) == (200, "ready\n")


async def test_without_a_database_it_is_not_ready_and_does_not_say_why() -> None:
    answer = await asked(without_a_database(), "/readyz")

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == health.Unready.problem()


async def test_a_database_that_does_not_answer_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = open_engine(NOWHERE.set(port=silent.getsockname()[1]), Role.API)
        async with asyncio.timeout(3):  # less than a connection is waited for elsewhere
            answer = await asked(create_app(fittings(engine, Clock())), "/readyz")
        await engine.dispose()

    assert answer.status_code == 503


@asynccontextmanager
async def at(engines: Engines, revision: str) -> AsyncIterator[None]:
    for number in (revision, migrations.head()):
        async with engines["owner"].begin() as owner:
            await owner.execute(
                text("update alembic_version set version_num = :at"), {"at": number}
            )
        if number == revision:
            yield


async def test_a_database_that_is_behind_is_not_ready_and_one_that_is_ahead_is(
    app: FastAPI, engines: Engines
) -> None:
    async with at(engines, "0001"):
        behind = await asked(app, "/readyz")
        for role in ("api", "worker"):
            with pytest.raises(NotReady, match=f"at 0001, .* needs {migrations.head()}: run"):
                await ready(engines[role], migrations.head())
    async with at(engines, "9999"):
        ahead = await asked(app, "/readyz")

    assert (behind.status_code, ahead.status_code) == (503, 200)


async def test_a_database_that_is_empty_says_what_to_do(engines: Engines) -> None:
    empty = create_async_engine(engines["owner"].url.set(database="postgres"))

    with pytest.raises(NotReady, match="is empty: run `twofold migrate` first"):
        await ready(empty, migrations.head())
    await empty.dispose()


def test_the_head_is_the_last_of_the_migrations() -> None:
    files = sorted(path.name for path in (migrations.HERE / "versions").glob("*.py"))
    assert files[-1].startswith(migrations.head())
