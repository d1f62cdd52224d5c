"""A local FCM over real sockets, and a worker that speaks to it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random

import pytest
from httpx import AsyncClient

from notifications import worker
from notifications.emulator import local_emulator, service_account
from notifications.fcm import Fcm, open_fcm
from notifications.way_out import WayOut
from tests.conftest import Engines
from tests.fakes import Clock

# Messages a minute. The clock stands still: what is no scene about the pace must fit into a second.
AT_ONCE = 10**8


class Phones(AsyncClient):
    """What arrived, and the switch for everything that can go wrong."""

    async def rang(self, target: str) -> list[str]:
        """The kinds of all that FCM accepted for this phone, oldest first."""
        log = (await self.get(f"/phones/{target}")).json()["log"]
        return [arrival["message"]["data"]["kind"] for arrival in log]

    async def fail(self, *rules: dict[str, object]) -> None:
        answer = await self.put("/faults", json=list(rules))
        assert answer.status_code == 204, answer.text

    async def recover(self) -> None:
        await self.delete("/faults")


class Worker:
    """One worker, one tick at a time, at the clock's time."""

    def __init__(self, engines: Engines, sender: Fcm, clock: Clock) -> None:
        self.engines, self.sender, self.clock = engines, sender, clock

    async def tick(self) -> timedelta:
        """Until nothing is due; returns how long this worker has nothing to try."""
        rest = timedelta(0)
        while True:
            handled, more = await self.once()
            rest = max(rest, more)
            if not handled:
                return rest

    async def once(self, per_minute: int = AT_ONCE) -> tuple[int, timedelta]:
        engine, now = self.engines["worker"], self.clock.now
        return await worker.tick(engine, WayOut(self.sender, per_minute=per_minute), now)


@pytest.fixture
async def fcm(clock: Clock) -> AsyncIterator[str]:
    """The base URL of a local FCM of this test's own."""
    async with local_emulator(clock) as base_url:
        yield base_url


@pytest.fixture
async def phones(fcm: str) -> AsyncIterator[Phones]:
    async with Phones(base_url=fcm) as phones:
        yield phones


@pytest.fixture
async def work(engines: Engines, fcm: str, clock: Clock) -> AsyncIterator[Worker]:
    async with open_fcm(service_account(fcm), fcm, now=clock, random=Random(1)) as sender:
        yield Worker(engines, sender, clock)
