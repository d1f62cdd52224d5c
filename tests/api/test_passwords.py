import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from statistics import median
from threading import Event

import pytest
from argon2.low_level import Type, verify_secret
from fastapi import FastAPI
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from api.app import create_app
from api.errors import Busy
from api.passwords import AT_ONCE, HASHER, IN_LINE, Passwords, easily_guessed
from schemas.accounts import Account
from schemas.database import Role, open_engine
from tests.builders import PASSWORD, Person, Stranger, a_person, fittings
from tests.conftest import PATIENT
from tests.fakes import Clock

RUSH = 30


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    passwords = Passwords()
    yield passwords
    passwords.close()


@pytest.fixture
async def two_connections(database: URL) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(database, Role.API, pool_size=2, limits=PATIENT)
    yield engine
    await engine.dispose()


# What is kept


async def test_a_password_is_kept_as_owasp_asks_and_salted(app: FastAPI, db: AsyncSession) -> None:
    phone = Stranger(app)
    for email in ("robin@example.org", "kit@example.org"):
        await phone.signs_up(email=email)

    one, other = map(str, await db.exec(select(Account.password_hash)))

    for kept in (one, other):
        assert kept.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
        salt, digest = kept.split("$")[4:]
        assert (len(salt), len(digest)) == (22, 43)  # 16 and 32 bytes
        assert PASSWORD not in kept
    assert one.split("$")[4:] != other.split("$")[4:]


async def test_a_password_matches_what_was_made_of_it_and_nothing_else(
    passwords: Passwords,
) -> None:
    kept = await passwords.hash(PASSWORD)

    assert await passwords.match(kept, PASSWORD)
    for other in ("", PASSWORD + " ", PASSWORD.upper(), PASSWORD[:-1], kept):
        assert not await passwords.match(kept, other)


async def test_where_nothing_is_known_one_password_is_tried_as_well_and_never_fits(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[bytes] = []

    def seen(known: bytes, password: bytes, kind: Type) -> bool:
        tried.append(password)
        return verify_secret(known, password, kind)

    monkeypatch.setattr("argon2._password_hasher.verify_secret", seen)

    assert not await passwords.match(None, PASSWORD)
    assert tried == [PASSWORD.encode()]


# What is refused

UNUSUAL = ["quokkazebu@example.org", "Canary Wombat"]


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "Password12345678",
        "p4ssw0rdp4ssw0rd",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "abcdefghijklmnop",
        "987654321987654321",
        "qwertyuiop123456",
        "iloveyouiloveyou",
        "19900517 19900517",
        "twofold twofold",
        "quokkazebu@example.org",
        "quokkazebu12345",
        "Canary Wombat 1",
        "CanaryWombat2026",
        "wombatwombatwombat",
    ],
)
def test_what_attackers_try_first_is_easily_guessed(password: str) -> None:
    assert easily_guessed(password, UNUSUAL)


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "correct horse battery staple",
        "kX9$mQ2!vL7@pZ4",
        "o rato roeu a rolha da garrafa",
        "ключ лежит под половиком",
        "三匹の猫が屋根で歌っている夜の話",
        "kX9$mQ2!vL7@pZ4#" * 8,
    ],
)
def test_what_nobody_would_try_is_not(password: str) -> None:
    assert not easily_guessed(password, UNUSUAL)


def test_no_password_takes_long_to_judge() -> None:
    dearest = "@4a(8{[<3e6!91|170$5+7%2z" * 5  # every sign may stand for a letter

    judging = took(lambda: easily_guessed(dearest[:128], UNUSUAL))

    assert judging < 25 * took(lambda: HASHER.hash(PASSWORD))


def took(work: object) -> float:
    """The best of three: what else runs on this machine only ever adds."""
    assert callable(work)
    times = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def test_everybody_is_judged_by_what_is_known_of_them_however_many_come_at_once() -> None:
    people = ["quokkazebuwombat", "gnuibexokapikudu", "tapirdingocoypu"]

    def judged(name: str) -> bool:
        return easily_guessed(f"{name}1", [f"{name}@example.org"])

    with switching_often(), ThreadPoolExecutor(4) as threads:
        verdicts = [*threads.map(judged, people * 20)]

    assert all(verdicts)


@contextmanager
def switching_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


# A rush


