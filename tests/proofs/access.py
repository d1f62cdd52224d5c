"""Google's token endpoint is silent, or fails, while pushes wait.

The worker's event loop goes on turning: it is never away for a tenth of a second, or, where the
machine is slow, for twice as long as when the same pushes leave without any trouble. The queue
waits without a try being counted, and everything arrives afterwards.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from urllib.parse import urlsplit

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications import worker
from notifications.emulator import Emulator, service_account
from notifications.emulator_faults import Mode, Rule
from notifications.fcm import open_fcm
from schemas.database import Role, open_engine
from schemas.nudges import Push
from tests.notifications.test_fcm_access import longest_pause
from tests.proofs.crowd import a_crowd
from tests.proofs.report import Report, run
from tests.proofs.stage import a_database, a_local_fcm, now, until

BRIEF = 0.1  # seconds
AT_ONCE = 10**8  # messages a minute: the pace of sending is proved elsewhere


@dataclass
class Gate:
    """Stands before the token endpoint, and, while it is silent, lets nothing through."""

    behind: str
    open: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0

    async def meet(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.asked += 1
        await self.open.wait()
        where = urlsplit(self.behind)
        inner, outer = await asyncio.open_connection(where.hostname, where.port)
        await asyncio.gather(carry(reader, outer), carry(inner, writer), return_exceptions=True)


async def carry(source: StreamReader, sink: StreamWriter) -> None:
    while words := await source.read(65536):
        sink.write(words)
        await sink.drain()
    sink.close()


@asynccontextmanager
async def a_gate(behind: str) -> AsyncIterator[tuple[Gate, str]]:
    gate = Gate(behind)
    server = await asyncio.start_server(gate.meet, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield gate, f"http://{host}:{port}/token"
    finally:
        gate.open.set()
        server.close()


@dataclass
class Scene:
    report: Report
    engine: AsyncEngine
    fcm: Emulator
    gate: Gate
    due: dict[str, str] = field(default_factory=dict)
    brief: float = BRIEF
    noise: float = 0.0

    async def fill(self, nudges: int) -> None:
        self.fcm.accepted = 0
        async with AsyncSession(self.engine) as db:
            self.due = await a_crowd(db, nudges)

    async def in_peace(self) -> None:
        """What the same number costs where nothing is wrong, on this machine, at this moment."""
        self.gate.open.set()
        watch = asyncio.create_task(longest_pause())
        await until(lambda: self.fcm.accepted >= len(self.due), 120)
        watch.cancel()
        self.noise = await watch
        self.report.say("without trouble the loop was away, seconds", f"{self.noise:.3f}")

    async def away(self, how: str, seconds: float) -> None:
        """Nothing leaves, nothing is lost, nobody else is held up; then it is well again."""
        pause = await longest_pause_of(seconds)
        self.report.say(f"{how}: the loop was away, seconds, at most", f"{pause:.3f}")
        self.report.must(pause < max(self.brief, 2 * self.noise), f"{how}: away for {pause:.3f} s")
        self.report.must(not self.fcm.accepted, f"{how}: a push left")
        waiting, tries = await self.waiting()
        self.report.must(waiting == len(self.due), f"{how}: {waiting} of {len(self.due)} wait")
        # One try is that of the batches in hand.
        self.report.must(tries <= worker.LANES * worker.BATCH, f"{how}: {tries} tries were counted")

    async def waiting(self) -> tuple[int, int]:
        async with AsyncSession(self.engine) as db:
            asked = select(func.count(col(Push.id)), func.sum(col(Push.attempts)))
            waiting, tries = (await db.exec(asked)).one()
        return waiting, int(tries or 0)

    async def well(self) -> None:
        await until(lambda: self.fcm.accepted >= len(self.due), 120)
        tags = {
            phone: [each.message["data"]["id"] for each in self.fcm.phones.all[phone].log]
            for phone in self.due
        }
        right = sum(got == [self.due[phone]] for phone, got in tags.items())
        self.report.say("arrived afterwards, each once", right)
        self.report.must(right == len(self.due), f"{len(self.due) - right} did not, or not once")


async def longest_pause_of(seconds: float) -> float:
    watch = asyncio.create_task(longest_pause())
    await asyncio.sleep(seconds)
    watch.cancel()
    return await watch


async def prove(
    report: Report, nudges: int, seconds: float, failing: float, brief: float = BRIEF
) -> None:
    """So many that wait, while it is silent and then failing for so long."""
    with a_database() as database:
        async with AsyncExitStack() as stage:
            engine = create_async_engine(database.url)
            stage.push_async_callback(engine.dispose)
            url, fcm = await stage.enter_async_context(a_local_fcm())
            gate, token_uri = await stage.enter_async_context(a_gate(url))
            account = service_account(url) | {"token_uri": token_uri}
            scene = Scene(report, engine, fcm, gate, brief=brief)
            await scene.fill(nudges)
            async with working(database.url, account, url):
                await scene.in_peace()
            await scene.fill(nudges)
            gate.open.clear()
            async with working(database.url, account, url):
                await scene.away("silent", seconds)
                fcm.faults.rules = [Rule(mode=Mode.TOKEN_DOWN)]
                gate.open.set()
                if failing:
                    await scene.away("failing", failing)
                fcm.faults.rules = []
                await scene.well()


@asynccontextmanager
async def working(url: URL, account: dict[str, str], fcm: str) -> AsyncIterator[None]:
    """A worker in this loop, which is the one that is watched."""
    engine = open_engine(url, Role.WORKER)
    clock = partial(worker.database_clock, engine)
    stop = asyncio.Event()
    async with open_fcm(account, fcm, now=now, random=Random(1)) as sender:
        task = asyncio.create_task(worker.work(engine, sender, clock, stop, AT_ONCE))
        try:
            yield
        finally:
            stop.set()
            await task
    await engine.dispose()


FULL = {"nudges": 2_000, "seconds": 60.0, "failing": 60.0}

if __name__ == "__main__":
    run(prove, **FULL)
