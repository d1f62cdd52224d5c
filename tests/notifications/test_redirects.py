"""What we ask is not sent on to wherever an answer points."""

from asyncio import Event
from random import Random

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import Receive, Scope, Send

from notifications.emulator import local_emulator, service_account
from notifications.emulator_socket import serve
from notifications.fcm import open_fcm
from notifications.push import Retry
from tests.fakes import Clock
from tests.notifications.local_fcm import push


class Elsewhere:
    """Sends everybody on, and remembers who came."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(Request(scope).url.path)
        await RedirectResponse("/elsewhere", 307)(scope, receive, send)


async def test_a_redirect_is_not_followed(clock: Clock) -> None:
    elsewhere = Elsewhere()
    async with (
        local_emulator(clock) as fcm,
        serve(elsewhere) as url,
        open_fcm(service_account(fcm), url, now=clock, random=Random(1)) as sender,
    ):
        outcome = await sender.send(push(), Event())

    assert isinstance(outcome, Retry)
    assert len(elsewhere.asked) == 1
