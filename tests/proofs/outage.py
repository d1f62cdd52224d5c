"""The database is away for half a minute: dead, or frozen so that it says nothing at all.

Whoever asks meanwhile hears within two seconds that it does not work, as a 503 problem. When the
database is back, API and worker are well again within five seconds, and are the same processes.
"""

import asyncio
from asyncio.subprocess import Process
from dataclasses import dataclass, field
from time import perf_counter

import httpx
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications.emulator import Emulator
from tests.builders import Person, Two
from tests.processes import a_free_port, until_it_answers
from tests.proofs import house
from tests.proofs.crowd import what_waits
from tests.proofs.report import Report, run
from tests.proofs.stage import Database, a_database, a_local_fcm, start, until

AT_ONCE = 2.0  # seconds
SOON = 5.0  # likewise
A_BREATH = 0.7  # seconds: six phones of one person ask less often than somebody may
BUSY = (503, "/problems/busy")
WELL = (200, None)


@dataclass
class Watch:
    """Everything that was asked, when, for how long, and what came back."""

    heard: list[tuple[float, float, tuple[int, str | None]]] = field(default_factory=list)

    async def ask(self, client: httpx.AsyncClient, person: Person) -> None:
        """Read and write, as often as one person may, until cancelled."""
        space = {"mode": "silent", "ends_at": None}
        headers = house.bearer(person)
        while True:
            for method, path, body in (("GET", "/today", None), ("PUT", "/space", space)):
                begun = perf_counter()
                answer = await client.request(method, f"/v1{path}", json=body, headers=headers)
                kind = answer.json().get("type") if answer.status_code != 200 else None
                self.heard.append((begun, perf_counter() - begun, (answer.status_code, kind)))
                await asyncio.sleep(A_BREATH)

    def between(self, start: float, end: float) -> list[tuple[float, tuple[int, str | None]]]:
        """What was asked in this time: how long it took and what it was."""
        return [(took, what) for begun, took, what in self.heard if start <= begun < end]


async def prove(report: Report, seconds: int, phones: int, at_once: float = AT_ONCE) -> None:
    """Away for so many seconds, twice, with so many phones that go on asking."""
    with a_database() as database:
        async with a_local_fcm() as (url, fcm), httpx.AsyncClient(timeout=30) as client:
            engine = create_async_engine(database.url)
            async with AsyncSession(engine, expire_on_commit=False) as db:
                sam, alex = await house.two_people(db)
            await engine.dispose()
            port = a_free_port()
            client.base_url = httpx.URL(f"http://127.0.0.1:{port}")
            processes = [await house.serve(database, port), await a_worker(database, url)]
            await until_it_answers(f"http://127.0.0.1:{port}/healthz")
            scene = Scene(report, database, fcm, client, (sam, alex), phones, seconds, at_once)
            await scene.away("dead", sam)
            await scene.away("frozen", alex)
            await end(report, processes)


async def a_worker(database: Database, fcm: str) -> Process:
    where = {"database_url": database.as_text, "fcm_emulator": fcm}
    return await start("api.cli", "worker", data=database.folder.parent, **where)


async def end(report: Report, processes: list[Process]) -> None:
    for each in processes:
        report.must(each.returncode is None, "one of the processes has ended")
        each.terminate()
        await each.wait()


@dataclass
class Scene:
    report: Report
    database: Database
    fcm: Emulator
    client: httpx.AsyncClient
    couple: Two
    phones: int
    seconds: int
    at_once: float

    async def away(self, how: str, waiting: Person) -> None:
        watch = Watch()
        asking = [
            asyncio.create_task(watch.ask(self.client, self.couple[n % 2]))
            for n in range(self.phones)
        ]
        await asyncio.sleep(2)
        gone, back = await (self.dead() if how == "dead" else self.frozen())
        await self.rings(how, waiting, back)
        await asyncio.sleep(max(0.0, back + SOON + 2 - perf_counter()))
        for each in asking:
            each.cancel()
        await asyncio.wait(asking)
        ended = [each for each in asking if not each.cancelled()]
        self.report.must(not ended, f"{how}: somebody was not answered at all")
        self.judge(how, watch, gone, back)

    async def dead(self) -> tuple[float, float]:
        gone = perf_counter()
        await self.database.kill()
        await asyncio.sleep(self.seconds)
        await asyncio.to_thread(self.database.restart)
        return gone, perf_counter()

    async def frozen(self) -> tuple[float, float]:
        gone = perf_counter()
        self.database.freeze()
        await asyncio.sleep(self.seconds)
        self.database.thaw()
        return gone, perf_counter()

    async def rings(self, how: str, person: Person, back: float) -> None:
        """Something that waits now is on the phone soon."""
        engine = create_async_engine(self.database.url)
        async with AsyncSession(engine, expire_on_commit=False) as db:
            await what_waits(db, person)
            await db.commit()
        await engine.dispose()
        phone = self.fcm.phones.all[person.phone]
        await until(lambda: bool(phone.log), 60)
        took = perf_counter() - back
        self.report.say(f"{how}: a push after it was back, seconds", f"{took:.1f}")
        self.report.must(took < SOON, f"{how}: the worker needed {took:.1f} s")

    def judge(self, how: str, watch: Watch, gone: float, back: float) -> None:
        # Between the two stands what was asked before it was gone, or answered when it was back.
        meanwhile = watch.between(gone + 0.2, back - self.seconds * 0.1 - AT_ONCE / 2)
        longest = max(took for _, took, _ in watch.heard)
        slow_to_heal = [what for _, what in watch.between(back + SOON, back + 60) if what != WELL]
        before = [what for _, what in watch.between(0, gone - 0.5)]
        self.report.say(f"{how}: asked while it was away", len(meanwhile))
        self.report.say(f"{how}: slowest answer, seconds", f"{longest:.2f}")
        self.report.must(meanwhile and before, f"{how}: nobody asked")
        self.report.must({*before} <= {WELL}, f"{how}: not well before: {set(before)}")
        kinds = {what for _, what in meanwhile}
        self.report.must(kinds == {BUSY}, f"{how}: while away it answered {kinds}")
        self.report.must(longest < self.at_once, f"{how}: an answer took {longest:.2f} s")
        self.report.must(not slow_to_heal, f"{how}: after {SOON} s still {set(slow_to_heal)}")


FULL = {"seconds": 30, "phones": 12}

if __name__ == "__main__":
    run(prove, **FULL)
