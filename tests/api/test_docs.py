import re
from dataclasses import replace

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from api.app import create_app
from tests.builders import fittings
from tests.conftest import Engines
from tests.fakes import Clock
from tests.operations import contract


def asking(app: FastAPI) -> AsyncClient:
    return AsyncClient(base_url="http://api", transport=ASGITransport(app))


@pytest.fixture
def developed(engines: Engines, clock: Clock) -> FastAPI:
    return create_app(replace(fittings(engines["api"], clock), docs=True))


async def test_where_people_are_served_there_is_no_page_to_try_things_on(app: FastAPI) -> None:
    nowhere = await asking(app).get("/nowhere")

    for path in ("/docs", "/redoc", "/openapi.json", "/docs/swagger/swagger-ui.css"):
        answer = await asking(app).get(path)
        assert (answer.status_code, answer.content) == (404, nowhere.content)


async def test_the_page_asks_nobody_else_for_anything(developed: FastAPI) -> None:
    page = await asking(developed).get("/docs")

    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(files) == 3
    for file in files:
        assert file.startswith("/docs/")
        assert (await asking(developed).get(file)).status_code == 200
    [policy] = page.headers.get_list("content-security-policy")
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy


async def test_the_page_shows_the_contract(developed: FastAPI) -> None:
    assert "/openapi.json" in (await asking(developed).get("/docs")).text
    assert (await asking(developed).get("/openapi.json")).json() == contract()
