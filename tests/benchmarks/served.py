"""A settlement that is served: what its people ask, and how their phones ring."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

import psycopg
from sqlalchemy import URL

from notifications.emulator import Emulator
from tests.benchmarks.asked import Asked
from tests.benchmarks.load import Load, load
from tests.benchmarks.scripts import asked_by
from tests.builders import KEYRING, TOKEN_KEYS
from tests.conftest import plain
from tests.processes import a_free_port, answering
from tests.proofs.house import in_text
from tests.proofs.stage import LONG, a_local_fcm, now, start

CONNECTIONS = 4

# Out of the way, so that only those come who are told to.
AWAY = "update schedule_hour set next_at = next_at + interval '7 days', next_on = next_on + 7"
IN_LINE = """
create table in_line as
select account_id, row_number() over (order by md5(account_id::text)) as place from schedule_hour
where couple_id not in (select couple_id from space)
"""
# Ten minutes ago: past the few minutes by which reminders are spread.
COME = """
update schedule_hour set next_at = now() - interval '10 minutes'
where account_id in (select account_id from in_line where place > %(first)s and place <= %(last)s)
"""


class Rang(NamedTuple):
    """How fast many nudges reached FCM that came due at once."""

    rate: float  # a second
    p99: float  # milliseconds, from the moment they came due


@dataclass
class Served:
    """One settlement, its API, and what has come of it so far."""

    couples: int
    url: URL
    folder: Path
    asked: list[Asked]
    address: str
    api: Process
    come: int = 0  # how many hours were made to come

    async def is_asked(self, script: str, seconds: float) -> Load:
        return await load(
            self.address,
            asked_by(self.asked, script),
            self.folder,
            connections=CONNECTIONS,
            seconds=seconds,
        )

    async def rings(self, due: int) -> Rang:
        """So many hours come at once, before a worker that waits for them."""
        async with a_local_fcm() as (fcm, emulator), self.a_worker(fcm):
            await asyncio.sleep(3)  # it is up, and finds nothing
            began = now()
            self.let_come(due)
            async with asyncio.timeout(LONG):
                while accepted(emulator) < due:
                    await asyncio.sleep(0.25)
            log = [each.at for phone in emulator.phones.all.values() for each in phone.log]
        took = sorted((at - began).total_seconds() * 1000 for at in log)
        return Rang(rate=len(took) / took[-1] * 1000, p99=quantiles(took, n=100)[98])

    @asynccontextmanager
    async def a_worker(self, fcm: str) -> AsyncIterator[Process]:
        worker = await start(
            *("api.cli", "worker"),
            fcm_emulator=fcm,
            fcm_per_minute=60_000_000,  # what is measured is what could leave, not what may
            **settings(self.url, self.folder),
        )
        try:
            yield worker
        finally:
            worker.terminate()
            await worker.wait()

    def let_come(self, due: int) -> None:
        """Those next in line."""
        with psycopg.connect(plain(self.url), autocommit=True) as owner:
            owner.execute(COME, {"first": self.come, "last": self.come + due})
        self.come += due


def accepted(emulator: Emulator) -> int:
    return sum(len(phone.log) for phone in emulator.phones.all.values())


@asynccontextmanager
async def serving(
    couples: int, url: URL, folder: Path, asked: list[Asked]
) -> AsyncIterator[Served]:
    """An API process of its own."""
    with psycopg.connect(plain(url), autocommit=True) as owner:
        owner.execute(AWAY)
        owner.execute(IN_LINE)
        owner.execute("create index on in_line (place)")
        owner.execute("vacuum analyze schedule_hour")
    port = a_free_port()
    address = f"http://127.0.0.1:{port}"
    api = await start("api.cli", "serve", port=port, **settings(url, folder))
    async with answering(api, address):
        yield Served(couples, url, folder, asked, address, api)


def settings(url: URL, folder: Path) -> dict[str, object]:
    return {
        "database_url": url.render_as_string(hide_password=False),
        "data": folder,
        "token_keys": in_text(TOKEN_KEYS),
        "data_keys": in_text(KEYRING.keys),
    }


def resident(process: Process) -> float:
    """Megabytes of memory that it holds."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = [each for each in status.splitlines() if each.startswith("VmRSS")]
    return int(line.split()[1]) / 1024
