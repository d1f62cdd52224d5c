"""How many hours a worker plans in a second, and how long it looks for one among all.

    python -m tests.benchmarks.sweep --couples 1000000 --due 100000 --rounds 5

Every couple has a schedule and two hours. In each round so many of them come in one minute, for
couples who have not been reminded before; one process plans them, or two.
"""

import asyncio
import gc
from argparse import ArgumentParser
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from multiprocessing import get_context
from random import Random
from statistics import quantiles
from time import monotonic, perf_counter, process_time
from typing import NamedTuple

import psycopg
from sqlalchemy import URL

from notifications.plan import DUE, plan
from notifications.worker import HOURS, LANES
from schemas.database import Role, open_engine, transaction
from tests.benchmarks.asked import Size
from tests.benchmarks.cpu import Cpu, postgres
from tests.benchmarks.figures import Section, Table, number, spread
from tests.benchmarks.settlement import ROOM, a_roomy_database, settle
from tests.builders import KEYRING
from tests.conftest import plain
from tests.proofs.stage import Database, now

LOOKS = 300

TURNS = """
create table turn as
select id, row_number() over (order by md5(id::text)) %% %(turns)s as turn from schedule
"""
COME = """
update schedule_hour set next_at = %(noon)s, next_on = %(noon)s::date,
    at = (%(noon)s::timestamptz at time zone zone)::time
where schedule_id in (select id from turn where turn = %(turn)s)
"""
ON_THIS_DAY = """
update schedule set weekday = %(day)s where id in (select id from turn where turn = %(turn)s)
"""
OTHERS = """
update schedule_hour set next_at = next_at + interval '7 days', next_on = next_on + 7
where next_at <= %(noon)s
"""
ROWS = """
select (select count(*) from checkin) + (select count(*) from checkin_arrival)
    + (select count(*) from nudge) + (select count(*) from push)
"""


class Planned(NamedTuple):
    """What one process did, by a clock that all of them share; `cpu` in seconds of a core."""

    hours: int
    began: float
    ended: float
    cpu: float


class Round(NamedTuple):
    """What all processes did in one round."""

    rate: float  # hours a second
    worker: float  # microseconds of a core for an hour
    server: float


def main() -> None:
    parser = ArgumentParser(prog="python -m tests.benchmarks.sweep", description=__doc__)
    for name, full in (("couples", 1_000_000), ("due", 100_000), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=full)
    asked = parser.parse_args()
    with a_roomy_database() as database:
        settle(database.url, KEYRING, Size(asked.couples, 0), now(), Random(1))
        measure(database, asked.couples, asked.due, asked.rounds).keep()


