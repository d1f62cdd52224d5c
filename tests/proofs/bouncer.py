"""Through PgBouncer in transaction mode, all is as it is without it.

The main job from signing up to leaving; space against a thousand pushes that wait; the limits on
time; and two people who take turns on one server connection and never see each other.
"""

import asyncio
import os
import pwd
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from time import perf_counter

from sqlalchemy import URL, func, literal_column, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from api.app import create_app
from api.demo import two_phones
from api.demo_phone import Unexpected
from api.demo_story import STORY
from api.demo_story import Clock as StoryClock
from api.deps import become
from api.local import everything
from api.settings import Settings
from notifications.emulator import service_account
from notifications.fcm import open_fcm
from schemas.database import LIMITS, Role, open_engine, transaction
from schemas.short import Short
from tests.builders import Person, a_couple, fittings
from tests.fakes import Clock
from tests.notifications.conftest import Worker
from tests.notifications.test_space_wins import KINDS, a_thousand_wait_for
from tests.processes import a_free_port
from tests.proofs.report import Report, run
from tests.proofs.stage import Database, a_database, a_local_fcm, now

NOT_THERE = (
    "PgBouncer is not installed, and this cannot be shown without it: apt-get install pgbouncer"
)
CONFIG = """
[databases]
wide = host={socket} dbname=twofold user=postgres pool_size=8
narrow = host={socket} dbname=twofold user=postgres pool_size=1
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 100
"""


