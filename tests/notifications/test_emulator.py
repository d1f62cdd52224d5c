import asyncio
import json
import socket
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

import httpx
import pytest

from notifications.emulator import local_emulator, service_account
from notifications.emulator_account import PROJECT, private_key
from tests.notifications.local_fcm import NOON, Clock, Scene, a_scene

SEND = f"/v1/projects/{PROJECT}/messages:send"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture(scope="module")
async def stage() -> AsyncIterator[Scene]:
    async with a_scene() as stage:
        yield stage


@pytest.fixture
async def scene(stage: Scene) -> Scene:
    await stage.begin()
    return stage


@pytest.fixture
async def bearer(scene: Scene) -> dict[str, str]:
    async with scene.open() as fcm:
        return {"Authorization": f"Bearer {await fcm.access.token()}"}


@pytest.fixture
async def client(scene: Scene, bearer: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may send."""
    async with httpx.AsyncClient(base_url=scene.url, headers=bearer, trust_env=False) as client:
        yield client


async def send(client: httpx.AsyncClient, **message: Any) -> httpx.Response:  # noqa: ANN401
    return await client.post(SEND, json={"message": message})


def error(status: int, word: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": status, "message": message, "status": word, "details": list(details)}}


def fcm_error(word: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": word}


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer ya29.guess"}])
async def test_without_a_token_of_ours_nothing_is_taken(
    scene: Scene, header: dict[str, str]
) -> None:
    answer = await scene.emulator.post(SEND, headers=header, json={"message": {"fid": "a"}})

    assert answer.status_code == 401
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"
    assert (await scene.emulator.get("/phones")).json() == {}


async def test_a_token_lives_for_an_hour(scene: Scene, client: httpx.AsyncClient) -> None:
    scene.clock.forward(minutes=59)
    assert (await send(client, fid="a")).status_code == 200

    scene.clock.forward(minutes=1)
    assert (await send(client, fid="a")).status_code == 401


async def test_a_token_is_given_for_a_signature_of_our_service_account_alone(
    scene: Scene,
) -> None:
    for form in (
        {},
        {"grant_type": "password", "assertion": "x"},
        {"grant_type": GRANT},
        {"grant_type": GRANT, "assertion": "a.b.c"},
        {"grant_type": GRANT, "assertion": "bnVsbA.bnVsbA.bnVsbA"},
    ):
        answer = await scene.emulator.post("/token", data=form)
        assert answer.status_code == 400
        assert "access_token" not in answer.text


async def test_a_stranger_with_a_key_of_their_own_gets_no_token(scene: Scene) -> None:
    private_key.cache_clear()  # what another process would have
    theirs = service_account(scene.url)
    private_key.cache_clear()

    assert theirs["private_key"] != service_account(scene.url)["private_key"]


async def test_another_process_can_ask_for_the_service_account(scene: Scene) -> None:
    answer = await scene.emulator.get("/service-account")

    assert answer.json() == service_account(scene.url)


async def test_what_is_accepted_has_a_name_and_is_remembered_word_for_word(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    message = {"token": "a", "data": {"kind": "x"}, "notification": {"title": "<T>", "body": "B"}}

    answer = await send(client, **message)

    assert answer.status_code == 200
    name = answer.json()["name"]
    assert name.startswith(f"projects/{PROJECT}/messages/")
    at = "2026-03-02T12:00:00Z"
    phone = {
        "shows": {name: {"at": at, "title": "<T>", "body": "B"}},
        "log": [{"name": name, "at": at, "message": message}],
    }
    assert await scene.phone("a") == phone
    assert (await scene.emulator.get("/phones")).json() == {"a": phone}
    page = (await scene.emulator.get("/")).text
    assert "&lt;T&gt;" in page
    assert "<T>" not in page


@pytest.mark.parametrize(
    "platform",
    [
        {"android": {"notification": {"tag": "same"}}},
        {"apns": {"headers": {"apns-collapse-id": "same"}}},
        {"webpush": {"notification": {"tag": "same"}}},
    ],
)
async def test_the_same_key_replaces_what_is_shown_and_the_log_keeps_both(
    scene: Scene, client: httpx.AsyncClient, platform: dict[str, Any]
) -> None:
    for body in ("first", "second"):
        await send(client, fid="a", notification={"title": "T", "body": body}, **platform)
    await send(client, fid="a", data={"id": "unseen"})

    phone = await scene.phone("a")
    assert [shown["body"] for shown in phone["shows"].values()] == ["second"]
    assert len(phone["log"]) == 3


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"fid": "a", "token": "b"},
        {"fid": "a", "topic": "b"},
        {"fid": "a", "data": {"n": 1}},
        {"fid": "a", "android": {"ttl": "soon"}},
        {"fid": "a", "to": "b"},
    ],
)
async def test_a_misshapen_message_is_refused_with_the_field(
    scene: Scene, client: httpx.AsyncClient, message: dict[str, Any]
) -> None:
    answer = await send(client, **message)

    assert answer.status_code == 400
    [detail] = answer.json()["error"]["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert detail["fieldViolations"][0]["field"].startswith("message")
    assert (await scene.emulator.get("/phones")).json() == {}


async def test_a_payload_of_4096_bytes_is_taken_and_no_byte_more(
    client: httpx.AsyncClient,
) -> None:
    room = 4096 - len(json.dumps({"data": {"a": ""}}, separators=(",", ":")))

    assert (await send(client, fid="a" * 200, data={"a": "x" * room})).status_code == 200
    answer = await send(client, fid="a" * 200, data={"a": "x" * (room - 1) + "é"})

    invalid = error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
    assert (answer.status_code, answer.json()) == (400, invalid)


async def test_another_project_is_forbidden(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/projects/other/messages:send", json={"message": {"fid": "a"}})

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (
            "unregistered",
            error(404, "NOT_FOUND", "Requested entity was not found.", fcm_error("UNREGISTERED")),
        ),
        (
            "sender_mismatch",
            error(403, "PERMISSION_DENIED", "SenderId mismatch", fcm_error("SENDER_ID_MISMATCH")),
        ),
        (
            "invalid_argument",
            error(
                400,
                "INVALID_ARGUMENT",
                "The registration token is not a valid FCM registration token",
                fcm_error("INVALID_ARGUMENT"),
            ),
        ),
    ],
)
async def test_it_fails_in_the_words_of_the_real_one(
    scene: Scene, client: httpx.AsyncClient, mode: str, expected: dict[str, Any]
) -> None:
    await scene.fail({"mode": mode})

    answer = await send(client, token="a")

    assert (answer.status_code, answer.json()) == (expected["error"]["code"], expected)
    assert await scene.phone("a") == {"shows": {}, "log": []}


async def test_a_rule_is_for_one_phone_or_for_all_and_for_so_many_times(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    await scene.fail(
        {"mode": "internal", "target": "a"},
        {"mode": "quota", "times": 2, "retry_after": 7},
    )

    codes = [(await send(client, fid=fid)).status_code for fid in "abaccc"]

    assert codes == [500, 429, 500, 429, 200, 200]
    await scene.emulator.delete("/faults")
    assert (await send(client, fid="a")).status_code == 200


async def test_unavailable_and_quota_say_when_to_come_back_if_told_to(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    await scene.fail({"mode": "quota", "retry_after": "Mon, 02 Mar 2026 12:02:00 GMT"})
    assert (await send(client, fid="a")).headers["Retry-After"].endswith("12:02:00 GMT")

    await scene.fail({"mode": "unavailable"})
    assert "Retry-After" not in (await send(client, fid="a")).headers


async def test_a_rule_it_does_not_know_is_not_taken_for_one(scene: Scene) -> None:
    for rule in ({"mode": "explode"}, {"mode": "drop", "time": 1}, {"mode": "drop", "times": 0}):
        answer = await scene.emulator.put("/faults", json=[rule])
        assert answer.status_code == 422


async def test_dropped_means_not_one_byte(scene: Scene, bearer: dict[str, str]) -> None:
    await scene.fail({"mode": "drop"})
    reader, writer = await asyncio.open_connection(*address(scene.url))

    writer.write(
        f"POST {SEND} HTTP/1.1\r\nHost: x\r\nContent-Length: 24\r\n"
        f"Authorization: {bearer['Authorization']}\r\n\r\n"
        '{"message": {"fid": "a"}}'.encode()[:24]
    )

    with pytest.raises(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()


def address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


async def test_it_stops_at_once_also_in_the_middle_of_an_answer() -> None:
    clock = Clock()
    async with local_emulator(clock) as url, httpx.AsyncClient(base_url=url) as client:
        stage = Scene(clock, url, client)
        async with stage.open(patience=5) as fcm:
            await stage.fail({"mode": "stall"})
            headers = {"Authorization": f"Bearer {await fcm.access.token()}"}
            body = {"message": {"fid": "a"}}
            stalled = asyncio.create_task(client.post(SEND, json=body, headers=headers))
            await asyncio.sleep(0.05)
            begun = perf_counter()
    assert perf_counter() - begun < 1
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(address(url))
    await asyncio.wait([stalled])
    assert not stalled.exception()


async def test_two_of_them_share_nothing_but_the_key() -> None:
    async with local_emulator(lambda: NOON) as one, local_emulator(lambda: NOON) as two:
        assert one != two
        async with httpx.AsyncClient() as client:
            await client.put(f"{one}/faults", json=[{"mode": "token_down"}])
            codes = [(await client.post(f"{url}/token")).status_code for url in (one, two)]
    assert codes == [503, 400]