def measure(database: Database, couples: int, due: int, rounds: int) -> Section:
    """One process and two, in turns: each round has hours of its own."""
    url, server = database.url, postgres(database.folder)
    # Of tomorrow: noon in UTC is on the same date for all settlers, whatever their zone.
    noon = now().replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)
    found: dict[int, list[Round]] = {1: [], 2: []}
    with psycopg.connect(plain(url), autocommit=True) as owner:
        owner.execute(OTHERS, {"noon": noon})
        owner.execute(TURNS, {"turns": 2 * couples // due})
        looked = asyncio.run(look(url, owner, noon))
        [before] = owner.execute(ROWS).fetchone() or [0]
        for turn in range(2 * rounds):
            processes = 1 + turn % 2
            come(owner, turn, noon)
            found[processes].append(planned(url, server, processes, noon))
        [after] = owner.execute(ROWS).fetchone() or [0]
    rows = 1 + (after - before) / (2 * rounds * due)  # the hour itself has moved on
    return told(couples, due, rows, found, looked)


def come(owner: psycopg.Connection, turn: int, noon: datetime) -> None:
    """Their hour is noon, and the tables are as tidy as autovacuum leaves them."""
    said = {"noon": noon, "turn": turn, "day": f"{noon:%A}".lower()}
    owner.execute(ON_THIS_DAY, said)
    owner.execute(COME, said)
    owner.execute("vacuum analyze schedule, schedule_hour, checkin, nudge, push")
    owner.execute("checkpoint")


def planned(url: URL, server: Cpu, processes: int, noon: datetime) -> Round:
    """From the first that began to the last that ended."""
    spawn = get_context("spawn")
    pools = [ProcessPoolExecutor(1, spawn) for _ in range(processes)]
    for pool in pools:
        pool.submit(monotonic).result()
    spent = server.seconds()
    done = [each.result() for each in [pool.submit(work, url, noon) for pool in pools]]
    for pool in pools:
        pool.shutdown()
    spent, hours = server.seconds() - spent, sum(each.hours for each in done)
    seconds = max(each.ended for each in done) - min(each.began for each in done)
    return Round(hours / seconds, sum(each.cpu for each in done) * 1e6 / hours, spent * 1e6 / hours)


def work(url: URL, noon: datetime) -> Planned:
    return asyncio.run(plan_all(url, noon))


async def plan_all(url: URL, noon: datetime) -> Planned:
    """As a worker does, in as many lanes, step by step, until nothing is due."""
    engine = open_engine(url, Role.WORKER)

    async def lane(until: datetime) -> int:
        hours, step = 0, HOURS
        while step:
            async with transaction(engine) as db:
                hours += (step := await plan(db, until, HOURS))
        return hours

    await asyncio.gather(*(lane(noon - timedelta(weeks=52)) for _ in range(LANES)))  # connected
    gc.freeze()
    began, spent = monotonic(), process_time()
    hours = sum(await asyncio.gather(*(lane(noon) for _ in range(LANES))))
    await engine.dispose()
    return Planned(hours, began, monotonic(), process_time() - spent)


async def look(url: URL, owner: psycopg.Connection, noon: datetime) -> list[float]:
    """Milliseconds to find the one hour that is due, each time another one."""
    engine = open_engine(url, Role.WORKER)
    chosen = "select account_id, next_at from schedule_hour order by md5(account_id::text) limit %s"
    move = "update schedule_hour set next_at = %s where account_id = %s"
    took = []
    owner.execute("set synchronous_commit = off")
    for account, next_at in owner.execute(chosen, [LOOKS]).fetchall():
        owner.execute(move, [noon, account])
        async with transaction(engine) as db:
            await db.connection()
            began = perf_counter()
            found = (await db.exec(DUE, params={"now": noon, "most": HOURS})).all()
            took.append((perf_counter() - began) * 1000)
        if [row.account_id for row in found] != [account]:
            raise AssertionError(found)
        owner.execute(move, [next_at, account])
    await engine.dispose()
    return took


def told(
    couples: int, due: int, rows: float, found: dict[int, list[Round]], looked: list[float]
) -> Section:
    heads = ["Processes", "Hours a second", "Against one process", "Rows written a second"]
    heads += ["Microseconds of a core for an hour"]
    lines = []
    for processes, rounds in found.items():
        cores = [spread([each.worker for each in rounds]), spread([each.server for each in rounds])]
        against = [mine.rate / its.rate for mine, its in zip(rounds, found[1], strict=True)]
        rates = [each.rate for each in rounds]
        written = spread([rate * rows for rate in rates])
        cpu = f"worker {cores[0]}, PostgreSQL {cores[1]}"
        lines.append([str(processes), spread(rates), spread(against), written, cpu])
    cuts = quantiles(looked, n=100)
    hours = (
        f"{couples * 2:,} hours of schedules, of which {due:,} come in the same minute: each is"
        " moved on, its check-in opened and shown, its nudge and its push written,"
        f" {HOURS:,} in one transaction, with durable writes. An hour writes {number(rows)} rows."
        f" To find the one hour that is due among all takes {number(cuts[49])} ms"
        f" (p99 {number(cuts[98])} ms)."
    )
    server = ", ".join(f"`{name} = {value}`" for name, value in ROOM.items())
    says = [hours, f"PostgreSQL with {server}."]
    return Section("sweep", "Planning many hours that come at once", says, [Table(heads, lines)])


if __name__ == "__main__":
    main()
