from collections import defaultdict

import pytest
from fastapi import FastAPI

from tests.builders import Stranger, Two
from tests.operations import operations

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"}


def declared() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for operation in operations():
        found[operation.path] |= {operation.method.upper()}
    return found


@pytest.mark.parametrize("path", declared())
async def test_a_method_that_a_path_does_not_have_is_told_which_it_has(
    app: FastAPI, path: str
) -> None:
    phone, methods = Stranger(app), declared()[path]
    url = path.removeprefix("/v1").replace("{", "").replace("}", "")

    for method in METHODS - methods:
        answer = await phone.request(method, url)
        assert answer.status_code == 405, (method, path)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["allow"] == ", ".join(sorted(methods))


async def test_a_path_that_is_written_out_is_no_name_in_the_place_of_a_name(couple: Two) -> None:
    sam, _ = couple

    for method in ("PUT", "DELETE"):
        answer = await sam.request(method, "/consents/history", json={})
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


async def test_braces_in_a_path_are_nothing_special(couple: Two) -> None:
    sam, _ = couple

    assert (await sam.get("/consents/{purpose}")).headers["allow"] == "DELETE, PUT"
    assert (await sam.delete("/sessions/{session_id}")).status_code == 422
