"""What the scenes with FCM share: a local one, a clock that all of them read, and a push."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import httpx

from notifications.emulator import local_emulator, service_account
from notifications.fcm import Fcm, open_fcm
from notifications.push import Push, Target
from schemas.base import Locale
from schemas.devices import Platform, TargetKind
from schemas.nudges import Kind

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ID = UUID("0195571e-7400-7abc-9abc-0123456789ab")
PHONE = "dQw4w9WgXcQ:APA91b-canary"
TOKEN = Target(TargetKind.TOKEN, PHONE, Platform.ANDROID, Locale.EN, discreet=False)


class Clock:
    """Stands still until it is moved."""

    now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> None:
        self.now += timedelta(**amount)


def push(**changes: Any) -> Push:  # noqa: ANN401
    """To an Android phone by its token, unless told otherwise."""
    return Push(ID, Kind.REVEAL, replace(TOKEN, **changes), timedelta(hours=2))


@dataclass
class Scene:
    clock: Clock
    url: str
    emulator: httpx.AsyncClient  # as those speak to it who tell it to fail, and ask what arrived

    async def begin(self) -> None:
        self.clock.now = NOON
        await self.fail()
        await self.emulator.delete("/phones")

    async def fail(self, *rules: dict[str, Any]) -> None:
        (await self.emulator.put("/faults", json=rules)).raise_for_status()

    async def phone(self, target: str = PHONE) -> Any:  # noqa: ANN401
        return (await self.emulator.get(f"/phones/{target}")).json()

    def open(
        self, token_uri: str | None = None, patience: float = 5
    ) -> AbstractAsyncContextManager[Fcm]:
        """A sender to this emulator; its patience is shorter where a test is to wait for it."""
        account = service_account(self.url)
        account["token_uri"] = token_uri or account["token_uri"]
        random = Random(1)  # noqa: S311
        return open_fcm(account, self.url, now=self.clock, random=random, patience=patience)


@asynccontextmanager
async def a_scene() -> AsyncIterator[Scene]:
    clock = Clock()
    async with (
        local_emulator(clock) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as emulator,
    ):
        yield Scene(clock, url, emulator)
