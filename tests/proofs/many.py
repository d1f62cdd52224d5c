"""Two API processes and two workers behind PgBouncer, and nobody can tell them from one of each.

Each request of the two phones goes to either process, at random. What makes something is sent to
the other as well, as by an app that lost the answer, and is done once; each phone goes on with its
session now here, now there. So the main job is lived in real time, with hours that are due now, and
space is taken against a thousand pushes that wait. No process has anything that the others need:
all of it is in the database.

But for one thing: how often somebody asked is counted in each process by itself, so two of them let
twice as much through. Processes that are to count together need a Redis (`TWOFOLD_REDIS_URL`).
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from uuid import UUID

import httpx
import psycopg
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from api.demo_phone import Phone, Unexpected
from api.demo_story import STORY, Clock, Scene
from api.local import Addresses
from api.settings import Settings
from notifications import batch, worker
from notifications.emulator import Emulator
from tests.builders import KEYRING, Person
from tests.conftest import plain
from tests.notifications.test_space_wins import KINDS, a_thousand_wait_for
from tests.processes import a_free_port, until_it_answers
from tests.proofs import house
from tests.proofs.bouncer import a_bouncer
from tests.proofs.report import Report, run
from tests.proofs.stage import Database, a_database, a_local_fcm, now, start, until

A_THOUSAND = 1000 + len(KINDS)  # with the phone that was there before
# Until the pushes that wait are due, so that space can be taken before.
DUE_IN = timedelta(seconds=3)
LONG_ENOUGH = 4.0  # seconds after that, in which all of them would be out
FRIDAY, SUNDAY = 4, 6
# Reminders are spread over some minutes after it.
HOUR_HAS_COME = """
update schedule_hour set next_on = current_date, next_at = now() - interval '10 minutes'
where zone = %(zone)s and at = %(at)s::time
"""
ONCE = {"/v1/nudges/sent", "/v1/checkins", "/v1/schedules"}


class Either(httpx.AsyncHTTPTransport):
    """To one of them, whichever; and what makes something to the other as well, which must say
    the same.
    """

    def __init__(self, ports: list[int], random: Random) -> None:
        super().__init__()
        self.ports, self.random = ports, random
        self.asked: Counter[int] = Counter()
        self.twice, self.differing = 0, list[str]()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        one, other = self.random.sample(self.ports, 2)
        if request.method != "POST" or request.url.path not in ONCE:
            return await self.ask(one, request)
        request.headers["Idempotency-Key"] = str(UUID(int=self.random.getrandbits(128), version=4))
        self.twice += 1
        first, again = await self.ask(one, request), await self.ask(other, request)
        said, repeated = [(each.status_code, await each.aread()) for each in (first, again)]
        if first.is_success and said != repeated:
            self.differing.append(f"{request.url.path}: {said!r} and then {repeated!r}")
        return again

    async def ask(self, port: int, request: httpx.Request) -> httpx.Response:
        self.asked[port] += 1
        request.url = request.url.copy_with(port=port)
        return await super().handle_async_request(request)


@dataclass
class House:
    """All that runs, and the owner's view of the database."""

    report: Report
    database: Database
    fcm: Emulator
    addresses: Addresses
    either: Either
    db: AsyncSession = field(repr=False)


async def prove(report: Report, rounds: int) -> None:
    """The main job and space against the queue, so many times over."""
    with a_database() as database:
        async with many(report, database) as running:
            for _ in range(rounds):
                await the_main_job(running)
                await space_wins(running)
            judge(running)


@asynccontextmanager
async def many(report: Report, database: Database) -> AsyncIterator[House]:
    """Two of each, which are the same to the end."""
    ports = [a_free_port() for _ in range(2)]
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(a_bouncer(database))
        pooler = url.render_as_string(hide_password=False)
        fcm_url, fcm = await stack.enter_async_context(a_local_fcm())
        where = {"database_url": pooler, "fcm_emulator": fcm_url, "data": database.folder.parent}
        where["data_keys"] = house.in_text(KEYRING.keys)
        processes = [await house.serve(database, port, pooler) for port in ports]
        processes += [await start("api.cli", "worker", **where) for _ in range(2)]
        for port in ports:
            await until_it_answers(f"http://127.0.0.1:{port}/healthz")
        engine = create_async_engine(database.url)
        db = await stack.enter_async_context(AsyncSession(engine, expire_on_commit=False))
        either = Either(ports, report.random)
        yield House(report, database, fcm, Addresses("http://127.0.0.1", fcm_url), either, db)
        for each in processes:
            report.must(each.returncode is None, "one of the processes has ended")
            each.terminate()
            await each.wait()
        await engine.dispose()


