import asyncio
import logging
import socket
import threading
from asyncio import Event
from collections.abc import AsyncIterator, Iterator
from time import perf_counter

import pytest

from notifications.emulator import service_account
from notifications.fcm import Fcm
from notifications.fcm_access import Access
from notifications.push import Sent, Unsent
from tests.fakes import Clock
from tests.notifications.local_fcm import Scene, a_scene, push

Account = dict[str, str]

TOKEN_DOWN = {"mode": "token_down"}


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


@pytest.fixture
def silent(scene: Scene) -> Iterator[Account]:
    """A service account whose token endpoint takes a question and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silence = "http://{}:{}/token".format(*listener.getsockname())
        yield service_account(scene.url) | {"token_uri": silence}


async def longest_pause() -> float:
    """How long the event loop was away, at most, until this is cancelled."""
    longest, last = 0.0, perf_counter()
    try:
        while True:
            await asyncio.sleep(0.001)
            longest, last = max(longest, perf_counter() - last), perf_counter()
    except asyncio.CancelledError:
        return longest


async def all_are_put_off_at_once(fcm: Fcm) -> None:
    watch = asyncio.create_task(longest_pause())

    begun = perf_counter()
    outcomes = await asyncio.gather(*(fcm.send(push(), Event()) for _ in range(20)))

    assert perf_counter() - begun < fcm.patience
    watch.cancel()
    # Were it the loop that waited, it would be away for as long as the question is open.
    assert await watch < fcm.patience / 4
    assert all(isinstance(outcome, Unsent) for outcome in outcomes)


async def test_a_silent_token_endpoint_holds_up_nobody_else(scene: Scene, silent: Account) -> None:
    async with scene.open(silent, patience=4) as fcm:
        await all_are_put_off_at_once(fcm)


async def test_a_failing_token_endpoint_holds_up_nobody_else(fcm: Fcm, scene: Scene) -> None:
    await scene.fail(TOKEN_DOWN)  # Google's own client would now ask again for seconds
    await all_are_put_off_at_once(fcm)


async def test_a_question_that_nobody_answers_is_given_up(scene: Scene, silent: Account) -> None:
    async with scene.open(silent, patience=0.2) as fcm:
        await fcm.send(push(), Event())
        await asyncio.sleep(0.2)

        # Otherwise every push to come would wait for it as well.
        assert fcm.access.asking is None


async def test_however_many_wait_for_a_credential_it_is_asked_for_once(
    fcm: Fcm, scene: Scene
) -> None:
    await scene.fail({**TOKEN_DOWN, "times": 1})

    outcomes = await asyncio.gather(*(fcm.send(push(), Event()) for _ in range(20)))

    # A second question would have been answered.
    assert all(isinstance(outcome, Unsent) for outcome in outcomes)


async def test_after_a_failure_the_token_endpoint_is_left_alone_for_ten_seconds(
    fcm: Fcm, scene: Scene
) -> None:
    await scene.fail({**TOKEN_DOWN, "times": 1})
    await fcm.send(push(), Event())

    scene.clock.forward(seconds=9)
    assert isinstance(await fcm.send(push(), Event()), Unsent)
    scene.clock.forward(seconds=1)
    assert await fcm.send(push(), Event()) == Sent()


async def test_a_credential_is_kept_for_fifty_minutes(fcm: Fcm, scene: Scene) -> None:
    first = await fcm.access.token()

    scene.clock.forward(minutes=49)
    assert await fcm.access.token() == first
    assert fcm.access.asking is None

    scene.clock.forward(minutes=1)
    await fcm.access.token()
    await renewal(fcm.access)
    assert await fcm.access.token() != first


async def renewal(access: Access) -> None:
    assert access.asking is not None
    await access.asking


async def test_nobody_waits_while_a_credential_is_renewed() -> None:
    answer, tokens, clock = threading.Event(), iter(["first", "second"]), Clock()

    def ask() -> str:
        token = next(tokens)
        assert token == "first" or answer.wait(5)
        return token

    async with Access(ask, clock) as access:
        await access.token()
        clock.forward(minutes=50)
        assert await access.token() == "first"

        answer.set()
        await renewal(access)
        assert await access.token() == "second"


async def test_a_credential_is_used_to_its_end_where_there_is_no_new_one(
    fcm: Fcm, scene: Scene
) -> None:
    await fcm.send(push(), Event())
    await scene.fail(TOKEN_DOWN)

    scene.clock.forward(minutes=59)
    assert await fcm.send(push(), Event()) == Sent()
    await fcm.access.renew()
    assert await fcm.send(push(), Event()) == Sent()
    scene.clock.forward(minutes=1)
    assert isinstance(await fcm.send(push(), Event()), Unsent)


async def test_a_credential_that_fcm_does_not_take_is_replaced_at_once(
    fcm: Fcm, scene: Scene
) -> None:
    await fcm.send(push(), Event())
    first = await fcm.access.token()
    await scene.fail({"mode": "unauthorized", "times": 1})

    assert await fcm.send(push(), Event()) == Sent()

    second = await fcm.access.token()
    assert second != first
    fcm.access.spoil(first)  # says another push that was on its way with it
    assert await fcm.access.token() == second


async def test_a_worker_that_slept_longer_than_its_credential_sends_all_the_same(
    fcm: Fcm, scene: Scene
) -> None:
    await fcm.send(push(), Event())

    scene.clock.forward(days=1)
    assert await fcm.send(push(), Event()) == Sent()


async def test_a_sender_can_be_closed_while_it_asks(
    scene: Scene, silent: Account, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    begun = perf_counter()
    async with scene.open(silent) as fcm:
        sending = asyncio.create_task(fcm.send(push(), Event()))
        await asyncio.sleep(0.05)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

    assert perf_counter() - begun < 0.5
    assert caplog.text == ""