@asynccontextmanager
async def a_bouncer(database: Database) -> AsyncIterator[URL]:
    """Before this database; yields the URL of its wide door."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise FileNotFoundError(NOT_THERE)
    port, config = a_free_port(), database.folder.parent / "pgbouncer.ini"
    config.write_text(CONFIG.format(socket=database.folder, port=port))
    # It does not run as root, and must get into the folder of the server's socket.
    owner = pwd.getpwuid(database.folder.stat().st_uid).pw_name
    user = ("-u", owner) if os.geteuid() == 0 else ()
    process = await asyncio.create_subprocess_exec(program, "-q", *user, str(config))
    try:
        url = URL.create("postgresql+psycopg", "postgres", None, "127.0.0.1", port, "wide")
        await until_open(port)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def until_open(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def prove(report: Report, rounds: int) -> None:
    """The story, the queue, the limits, and so many turns of two people."""
    with a_database() as database:
        async with a_bouncer(database) as url:
            await the_story(report, url, database.folder.parent)
            await space_wins(report, url)
            for where in (url, database.url):
                await limits_hold(report, where)
            await take_turns(report, url.set(database="narrow"), database.url, rounds)


async def the_story(report: Report, url: URL, folder: Path) -> None:
    settings = Settings.from_environment({"TWOFOLD_DATA": str(folder)})
    clock = StoryClock(now() - timedelta(days=15))
    steps = 0
    async with (
        everything(url, clock, settings, 0) as addresses,
        two_phones(addresses, settings.maildir, clock) as two,
    ):
        for step in STORY:
            try:
                await step(two)
            except Unexpected as wrong:
                report.must(False, f"{step.__name__}: {wrong}")  # noqa: FBT003
                break
            steps += 1
    report.say("steps of the main job", f"{steps} of {len(STORY)}")


async def space_wins(report: Report, url: URL) -> None:
    """Of a thousand that wait none leaves after space was taken; without it all do."""
    clock = Clock()
    engines = {role: open_engine(url, role) for role in Role}
    app = create_app(fittings(engines[Role.API], clock))
    owner = create_async_engine(url, connect_args={"prepare_threshold": None})
    async with a_local_fcm() as (base, fcm), AsyncSession(owner, expire_on_commit=False) as db:
        fcm.now = clock
        account = service_account(base)
        async with open_fcm(account, base, now=clock, random=Random(1)) as sender:
            work = Worker({"worker": engines[Role.WORKER]}, sender, clock)
            for takes_space in (False, True):
                people = [Person(name, app, clock) for name in ("sam", "alex")]
                _, alex = await a_couple(db, people[0], people[1])
                await a_thousand_wait_for(alex, db)
                if takes_space:
                    await alex.takes_space("silent")
                await work.tick()
                phones = [p for name, p in fcm.phones.all.items() if name.startswith(alex.phone)]
                came = sum(len(phone.log) for phone in phones)
                report.say(f"pushes, {'in' if takes_space else 'without'} space", came)
                wanted = 0 if takes_space else 1000 + len(KINDS)
                report.must(came == wanted, f"{came} pushes came and not {wanted}")
    for engine in (*engines.values(), owner):
        await engine.dispose()


WHO = Short(select(literal_column("current_user::text")))
SLEEP = Short(select(func.pg_sleep(20)))
WRITES = Short(select(literal_column("pg_current_xact_id()::text")))
KEPT = text("select pg_xact_status(cast(:written as xid8))")


async def limits_hold(report: Report, url: URL) -> None:
    """On a statement, and on a row that somebody else holds; and none of it stays behind."""
    where = "through PgBouncer" if url.port else "directly"
    await asyncio.gather(*(limits_of(report, role, url, where) for role in LIMITS))
    owner = create_async_engine(url, connect_args={"prepare_threshold": None})
    asked = text("select current_user, current_setting('lock_timeout')")
    async with owner.connect() as db:
        left = tuple((await db.execute(asked)).one())
    report.must(left == ("postgres", "0"), f"{where}: what was set stays behind: {left}")
    api = open_engine(url, Role.API)
    [written] = await WRITES.alone(api) or (None,)
    async with owner.connect() as db:
        kept = (await db.execute(KEPT, {"written": written})).scalar_one()
    report.must(kept == "committed", f"{where}: what a lone statement did is {kept}")
    await api.dispose()
    await owner.dispose()


async def limits_of(report: Report, role: Role, url: URL, where: str) -> None:
    engine, limits = open_engine(url, role), LIMITS[role]
    who = await WHO.alone(engine)
    report.must(who == (role,), f"{where}: a lone statement was asked as {who}")
    for what, limit in (
        ("statement", limits.statement),
        ("lone statement", limits.statement),
        ("lock", limits.lock),
    ):
        took = await ended(engine, what, role)
        report.say(f"{role} {where}: {what}, seconds", f"{took:.2f}")
        report.must(limit <= took < limit + 1, f"{where}: {what} took {took:.2f} s")
    await engine.dispose()


async def ended(engine: AsyncEngine, what: str, role: Role) -> float:
    """How long until the server itself ends it, in its own words."""
    lock = text(f"select pg_advisory_xact_lock({[*Role].index(role)})")
    begun = perf_counter()
    try:
        async with transaction(engine) as one, transaction(engine) as other:
            if what == "lone statement":
                await SLEEP.alone(engine)
            if what == "statement":
                await (await one.connection()).execute(text("select pg_sleep(20)"))
            await (await one.connection()).execute(lock)
            begun = perf_counter()
            await (await other.connection()).execute(lock)
    except OperationalError as error:
        if f"due to {what.removeprefix('lone ')} timeout" not in str(error.orig):
            raise
    return perf_counter() - begun


@dataclass
class Turns:
    seen: set[frozenset[str]]
    servers: set[int]


async def take_turns(report: Report, url: URL, direct: URL, rounds: int) -> None:
    """Each on an engine of their own, so to PgBouncer two clients; and between them nobody."""
    owner = create_async_engine(direct)
    async with AsyncSession(owner, expire_on_commit=False) as db:
        app, clock = create_app(fittings(owner, Clock())), Clock()
        people = await a_couple(db, Person("sam", app, clock), Person("alex", app, clock))
    await owner.dispose()
    engines = [open_engine(url, Role.API, pool_size=1) for _ in range(3)]
    turns = [Turns(set(), set()) for _ in range(3)]
    for _ in range(rounds):
        for engine, turn, person in zip(engines, turns, (*people, None), strict=True):
            await look(engine, turn, person)
    ours = [{frozenset({str(person.id)})} for person in people]
    servers = {pid for turn in turns for pid in turn.servers}
    report.say("turns of two people on one server connection", rounds)
    report.must(len(servers) == 1, f"{len(servers)} server connections: nothing was shared")
    report.must([t.seen for t in turns[:2]] == ours, "somebody saw what is not theirs")
    report.must(turns[2].seen == {frozenset()}, "nobody saw something")
    for engine in engines:
        await engine.dispose()


async def look(engine: AsyncEngine, turn: Turns, person: Person | None) -> None:
    async with transaction(engine) as db:
        if person:
            await become(db, person.id)
        on = await db.connection()
        turn.seen.add(
            frozenset(map(str, (await on.execute(text("select id from account"))).scalars()))
        )
        turn.servers.add((await on.execute(text("select pg_backend_pid()"))).scalar_one())


FULL = {"rounds": 2_000}

if __name__ == "__main__":
    run(prove, **FULL)
