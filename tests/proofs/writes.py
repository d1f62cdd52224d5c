"""The API is killed amid writes, by people whose app sends again what was not answered.

Each names what it wants by an Idempotency-Key, and some press twice. Afterwards there is exactly
what was answered: nothing is lost, and nothing is there twice. Without the keys there must be too
much: else this would not notice.
"""

import asyncio
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.partner_nudges import PartnerNudge
from schemas.schedules import Schedule
from tests.builders import Person
from tests.processes import a_free_port, until_it_answers
from tests.proofs import house
from tests.proofs.report import Report, run
from tests.proofs.stage import Database, Fleet, a_database, until

Body = dict[str, object]
PHRASE: tuple[str, Body] = ("/nudges/sent", {"phrase": "thinking_of_you"})
SCHEDULE: tuple[str, Body] = (
    "/schedules",
    {
        "pack": "daily_pulse",
        "cadence": "daily",
        "weekday": None,
        "for_both": False,
        "at": "20:00",
        "zone": "UTC",
    },
)
EACH = (PHRASE,) * 12 + (SCHEDULE,) * 6  # below what one person may do on a day
PRESS_TWICE = 0.1
# People who write at the same time: more would find the line full, and prove that instead.
AT_ONCE = 40


@dataclass
class Phones:
    """The apps of everybody."""

    client: httpx.AsyncClient
    ports: list[int]
    random: Random
    keyed: bool
    written: list[UUID] = field(default_factory=list)
    again: int = 0
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def write_all(self, person: Person) -> None:
        async with self.room:
            await self.write_each(person)

    async def write_each(self, person: Person) -> None:
        wanted = list(EACH)
        self.random.shuffle(wanted)
        for path, body in wanted:
            key = UUID(int=self.random.getrandbits(128), version=4).hex
            times = 2 if self.random.random() < PRESS_TWICE else 1
            tries = (self.write(person, path, body, key) for _ in range(times))
            answers = await asyncio.gather(*tries)
            self.written += {UUID(answer["id"]) for answer in answers}

    async def write(self, person: Person, path: str, body: Body, key: str) -> dict[str, str]:
        """Until there is an answer, of whichever process."""
        headers = house.bearer(person) | ({"Idempotency-Key": key} if self.keyed else {})
        while True:
            url = f"http://127.0.0.1:{self.random.choice(self.ports)}/v1{path}"
            try:
                answer = await self.client.post(url, json=body, headers=headers)
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    shown: dict[str, str] = answer.raise_for_status().json()
                    return shown
            except httpx.TransportError:
                pass  # it was killed, or is starting; what it did before, nobody knows
            self.again += 1
            await asyncio.sleep(0.1)


async def prove(report: Report, couples: int, kills: int, processes: int, keyless: int) -> None:
    """Couples who write, many at once, through kills; and a few without keys."""
    with a_database() as database:
        engine = create_async_engine(database.url)
        stage = Stage(report, database, engine, processes)
        phones, there = await stage.play(couples, kills, keyed=True)
        report.say("writes", len(phones.written))
        report.say("API processes killed", kills)
        report.say("sent again", phones.again)
        lost, double = set(phones.written) - there, there - set(phones.written)
        asked = 2 * couples * len(EACH)
        report.must(len(phones.written) == asked, f"{asked} asked, {len(phones.written)} answered")
        report.must(not lost, f"{len(lost)} were answered and are not there")
        report.must(not double, f"{len(double)} are there that nobody was told of")
        report.must(phones.again >= kills, "the kills came amid nothing")
        phones, there = await stage.play(keyless, 1, keyed=False)
        too_many = len(there) - 2 * keyless * len(EACH)
        report.say("without keys: too many", too_many)
        report.must(too_many, "without keys nothing is done twice: this notices nothing")
        await engine.dispose()


@dataclass
class Stage:
    report: Report
    database: Database
    engine: AsyncEngine
    processes: int

    async def play(self, couples: int, kills: int, *, keyed: bool) -> tuple[Phones, set[UUID]]:
        """What the phones were told, and what there is."""
        people = await self.everybody(couples)
        ports = [a_free_port() for _ in range(self.processes)]
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=50)
        async with (
            httpx.AsyncClient(timeout=10, limits=limits) as client,
            Fleet(self.processes, lambda n: house.serve(self.database, ports[n])) as fleet,
        ):
            for port in ports:
                await until_it_answers(f"http://127.0.0.1:{port}/healthz")
            phones = Phones(client, ports, self.report.random, keyed)
            writing = asyncio.gather(*(phones.write_all(person) for person in people))
            await self.kill(fleet, phones, kills, len(people) * len(EACH))
            await writing
        async with AsyncSession(self.engine) as db:
            there = {*await db.exec(select(PartnerNudge.id)), *await db.exec(select(Schedule.id))}
        return phones, there

    async def everybody(self, couples: int) -> list[Person]:
        async with AsyncSession(self.engine, expire_on_commit=False) as db:
            await db.exec(text("truncate account cascade"))  # type: ignore[call-overload]
            await db.commit()
            return [person for _ in range(couples) for person in await house.two_people(db)]

    async def kill(self, fleet: Fleet, phones: Phones, kills: int, writes: int) -> None:
        for number in range(1, kills + 1):
            enough = number * writes // (kills + 1)
            await until(lambda enough=enough: len(phones.written) >= enough)  # type: ignore[misc]
            fleet.kill_one()


FULL = {"couples": 200, "kills": 40, "processes": 3, "keyless": 5}

if __name__ == "__main__":
    run(prove, **FULL)
