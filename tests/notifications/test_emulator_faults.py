import asyncio
import json
import logging
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

import pytest

from tests.notifications.local_fcm import SEND, Scene, a_scene


@pytest.fixture(scope="module")
async def stage() -> AsyncIterator[Scene]:
    async with a_scene() as stage:
        yield stage


@pytest.fixture
async def scene(stage: Scene) -> Scene:
    await stage.begin()
    return stage


WORDS = {
    "unregistered": (404, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found."),
    "sender_mismatch": (403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", "SenderId mismatch"),
    "internal": (500, "INTERNAL", "INTERNAL", "Internal error encountered."),
    "invalid_argument": (
        400,
        "INVALID_ARGUMENT",
        "INVALID_ARGUMENT",
        "The registration token is not a valid FCM registration token",
    ),
}


@pytest.mark.parametrize("mode", WORDS)
async def test_it_fails_in_the_words_of_the_real_one(scene: Scene, mode: str) -> None:
    await scene.fail({"mode": mode})

    answer = await scene.post(token="a")

    code, status, reason, message = WORDS[mode]
    detail = {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": reason}
    error = {"code": code, "message": message, "status": status, "details": [detail]}
    assert (answer.status_code, answer.json()) == (code, {"error": error})
    assert await scene.phone("a") == {"shows": {}, "log": []}


async def test_of_an_installation_it_does_not_say_that_its_token_is_wrong(scene: Scene) -> None:
    await scene.fail({"mode": "invalid_argument"})

    answer = await scene.post(fid="a")

    assert answer.status_code == 400
    assert "token" not in answer.text


async def test_a_rule_is_for_one_phone_or_for_all_and_for_so_many_times(scene: Scene) -> None:
    await scene.fail({"mode": "internal", "target": "a"}, {"mode": "quota", "times": 2})

    codes = [(await scene.post(fid=fid)).status_code for fid in "abaccc"]

    assert codes == [500, 429, 500, 429, 200, 200]
    await scene.emulator.delete("/faults")
    assert (await scene.post(fid="a")).status_code == 200


@pytest.mark.parametrize("mode", ["quota", "unavailable"])
async def test_it_says_when_to_come_back_if_told_to(scene: Scene, mode: str) -> None:
    date = "Mon, 02 Mar 2026 12:02:00 GMT"
    for told, said in ((7, "7"), (date, date), (None, None)):
        await scene.fail({"mode": mode, "retry_after": told})

        assert (await scene.post(fid="a")).headers.get("Retry-After") == said


@pytest.mark.parametrize(
    "rule", [{"mode": "explode"}, {"mode": "drop", "time": 1}, {"mode": "drop", "times": 0}, {}]
)
async def test_a_rule_it_does_not_know_is_not_taken_for_one(
    scene: Scene, rule: dict[str, Any]
) -> None:
    assert (await scene.emulator.put("/faults", json=[rule])).status_code == 422


@pytest.mark.parametrize(
    ("mode", "code", "arrived"), [("lose_answer", 503, 1), ("rubbish", 200, 0), ("stall", 200, 1)]
)
async def test_an_answer_and_what_arrived_may_disagree(
    scene: Scene, mode: str, code: int, arrived: int
) -> None:
    await scene.fail({"mode": mode, "seconds": 0.2})

    begun = perf_counter()
    answer = await scene.post(fid="a")

    assert answer.status_code == code
    assert ("name" in answer.text) == (mode == "stall")
    assert (perf_counter() - begun > 0.2) == (mode == "stall")
    assert len((await scene.phone("a"))["log"]) == arrived


@pytest.mark.parametrize(("mode", "arrived"), [("drop", 0), ("lose_line", 1)])
async def test_dropped_means_not_one_byte(
    scene: Scene, caplog: pytest.LogCaptureFixture, mode: str, arrived: int
) -> None:
    bearer = (await scene.sign_in())["Authorization"]
    await scene.fail({"mode": mode})
    body = json.dumps({"message": {"fid": "a"}})
    host, port = scene.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    head = f"Host: {host}\r\nContent-Length: {len(body)}\r\nAuthorization: {bearer}"
    writer.write(f"POST {SEND} HTTP/1.1\r\n{head}\r\n\r\n{body}".encode())
    answer = await reader.read()

    writer.close()
    assert answer == b""
    assert caplog.text == ""
    assert len((await scene.phone("a"))["log"]) == arrived


async def test_no_line_of_the_server_holds_a_target(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    await scene.post(token="canary")
    await scene.phone("canary")

    said = [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")]
    assert not [line for line in said if "canary" in line]