async def the_main_job(running: House) -> None:
    """From signing up to leaving; between any two steps each phone goes on with its session."""
    steps = 0
    async with two_phones(running) as two:
        for step in STORY:
            try:
                await step(two)
                await asyncio.gather(*map(goes_on, two.both))
            except (Unexpected, httpx.HTTPError) as wrong:
                running.report.must(False, f"{step.__name__}: {wrong}")  # noqa: FBT003
                break
            steps += 1
    running.report.say("steps of the main job", f"{steps} of {len(STORY)}")


@asynccontextmanager
async def two_phones(running: House) -> AsyncIterator[Scene]:
    settings = Settings.from_environment({"TWOFOLD_DATA": str(running.database.folder.parent)})
    run, mail = f"{running.report.random.getrandbits(32):x}", settings.maildir
    async with (
        httpx.AsyncClient(base_url=running.addresses.api, transport=running.either) as api,
        httpx.AsyncClient(base_url=running.addresses.fcm or "") as fcm,
    ):
        sam = Phone("Sam", "Europe/Lisbon", f"sam-{run}@example.org", api, fcm, mail)
        alex = Phone("Alex", "America/Denver", f"alex-{run}@example.org", api, fcm, mail)
        yield Scene(sam, alex, Moments(now(), running.database))


@dataclass
class Moments(Clock):
    """Nobody moves the time of real processes: what the moment brings is put into the database."""

    database: Database

    def to(self, weekday: int, at: str, zone: str) -> None:
        with psycopg.connect(plain(self.database.url)) as owner:
            if weekday == SUNDAY:
                owner.execute(HOUR_HAS_COME, {"at": at, "zone": zone})
            if weekday == FRIDAY:
                owner.execute("update space set ends_at = now()")


async def goes_on(phone: Phone) -> None:
    """Twice with the same token, as if the first answer had been lost."""
    old = {"refresh_token": phone.tokens["refresh_token"]}
    for _ in range(2):
        answer = await phone.send("POST", "/sessions/refresh", old)
        phone.tokens = answer.raise_for_status().json()


async def space_wins(running: House) -> None:
    """Taken before they are due, none leaves; amid them, what is on its way; without it, all."""
    for when, due_in in (("before", DUE_IN), ("amid", timedelta()), ("never", timedelta())):
        _, alex = await house.two_people(running.db)
        await a_thousand_wait_for(alex, running.db, now() + due_in)
        await until(lambda who=alex, when=when: when == "before" or accepted(running, who) > 0)  # type: ignore[misc]
        if when != "never":
            await take_space(running, alex)
        judge_pushes(running, when, accepted(running, alex), await in_the_end(running, alex, when))


def accepted(running: House, person: Person) -> int:
    """How many messages FCM took for this person's phones."""
    phones = running.fcm.phones.all.items()
    return sum(len(phone.log) for name, phone in phones if name.startswith(person.phone))


async def take_space(running: House, person: Person) -> None:
    silent = {"mode": "silent", "ends_at": None}
    base, headers = f"{running.addresses.api}/v1", house.bearer(person)
    either = running.either
    async with httpx.AsyncClient(base_url=base, headers=headers, transport=either) as client:
        (await client.put("/space", json=silent)).raise_for_status()


async def in_the_end(running: House, person: Person, when: str) -> int:
    """When all would be out, or are."""
    if when == "never":
        await until(lambda: accepted(running, person) >= A_THOUSAND, 60)
    else:
        await asyncio.sleep(DUE_IN.total_seconds() + LONG_ENOUGH)
    return accepted(running, person)


def judge_pushes(running: House, when: str, at_the_answer: int, in_the_end: int) -> None:
    least, most = {
        "before": (0, 0),
        # Each of the workers may have as many on their way.
        "amid": (at_the_answer, min(at_the_answer + 2 * worker.LANES * batch.WAVE, A_THOUSAND)),
        "never": (A_THOUSAND, A_THOUSAND),
    }[when]
    running.report.say(f"pushes, space taken {when}", in_the_end)
    running.report.must(least <= in_the_end <= most, f"{when}: {in_the_end}, {most} at most")


def judge(running: House) -> None:
    """Both were asked, and what was asked of both was done once."""
    either, report = running.either, running.report
    report.say("requests to either process", " and ".join(map(str, either.asked.values())))
    report.must(len(either.asked) == len(either.ports), "one of the processes was asked nothing")
    report.must(either.twice, "nothing was sent to both")
    report.must(
        not either.differing, f"asked again, the other says something else: {either.differing}"
    )


FULL = {"rounds": 5}

if __name__ == "__main__":
    run(prove, **FULL)
