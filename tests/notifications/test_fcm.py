import json
import logging
import re
from asyncio import Event
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from notifications.emulator import local_emulator, service_account
from notifications.fcm import Fcm, open_fcm
from notifications.push import Gone, Outcome, Push, Refused, Retry, Sent, Unsent
from schemas.devices import Platform, TargetKind
from schemas.nudges import Kind
from tests.fakes import Clock
from tests.notifications.local_fcm import ID, PHONE, TOKEN, Scene, a_scene, push

RANDOM = Random(1)


@pytest.fixture(scope="module")
async def stage() -> AsyncIterator[Scene]:
    async with a_scene() as stage:
        yield stage


@pytest.fixture
async def scene(stage: Scene) -> Scene:
    await stage.begin()
    return stage


@pytest.fixture
async def fcm(scene: Scene) -> AsyncIterator[Fcm]:
    async with scene.open() as fcm:
        yield fcm


async def test_a_push_shows_one_generic_line(fcm: Fcm, scene: Scene) -> None:
    assert await fcm.send(push(), Event()) == Sent()

    phone = await scene.phone()
    shown = {"at": "2026-03-02T12:00:00Z", "title": "Twofold", "body": "You have a reminder"}
    assert phone["shows"] == {str(ID): shown}
    assert [arrival["message"]["token"] for arrival in phone["log"]] == [PHONE]


@pytest.mark.parametrize("platform", Platform)
async def test_a_discreet_push_arrives_and_shows_nothing(
    fcm: Fcm, scene: Scene, platform: Platform
) -> None:
    assert await fcm.send(push(discreet=True, platform=platform), Event()) == Sent()

    phone = await scene.phone()
    assert (len(phone["log"]), phone["shows"]) == (1, {})


async def test_a_repeat_replaces_what_the_phone_shows(fcm: Fcm, scene: Scene) -> None:
    await scene.fail({"mode": "lose_answer", "times": 1})

    assert isinstance(await fcm.send(push(), Event()), Retry)
    assert await fcm.send(push(), Event()) == Sent()

    phone = await scene.phone()
    assert len(phone["log"]) == 2
    assert list(phone["shows"]) == [str(ID)]


AT_12_02 = "Mon, 02 Mar 2026 12:02:00 GMT"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"mode": "unregistered"}, Gone()),
        ({"mode": "invalid_argument"}, Gone()),
        ({"mode": "sender_mismatch"}, Refused()),
        ({"mode": "quota"}, Retry(timedelta(minutes=1), everybody=True)),
        ({"mode": "quota", "retry_after": 5}, Retry(timedelta(seconds=5), everybody=True)),
        ({"mode": "quota", "retry_after": AT_12_02}, Retry(timedelta(minutes=2), everybody=True)),
    ],
)
async def test_what_fcm_says_plainly_is_taken_at_its_word(
    fcm: Fcm, scene: Scene, fault: dict[str, Any], expected: Outcome
) -> None:
    await scene.fail(fault)

    assert await fcm.send(push(), Event()) == expected


async def test_a_malformed_message_to_an_installation_does_not_forget_it(
    fcm: Fcm, scene: Scene
) -> None:
    await scene.fail({"mode": "invalid_argument"})

    assert await fcm.send(push(kind=TargetKind.FID), Event()) == Refused()


@pytest.mark.parametrize(
    ("fault", "least"),
    [
        ({"mode": "unavailable"}, 10),
        ({"mode": "unavailable", "retry_after": 30}, 30),
        ({"mode": "internal"}, 10),
        ({"mode": "lose_answer"}, 10),
        ({"mode": "stall", "seconds": 60}, 10),
        ({"mode": "drop"}, 10),
        ({"mode": "rubbish"}, 10),
        ({"mode": "unauthorized"}, 10),
    ],
)
async def test_whatever_else_goes_wrong_the_push_waits_and_goes_out_in_the_end(
    scene: Scene, fault: dict[str, Any], least: int
) -> None:
    async with scene.open(patience=0.5) as fcm:
        await scene.fail(fault)

        outcome = await fcm.send(push(), Event())
        assert isinstance(outcome, Retry)
        assert timedelta(seconds=least) <= outcome.after <= timedelta(seconds=least * 1.5)
        assert not outcome.everybody

        await scene.fail()
        scene.clock.now += outcome.after
        assert await fcm.send(push(), Event()) == Sent()


async def test_nobody_at_the_other_end_is_a_retry_and_nobody_to_let_us_in_is_no_try(
    scene: Scene,
) -> None:
    left = Event()
    async with local_emulator(Clock()) as gone:
        account = service_account(gone)
    async with open_fcm(service_account(scene.url), gone, now=Clock(), random=RANDOM) as fcm:
        assert isinstance(await fcm.send(push(), left), Retry)
    async with open_fcm(account, scene.url, now=Clock(), random=RANDOM) as fcm:
        assert isinstance(await fcm.send(push(), left), Unsent)
    assert not left.is_set()


@pytest.mark.parametrize(
    "unsayable", [push(value="x" * 4000), Push(ID, Kind.REVEAL, TOKEN, -timedelta(seconds=1))]
)
async def test_what_fcm_would_not_take_is_refused_before_it_leaves(
    fcm: Fcm, scene: Scene, unsayable: Push
) -> None:
    assert await fcm.send(unsayable, Event()) == Refused()
    assert (await scene.emulator.get("/phones")).json() == {}


async def test_the_service_account_may_be_a_file_but_must_name_a_project(
    scene: Scene, tmp_path: Path
) -> None:
    account = service_account(scene.url)
    file = tmp_path / "account.json"
    file.write_text(json.dumps(account))
    async with open_fcm(file, scene.url, now=scene.clock, random=RANDOM) as fcm:
        assert await fcm.send(push(), Event()) == Sent()

    del account["project_id"]
    with pytest.raises(ValueError, match="names no project"):
        async with open_fcm(account, scene.url, now=scene.clock, random=RANDOM):
            pass


# Nothing that came from outside: a status, and the names of types.
WORDS = rf"push {ID}: \d{{3}}, \w+|push {ID} (got no answer|cannot be said): \w+"


async def test_logs_hold_the_id_and_never_the_target_or_a_word_of_the_message(
    fcm: Fcm, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "notifications")
    modes = ["unregistered", "invalid_argument", "sender_mismatch", "quota", "internal", "drop"]
    for mode in [*modes, "rubbish", "token_down", "unauthorized"]:
        await scene.fail({"mode": mode})
        await fcm.send(push(), Event())
    await fcm.send(push(value="x" * 5000 + PHONE), Event())

    said = [record.getMessage() for record in caplog.records]
    assert len([line for line in said if str(ID) in line]) == 10
    assert [line for line in said if not re.fullmatch(WORDS, line)] == []
    assert PHONE not in repr(push())