async def test_a_rush_of_sign_ins_keeps_nobody_else_waiting(
    two_connections: AsyncEngine, db: AsyncSession, clock: Clock
) -> None:
    app = create_app(fittings(two_connections, clock))
    sam, phone = await a_person(db, Person("sam", app, clock)), Stranger(app)
    await phone.signs_up()
    alone = [await how_long(sam) for _ in range(10)]

    rush = [asyncio.create_task(phone.signs_in()) for _ in range(RUSH)]
    await asyncio.sleep(0.1)  # all of them are in line
    meanwhile = [await how_long(sam) for _ in range(10)]
    left = sum(not each.done() for each in rush)

    # Ten answers in the time of a few sign-ins. With a connection held for each of those that
    # wait, the first of the ten would come after the last of the rush.
    assert left > RUSH / 2
    assert median(meanwhile) < 20 * median(alone) + 0.1
    assert {(await each).status_code for each in rush} == {201}


async def how_long(person: Person) -> float:
    began = time.perf_counter()
    assert (await person.get("/accounts/me")).status_code == 200
    return time.perf_counter() - began


async def test_no_connection_is_held_while_a_password_is_tried(
    two_connections: AsyncEngine, db: AsyncSession, clock: Clock
) -> None:
    app = create_app(fittings(two_connections, clock))
    sam, phone = await a_person(db, Person("sam", app, clock)), Stranger(app)

    async with nobody_gets_through(app):
        rush = [
            asyncio.create_task(each)
            for number in range(5)
            for each in (
                phone.signs_in(),
                phone.asks_to_sign_up(email=f"robin{number}@example.org"),
            )
        ]
        await stand_in_line(app, len(rush))

        assert two_connections.sync_engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        assert (await sam.get("/accounts/me")).status_code == 200

    assert {(await each).status_code for each in rush} == {401, 202}


async def test_whoever_finds_the_line_full_is_told_so_at_once(
    app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    phone = Stranger(app)
    sam = await a_person(db, Person("sam", app, clock))
    known = (await sam.sees("/accounts/me"))["email"]

    async with nobody_gets_through(app):
        line: Passwords = app.state.house.passwords
        rush = [asyncio.create_task(line.match(None, PASSWORD)) for _ in range(IN_LINE)]
        await stand_in_line(app, IN_LINE)
        answers = [
            await phone.signs_in(),
            await phone.signs_in(known),
            await phone.asks_to_sign_up(),
            await phone.asks_to_sign_up(email=known),
        ]
        for each in rush:  # who hangs up leaves the line
            each.cancel()
        await asyncio.gather(*rush, return_exceptions=True)

    for answer in answers:
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/busy")
        assert int(answer.headers["retry-after"]) > 0
        assert (answer.content, answer.headers) == (answers[0].content, answers[0].headers)
    assert (await phone.signs_in()).status_code == 401


@asynccontextmanager
async def nobody_gets_through(app: FastAPI) -> AsyncIterator[None]:
    """Every thread that tries passwords is busy until the block is left."""
    gate = Event()
    for _ in range(AT_ONCE):
        app.state.house.passwords.pool.submit(gate.wait)
    try:
        async with asyncio.timeout(10):
            yield
    finally:
        gate.set()


async def stand_in_line(app: FastAPI, people: int) -> None:
    while app.state.house.passwords.in_line < people:
        await asyncio.sleep(0.01)


async def test_a_line_that_was_full_is_empty_again(passwords: Passwords) -> None:
    kept = await passwords.hash(PASSWORD)
    everybody = [asyncio.create_task(passwords.match(kept, PASSWORD)) for _ in range(IN_LINE)]
    await asyncio.sleep(0)

    with pytest.raises(Busy):
        await passwords.match(kept, PASSWORD)
    with pytest.raises(Busy):
        await passwords.hash(PASSWORD)
    for each in everybody:
        each.cancel()
    await asyncio.gather(*everybody, return_exceptions=True)

    assert await passwords.match(kept, PASSWORD)


async def test_the_others_go_on_while_a_password_is_tried(passwords: Passwords) -> None:
    kept = await passwords.hash(PASSWORD)
    trying = asyncio.create_task(passwords.match(kept, PASSWORD))

    turns = 0
    while not trying.done():
        await asyncio.sleep(0)
        turns += 1

    assert turns > 50
