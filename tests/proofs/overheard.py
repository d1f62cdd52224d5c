"""What leaves the house besides answers: lines of the log, and pushes as FCM gets them."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from random import Random

from httpx import AsyncClient

from notifications import worker
from notifications.emulator import local_emulator, service_account
from notifications.fcm import Fcm, open_fcm
from notifications.way_out import WayOut
from tests.proofs.program import Ground

OUR_OWN_PHONES = {"httpx", "httpcore.connection", "httpcore.http11", "asyncio"}


class Log(logging.Handler):
    """Every line, as it would be written, with every trace."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name not in OUR_OWN_PHONES:
            self.lines.append(self.format(record))


@contextmanager
def overheard() -> Iterator[Log]:
    root, log = logging.getLogger(), Log()
    before = root.level
    root.addHandler(log)
    root.setLevel(logging.DEBUG)
    yield log
    root.setLevel(before)
    root.removeHandler(log)


@dataclass
class Post:
    """A worker of the house, and the phones that it reaches."""

    ground: Ground
    sender: Fcm
    emulator: AsyncClient

    async def tick(self) -> None:
        """Until nothing is due."""
        engine, now = self.ground.engines["worker"], self.ground.clock.now
        while (await worker.tick(engine, WayOut(self.sender), now))[0]:
            pass

    async def arrived(self) -> dict[str, str]:
        """Everything that reached a phone since it was asked last, by its target."""
        phones = (await self.emulator.get("/phones")).json()
        await self.emulator.delete("/phones")
        return {target: str(phone) for target, phone in phones.items()}

    async def kinds(self) -> dict[str, set[str]]:
        """Of which kinds that was."""
        phones = (await self.emulator.get("/phones")).json()
        await self.emulator.delete("/phones")
        return {
            target: {each["message"]["data"]["kind"] for each in phone["log"]}
            for target, phone in phones.items()
        }


@asynccontextmanager
async def a_post(ground: Ground) -> AsyncIterator[Post]:
    clock = ground.clock
    async with (
        local_emulator(clock) as fcm,
        AsyncClient(base_url=fcm, trust_env=False) as emulator,
        open_fcm(service_account(fcm), fcm, now=clock, random=Random(1)) as sender,
    ):
        yield Post(ground, sender, emulator)
