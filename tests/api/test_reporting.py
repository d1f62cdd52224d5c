from dataclasses import replace
from datetime import datetime, timedelta

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from api.app import create_app
from tests.builders import fittings
from tests.conftest import Engines
from tests.fakes import Clock

CONTACT = "mailto:security@example.org"


async def asked(app: FastAPI) -> Response:
    async with AsyncClient(transport=ASGITransport(app), base_url="http://api") as anybody:
        return await anybody.get("/.well-known/security.txt")


async def test_where_nobody_is_named_there_is_nobody_to_be_found(app: FastAPI) -> None:
    answer = await asked(app)

    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


async def test_whoever_is_named_is_found_by_rfc_9116(engines: Engines, clock: Clock) -> None:
    house = replace(fittings(engines["api"], clock), security_contact=CONTACT)
    answer = await asked(create_app(house))

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    said = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert said["Contact"] == CONTACT
    lasts = datetime.fromisoformat(said["Expires"]) - clock.now
    assert timedelta(days=30) < lasts < timedelta(days=365)
