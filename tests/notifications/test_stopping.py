"""Real processes on a real database, told to stop in the middle of their work."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from httpx import AsyncClient, ConnectError, ReadError, RemoteProtocolError, Response
from sqlalchemy import URL, text
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications import worker
from notifications.batch import WAVE
from notifications.emulator import local_emulator
from notifications.way_out import WayOut
from notifications.worker import BATCH, LANES
from schemas.base import Locale, new_id
from schemas.devices import Device, Platform, TargetKind
from schemas.nudges import Push
from schemas.sessions import Session
from tests.builders import Person, Two
from tests.conftest import Engines
from tests.crowd import a_crowd
from tests.fakes import Clock
from tests.notifications.conftest import AT_ONCE, Phones, Worker
from tests.processes import ENOUGH, a_free_port, a_process, until_it_answers

SIGN_UP = {
    "email": "robin@example.org",
    "password": "gravel lantern tuesday otter",
    "display_name": "Robin",
    "zone": "Europe/Lisbon",
    "locale": "en",
    "born_on": "1990-05-17",
}
A_WAVE_TAKES = 5  # seconds; less than a push is waited for
IN_FLIGHT = LANES * WAVE


async def until(statement: str, db: AsyncSession) -> None:
    """The owner sees that this has become so."""
    async with asyncio.timeout(ENOUGH):
        while not (await db.exec(text(statement))).scalar():  # type: ignore[call-overload]
            await db.commit()
            await asyncio.sleep(0.02)
    await db.commit()


Waiting = asyncio.Task[Response]


@asynccontextmanager
async def signing_up(url: str, engines: Engines, db: AsyncSession) -> AsyncIterator[Waiting]:
    """A request that cannot go on, since somebody else has the table, until the block is left."""
    async with AsyncClient(base_url=url, trust_env=False, timeout=ENOUGH) as phone:
        async with engines["owner"].begin() as owner:
            await owner.execute(text("lock table account in exclusive mode"))
            asked = asyncio.create_task(phone.post("/v1/accounts", json=SIGN_UP))
            await until("select exists (select from pg_locks where not granted)", db)
            yield asked
        await asyncio.wait([asked])


async def test_who_is_in_gets_an_answer_and_nobody_new_is_let_in(
    database: URL, engines: Engines, db: AsyncSession, tmp_path: Path
) -> None:
    port = a_free_port()
    url = f"http://127.0.0.1:{port}"
    async with a_process(
        "serve", database=database, data=tmp_path, TWOFOLD_PORT=str(port)
    ) as serve:
        await until_it_answers(f"{url}/healthz")

        async with signing_up(url, engines, db) as asked:
            serve.send_signal(signal.SIGTERM)
            async with asyncio.timeout(ENOUGH):
                while not await refuses(url):
                    await asyncio.sleep(0.02)
            assert not asked.done()

        answer = asked.result()
        assert answer.status_code == 202
        assert await serve.wait() == 0


async def refuses(url: str) -> bool:
    async with AsyncClient(trust_env=False) as another:
        try:
            await another.get(f"{url}/healthz")
        except (ConnectError, ReadError, RemoteProtocolError):
            return True
        return False


async def test_a_second_signal_ends_it_at_once(
    database: URL, engines: Engines, db: AsyncSession, tmp_path: Path
) -> None:
    port = a_free_port()
    url = f"http://127.0.0.1:{port}"
    async with a_process(
        "serve", database=database, data=tmp_path, TWOFOLD_PORT=str(port)
    ) as serve:
        await until_it_answers(f"{url}/healthz")

        async with signing_up(url, engines, db) as asked:
            serve.send_signal(signal.SIGTERM)
            async with asyncio.timeout(ENOUGH):
                while not await refuses(url):
                    await asyncio.sleep(0.02)
            serve.send_signal(signal.SIGTERM)
            assert await serve.wait() == 1
            await asyncio.wait([asked])

        assert asked.exception()  # and nothing was kept of it: its transaction was open
    await until("select not exists (select from account where email ^@ 'robin')", db)


async def test_a_worker_ends_its_waves_and_gives_back_what_it_has_not_begun(
    database: URL, db: AsyncSession, clock: Clock, tmp_path: Path
) -> None:
    async with local_emulator(clock) as fcm, AsyncClient(base_url=fcm, trust_env=False) as phones:
        slow = {"mode": "stall", "seconds": A_WAVE_TAKES, "times": IN_FLIGHT}
        assert (await phones.put("/faults", json=[slow])).status_code == 204
        for person in await a_crowd(db, LANES * BATCH):  # in each lane they make two waves
            await another_phone_that_rings(db, person)
        await db.commit()
        settings = {"TWOFOLD_FCM_EMULATOR": fcm, "TWOFOLD_FCM_PER_MINUTE": str(AT_ONCE)}
        async with a_process("worker", database=database, data=tmp_path, **settings) as process:
            async with asyncio.timeout(ENOUGH):
                while (await phones.get("/faults")).json():
                    await asyncio.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        rang = len((await phones.get("/phones")).json())

    assert rang == IN_FLIGHT
    due, leased = [
        (await db.exec(select(func.count(col(Push.id))).where(those))).one()
        for those in (col(Push.due_at) <= func.now(), col(Push.due_at) > func.now())
    ]
    assert (due, leased) == (LANES * BATCH - IN_FLIGHT // 2, 0)


async def another_phone_that_rings(db: AsyncSession, person: Person) -> None:
    session = Session.begin(person.id, person.clock.now)
    db.add(session)
    await db.flush()
    device = Device(
        id=new_id(person.clock.now),
        account_id=person.id,
        session_id=session.id,
        target_kind=TargetKind.TOKEN,
        target=f"second-{person.phone}",
        platform=Platform.IOS,
        locale=Locale.EN,
        discreet=False,
        registered_at=person.clock.now,
    )
    db.add(device)


async def test_what_a_worker_has_not_begun_is_as_it_was(
    couple: Two, engines: Engines, work: Worker, phones: Phones, db: AsyncSession
) -> None:
    sam, alex = couple
    await sam.sends()
    before = (await db.exec(select(Push).where(Push.account_id == alex.id))).one().model_dump()
    stop = asyncio.Event()
    stop.set()

    await worker.tick(engines["worker"], WayOut(work.sender, stop), sam.clock.now)

    db.expire_all()
    after = (await db.exec(select(Push).where(Push.account_id == alex.id))).one().model_dump()
    assert after == before | {"due_at": sam.clock.now}
    assert await phones.rang(alex.phone) == []


A_PROCESS = (
    "import sys; from schemas import embedded; embedded.start(__import__('pathlib').Path({!r})); {}"
)


def test_a_killed_process_does_not_keep_the_embedded_database_running(tmp_path: Path) -> None:
    """Its server goes on, until the next process ends as it should."""
    folder = tmp_path / "database"
    for ends, code in (("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL), ("pass", 0)):
        script = A_PROCESS.format(str(folder), ends)
        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == code  # noqa: S603
        assert (folder / "postmaster.pid").exists() == (code != 0)
