import asyncio
import json
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from notifications.emulator import service_account
from notifications.emulator_account import GRANT_TYPE, PROJECT
from tests.notifications.local_fcm import SEND, Scene, a_scene

A = {"message": {"fid": "a"}}


@pytest.fixture(scope="module")
async def stage() -> AsyncIterator[Scene]:
    async with a_scene() as stage:
        yield stage


@pytest.fixture
async def scene(stage: Scene) -> Scene:
    await stage.begin()
    return stage


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer ya29.guess"}, {"Authorization": "ya29.guess"}]
)
async def test_a_wrong_bearer_is_401_and_leaves_no_trace(
    scene: Scene, header: dict[str, str]
) -> None:
    answer = await scene.emulator.post(SEND, headers=header, json=A)

    assert answer.status_code == 401
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"
    assert (await scene.emulator.get("/phones")).json() == {}


async def test_a_token_lives_for_an_hour(scene: Scene) -> None:
    headers = await scene.sign_in()

    scene.clock.forward(minutes=59)
    assert (await scene.emulator.post(SEND, headers=headers, json=A)).status_code == 200
    scene.clock.forward(minutes=1)
    assert (await scene.emulator.post(SEND, headers=headers, json=A)).status_code == 401


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "unsupported_grant_type"),
        ({"grant_type": "password", "assertion": "x"}, "unsupported_grant_type"),
        ({"grant_type": GRANT_TYPE}, "invalid_grant"),
        ({"grant_type": GRANT_TYPE, "assertion": "a.b.c"}, "invalid_grant"),
        ({"grant_type": GRANT_TYPE, "assertion": "bnVsbA.bnVsbA.bnVsbA"}, "invalid_grant"),
    ],
)
async def test_without_a_signature_there_is_no_token(
    scene: Scene, form: dict[str, str], error: str
) -> None:
    answer = await scene.emulator.post("/token", data=form)

    assert (answer.status_code, answer.json()) == (400, {"error": error})


async def test_a_signature_that_is_not_ours_gives_no_token(scene: Scene) -> None:
    ours = service_account(scene.url)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for name, stranger in (("private_key", pem), ("client_email", "somebody@else.test")):
        async with scene.open(account=ours | {name: stranger}) as fcm:
            await fcm.access.renew()
            assert fcm.access.held is None


async def test_another_process_can_ask_for_the_service_account(scene: Scene) -> None:
    answer = await scene.emulator.get("/service-account")

    assert answer.json() == service_account(scene.url)


async def test_what_is_accepted_has_a_name_and_is_remembered_word_for_word(scene: Scene) -> None:
    message = {"token": "a", "data": {"kind": "x"}, "notification": {"title": "<T>", "body": "B"}}

    answer = await scene.post(**message)

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


async def test_the_page_for_people_shows_words_as_words(scene: Scene) -> None:
    assert "Nothing has arrived" in (await scene.emulator.get("/")).text
    loud = "<script>&"
    text = {"title": loud, "body": loud}

    await scene.post(token=f"a{loud}", notification=text, data={"kind": loud})

    page = (await scene.emulator.get("/")).text
    assert page.count("&lt;script&gt;&amp;") == 4
    assert "<script" not in page


@pytest.mark.parametrize(
    "platform",
    [
        {"android": {"notification": {"tag": "same"}}},
        {"apns": {"headers": {"apns-collapse-id": "same"}}},
        {"webpush": {"notification": {"tag": "same"}}},
    ],
)
async def test_the_same_key_replaces_what_is_shown_and_the_log_keeps_both(
    scene: Scene, platform: dict[str, Any]
) -> None:
    for body in ("first", "second"):
        await scene.post(fid="a", notification={"title": "T", "body": body}, **platform)
    await scene.post(fid="a", data={"id": "unseen"})

    phone = await scene.phone("a")
    assert [shown["body"] for shown in phone["shows"].values()] == ["second"]
    assert len(phone["log"]) == 3
    await scene.emulator.delete("/phones")
    assert await scene.phone("a") == {"shows": {}, "log": []}


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
    scene: Scene, message: dict[str, Any]
) -> None:
    answer = await scene.post(**message)

    assert answer.status_code == 400
    [detail] = answer.json()["error"]["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert detail["fieldViolations"][0]["field"].startswith("message")
    assert (await scene.emulator.get("/phones")).json() == {}


async def test_a_payload_of_4096_bytes_is_taken_and_no_byte_more(scene: Scene) -> None:
    room = 4096 - len(json.dumps({"data": {"a": ""}}, separators=(",", ":")))
    phone = "a" * 200  # an address weighs nothing

    assert (await scene.post(fid=phone, data={"a": "x" * room})).status_code == 200
    answer = await scene.post(fid=phone, data={"a": "x" * (room - 1) + "é"})

    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


async def test_another_project_is_forbidden(scene: Scene) -> None:
    url = "/v1/projects/other/messages:send"

    answer = await scene.emulator.post(url, headers=await scene.sign_in(), json=A)

    assert answer.status_code == 403


async def test_two_emulators_share_nothing_but_the_key() -> None:
    async with a_scene() as one, a_scene() as two:
        await one.fail({"mode": "token_down"})
        codes = [(await scene.emulator.post("/token")).status_code for scene in (one, two)]
    assert codes == [503, 400]


async def test_it_stops_at_once_also_in_the_middle_of_an_answer() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        async with a_scene() as other:
            await other.fail({"mode": "stall", "seconds": 600})
            headers = await other.sign_in()
            stalled = asyncio.create_task(client.post(other.url + SEND, headers=headers, json=A))
            await asyncio.sleep(0.05)
            assert not stalled.done()
            begun = perf_counter()
        assert perf_counter() - begun < 1
        assert (await stalled).status_code == 200
        with pytest.raises(httpx.ConnectError):
            await client.get(other.url)
