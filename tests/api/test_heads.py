"""What stands above a body, going in and coming out."""

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlalchemy import event

from api.heads import LARGEST_HEADERS, LONGEST_ADDRESS, MOST_HEADERS
from tests.builders import Stranger, Two
from tests.conftest import Engines

ON_EVERY_ANSWER = {
    "cache-control": "no-store",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
}


async def test_every_answer_says_how_it_may_be_used(
    app: FastAPI, couple: Two, engines: Engines
) -> None:
    sam, _ = couple
    answers = [
        await sam.get("/today"),
        await sam.takes_space("told"),
        await sam.delete("/space"),
        await sam.get("/nowhere"),
        await sam.patch("/today"),
        await sam.put("/space", content=b"x" * 100_000),
        await sam.get("/" + "a" * 9999),
        await Stranger(app).get("/today"),
        await broken(sam.takes_space("told"), engines),
    ]

    said = [200, 200, 204, 404, 405, 413, 414, 401, 500]
    assert [each.status_code for each in answers] == said
    for answer in answers:
        for name, value in ON_EVERY_ANSWER.items():
            assert answer.headers.get_list(name) == [value], (answer.status_code, name)


async def broken(asking: object, engines: Engines) -> Response:
    def fail(_: object) -> None:
        raise ConnectionError

    event.listen(engines["api"].sync_engine, "commit", fail)
    try:
        return await asking  # type: ignore[misc, no-any-return]
    finally:
        event.remove(engines["api"].sync_engine, "commit", fail)


TOO_LARGE = {
    "a long value": {"authorization": f"Bearer {'a' * LARGEST_HEADERS}"},
    "a long name": {"x" * LARGEST_HEADERS: "1"},
    "many": {f"x-{number}": "" for number in range(MOST_HEADERS + 1)},
}


@pytest.mark.parametrize("what", TOO_LARGE)
async def test_headers_that_nobody_needs_are_refused(app: FastAPI, what: str) -> None:
    answer = await Stranger(app).get("/today", headers=TOO_LARGE[what])

    assert (answer.status_code, answer.json()["type"]) == (431, "/problems/headers-too-large")


async def test_an_address_that_nobody_needs_is_refused(app: FastAPI) -> None:
    for path in ("/" + "a" * LONGEST_ADDRESS, "/today?" + "a" * LONGEST_ADDRESS):
        answer = await Stranger(app).get(path)
        assert (answer.status_code, answer.json()["type"]) == (414, "/problems/address-too-long")
    assert (await Stranger(app).get("/today?" + "a" * 4000)).status_code == 401
