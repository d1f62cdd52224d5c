"""One round of nudges: they become due at one moment, before senders that stand ready."""

import asyncio
import os
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import time
from typing import Any

import httpx
import psycopg

from notifications.fcm_messages import encode
from notifications.push import Push, Target
from schemas.base import Locale, new_id
from schemas.devices import Platform, TargetKind
from schemas.nudges import Kind
from tests.benchmarks.cpu import Cpu, postgres
from tests.benchmarks.due_people import multiply
from tests.benchmarks.fast_fcm import SEND
from tests.benchmarks.load import load
from tests.conftest import plain
from tests.notifications.local_smtp import a_certificate
from tests.processes import a_free_port
from tests.proofs.stage import Database, now, start

THOUSAND = 1000
WAITING = """insert into push select
    (jsonb_populate_record(one, jsonb_build_object('due_at', to_timestamp(%s)))).*
    from waits one limit %s
"""


@dataclass(frozen=True, slots=True)
class Way:
    """Who sends, and to what kind of FCM."""

    workers: int  # of ours; 0 is the loop
    wait: float  # seconds that each answer takes
    tls: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What one round came to."""

    rate: float  # nudges a second, from the first that was accepted to the last
    first: float  # seconds from due to accepted
    thousandth: float  # likewise
    cpu: float  # seconds for 1,000 nudges, of all processes that send
    database: float  # likewise, of PostgreSQL


@dataclass(frozen=True, slots=True)
class Ground:
    database: Database
    db: psycopg.AsyncConnection[Any]
    fcm: dict[bool, str]  # the URLs: without TLS, and with it
    asks: httpx.AsyncClient

    async def round(self, way: Way, nudges: int) -> Found:
        url = self.fcm[way.tls]
        await self.asks.post(f"{url}/round", json={"wait": way.wait})
        async with AsyncExitStack() as stack:
            senders = [
                await stack.enter_async_context(a_process(*command, **self.settings(url)))
                for command in self.commands(way, url)
            ]
            await self.until_ready(url, len(senders))
            due = time() + 2 + nudges / 3000
            await self.waiting(nudges, due)
            await asyncio.sleep(due - time())
            cpus = Cpu(lambda: [each.pid for each in senders]), postgres(self.database.folder)
            before = [each.seconds() for each in cpus]
            accepted = await self.all_accepted(url, nudges)
            after = [each.seconds() for each in cpus]
        took = [(b - a) * THOUSAND / nudges for a, b in zip(before, after, strict=True)]
        rate = nudges / (accepted[-1] - accepted[0])
        return Found(rate, accepted[0] - due, accepted[THOUSAND - 1] - due, *took)

    async def until_ready(self, url: str, senders: int) -> None:
        """Each has asked FCM who it is, which is the last that it does before its first look."""
        while (await self.told(url))["greeted"] < senders:
            await asyncio.sleep(0.1)
        await asyncio.sleep(2)

    async def told(self, url: str) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.asks.get(f"{url}/round")).json()
        return answer

    async def waiting(self, nudges: int, due: float) -> None:
        """All of them written and seen to before they are due."""
        await self.db.execute("truncate push")
        await self.db.execute(WAITING, (due, nudges))
        await self.db.execute("vacuum analyze push")
        await self.db.execute("checkpoint")
        assert time() < due, "this machine is too slow for so many"

    def commands(self, way: Way, url: str) -> list[tuple[str, ...]]:
        loop = ("tests.benchmarks.plain_loop", plain(self.database.url), url)
        return [("api.cli", "worker")] * way.workers or [loop]

    def settings(self, url: str) -> dict[str, object]:
        return {
            "database_url": self.database.as_text,
            "fcm_emulator": url,
            "fcm_per_minute": 60_000_000,  # what is measured is what could leave, not what may
            "data": self.database.folder.parent,
        }

    async def all_accepted(self, url: str, nudges: int) -> list[float]:
        """When each was, once nothing is due any more. Each phone has got one, and one only."""
        due = "select exists (select from push where due_at <= now() + interval '10 minutes')"
        while (await (await self.db.execute(due)).fetchone()) != (False,):
            await asyncio.sleep(0.1)
        found = await self.told(url)
        accepted: list[float] = found["accepted"]
        assert len(accepted) == found["phones"] == nudges, f"{len(accepted)} of {nudges}"
        return accepted

    async def ceiling(self) -> float:
        """How many messages the local FCM accepts in a second, from who writes faster than any."""
        url = self.fcm[False]
        await self.asks.post(f"{url}/round", json={"wait": 0})
        bearer = (await self.told(url))["bearer"]
        target = Target(TargetKind.TOKEN, "a-phone", Platform.ANDROID, Locale.EN, discreet=False)
        push = Push(new_id(now()), Kind.PARTNER_NUDGE, target, timedelta(hours=1))
        script = (
            f"wrk.method = 'POST'; wrk.body = '{encode(push, now()).decode()}';"
            f" wrk.headers['Authorization'] = 'Bearer {bearer}'"
        )
        folder = self.database.folder.parent
        found = await load(url + SEND.decode(), script, folder, connections=200, seconds=5)
        assert not found.failed
        return found.rate


@asynccontextmanager
async def a_ground(database: Database, couples: int) -> AsyncIterator[Ground]:
    """All processes that are started from here on trust the certificate of the local FCM."""
    certificate = a_certificate(database.folder.parent)
    os.environ |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), str(certificate))
    async with AsyncExitStack() as stack:
        opened = await psycopg.AsyncConnection.connect(plain(database.url), autocommit=True)
        db = await stack.enter_async_context(opened)
        await multiply(db, couples)
        fcm = {}
        for scheme, given in (("http", []), ("https", [str(certificate)])):
            port = a_free_port()
            command = ("tests.benchmarks.fast_fcm", str(port), *given)
            await stack.enter_async_context(a_process(*command))
            await until_open(port)
            fcm[scheme == "https"] = f"{scheme}://127.0.0.1:{port}"
        yield Ground(database, db, fcm, await stack.enter_async_context(httpx.AsyncClient()))


@asynccontextmanager
async def a_process(*command: str, **settings: object) -> AsyncIterator[Process]:
    process = await start(*command, **settings)
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()


async def until_open(port: int) -> None:
    while True:
        try:
            _, line = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            line.close()
            return
