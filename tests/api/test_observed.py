import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from starlette.types import Receive, Scope, Send

from api.logs import form
from api.observed import Observed
from tests.test_guards_logs import SIGN_IN, SIGN_UP


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture) -> Iterator[io.StringIO]:
    """What is logged, as it is written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(form("serve", plain=False))
    caplog.set_level(logging.INFO, logger="api")
    logging.getLogger("api").addHandler(handler)
    yield stream
    logging.getLogger("api").removeHandler(handler)


def served(app: Any) -> AsyncClient:  # noqa: ANN401
    return AsyncClient(transport=ASGITransport(Observed(app)), base_url="http://api")


def requests(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


async def test_an_answer_names_its_line_in_the_log(app: FastAPI, written: io.StringIO) -> None:
    async with served(app) as phone:
        answers = [await phone.get("/v1/today") for _ in range(2)]

    names = [answer.headers["x-request-id"] for answer in answers]
    assert len({*names}) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in names)
    lines = requests(written)
    assert [line["request"] for line in lines] == names
    assert {(line["operation"], line["status"]) for line in lines} == {("today_read_today", 401)}


@pytest.mark.usefixtures("db")
async def test_signing_in_and_failing_to_are_in_the_log(app: FastAPI, written: io.StringIO) -> None:
    async with served(app) as phone:
        await phone.post("/v1/accounts", json=SIGN_UP)
        await phone.post("/v1/sessions", json=SIGN_IN)
        await phone.post("/v1/sessions", json=SIGN_IN | {"password": "not that one, surely"})

    _, well, badly = requests(written)
    assert (well["operation"], well["status"]) == ("sessions_sign_in", 201)
    assert (badly["operation"], badly["status"]) == ("sessions_sign_in", 401)


async def test_the_name_is_ours_whatever_is_sent(app: FastAPI, written: io.StringIO) -> None:
    async with served(app) as phone:
        sent = {"x-request-id": "mine", "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
        answer = await phone.get("/v1/today", headers=sent)

    assert answer.headers.get_list("x-request-id") != ["mine"]
    assert "mine" not in written.getvalue()
    assert "abab" not in written.getvalue() + str(answer.headers)


async def test_what_was_asked_for_is_not_repeated(app: FastAPI, written: io.StringIO) -> None:
    async with served(app) as phone:
        await phone.get("/v1/tweetytweety?tweety=tweety")
        await phone.put("/v1/checkins/tweetytweety/answers?tweety")

    assert [line["operation"] for line in requests(written)] == ["none", "answers_answer"]
    assert "tweety" not in written.getvalue()


async def test_being_well_is_not_worth_a_line(app: FastAPI, written: io.StringIO) -> None:
    async with served(app) as probe:
        assert (await probe.get("/healthz")).status_code == 200

    assert requests(written) == []


async def test_whatever_is_said_meanwhile_bears_the_same_name(written: io.StringIO) -> None:
    async def answers(_: Scope, __: Receive, send: Send) -> None:
        logging.getLogger("api.handlers").warning("busy")
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body"})

    async with served(answers) as phone:
        name = (await phone.get("/")).headers["x-request-id"]

    busy, request = requests(written)
    assert busy["request"] == request["request"] == name
    assert (busy["level"], request["level"]) == ("warning", "warning")
