"""What the scenes with FCM share: a local one, a clock that all of them read, and a push."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import httpx

from notifications.emulator import local_emulator, service_account
from notifications.emulator_account import PROJECT
from notifications.fcm import Fcm, open_fcm
from notifications.push import Push, Target
from schemas.base import Locale
from schemas.devices import Platform, TargetKind
from schemas.nudges import Kind
from tests.fakes import NOON, Clock

ID = UUID("0195571e-7400-7abc-9abc-0123456789ab")
PHONE = "dQw4w9WgXcQ:APA91b-canary"
SEND = f"/v1/projects/{PROJECT}/messages:send"
TOKEN = Target(TargetKind.TOKEN, PHONE, Platform.ANDROID, Locale.EN, discreet=False)


def push(**changes: Any) -> Push:  # noqa: ANN401
    """To an Android phone by its token, unless told otherwise."""
    return Push(ID, Kind.REVEAL, replace(TOKEN, **changes), timedelta(hours=2))


@dataclass
class Scene:
    clock: Clock
    url: str
    emulator: httpx.AsyncClient  # as those speak to it who tell it to fail, and ask what arrived
    bearer: dict[str, str] = field(default_factory=dict)

    async def begin(self) -> None:
        self.clock.now = NOON
        self.bearer = {}
        await self.fail()
        await self.emulator.delete("/phones")

    async def fail(self, *rules: dict[str, Any]) -> None:
        (await self.emulator.put("/faults", json=rules)).raise_for_status()

    async def phone(self, target: str = PHONE) -> Any:  # noqa: ANN401
        return (await self.emulator.get(f"/phones/{target}")).json()

    async def sign_in(self) -> dict[str, str]:
        """What somebody shows who may send; the same for the whole of a scene."""
        if not self.bearer:
            async with self.open() as fcm:
                self.bearer = {"Authorization": f"Bearer {await fcm.access.token()}"}
        return self.bearer

    async def post(self, **message: Any) -> httpx.Response:  # noqa: ANN401
        """Past our own sender, which is more careful."""
        headers = await self.sign_in()
        return await self.emulator.post(SEND, json={"message": message}, headers=headers)

    def open(
        self, account: dict[str, str] | None = None, patience: float = 5
    ) -> AbstractAsyncContextManager[Fcm]:
        """A sender to this emulator; its patience is shorter where a test is to wait for it."""
        account = account or service_account(self.url)
        random = Random(1)
        return open_fcm(account, self.url, now=self.clock, random=random, patience=patience)


@asynccontextmanager
async def a_scene() -> AsyncIterator[Scene]:
    clock = Clock()
    async with (
        local_emulator(clock) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as emulator,
    ):
        yield Scene(clock, url, emulator)
