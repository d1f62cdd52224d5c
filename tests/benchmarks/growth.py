"""What the hundredth and the millionth couple feel of each other.

    python -m tests.benchmarks.growth --couples 10000 100000 1000000 --minutes 10

The settlements lie on one server side by side and are asked in turns.
"""

import asyncio
from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from statistics import median, quantiles
from time import monotonic

import psycopg

import migrations
from schemas import embedded
from tests.benchmarks.asked import Size
from tests.benchmarks.figures import Curve, Plot, Section, Table, number, spread
from tests.benchmarks.scripts import ANSWERING, HOME
from tests.benchmarks.served import Served, resident, serving
from tests.benchmarks.settlement import ROOM, a_roomy_database, settle
from tests.benchmarks.sweep import look
from tests.builders import KEYRING
from tests.conftest import plain
from tests.proofs.stage import Database, a_local_fcm, now

SAMPLE_EVERY = 10  # seconds
COME_EACH_TIME = 200

WHAT = {
    "home": "`GET /v1/today`",
    "answering": "answering and releasing in one",
    "nudges": "a due hour to its accepted push",
    "find": "finding the one hour that is due",
}
Found = dict[str, dict[int, list[float]]]  # what, at how many couples, in each round


def main() -> None:
    parser = ArgumentParser(prog="python -m tests.benchmarks.growth", description=__doc__)
    parser.add_argument("--couples", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--asked", type=int, default=1_000)
    parser.add_argument("--due", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--minutes", type=float, default=10)
    sizes = parser.parse_args()
    with a_roomy_database() as server:
        asyncio.run(measure(server, sizes)).keep()


async def measure(server: Database, sizes: Namespace) -> Section:
    """Round after round, each begun by another of them."""
    p99s: Found = defaultdict(lambda: defaultdict(list))
    rates: Found = defaultdict(lambda: defaultdict(list))
    async with AsyncExitStack() as stack:
        towns = [
            await stack.enter_async_context(a_town(server, couples, sizes.asked))
            for couples in sizes.couples
        ]
        weights = {town.couples: weight(town) for town in towns}
        for turn in range(sizes.rounds):
            first = turn % len(towns)
            for town in towns[first:] + towns[:first]:
                await one_round(town, sizes, p99s, rates)
        memory = await watch(towns[-1], sizes.minutes * 60)
    return told(sizes, weights, p99s, rates, memory)


@asynccontextmanager
async def a_town(server: Database, couples: int, asked: int) -> AsyncIterator[Served]:
    """With a database of its own."""
    url = embedded.start(server.folder, f"couples_{couples}")
    migrations.upgrade(url)
    size = Size(couples, min(asked, couples))
    found = settle(url, KEYRING, size, now(), Random(couples))
    async with serving(couples, url, server.folder.parent, found) as town:
        yield town


def weight(town: Served) -> float:
    """Kilobytes for each couple, with all indexes."""
    with psycopg.connect(plain(town.url), autocommit=True) as owner:
        (size,) = owner.execute("select pg_database_size(current_database())").fetchone() or (0,)
    return int(size) / town.couples / 1024


async def one_round(town: Served, sizes: Namespace, p99s: Found, rates: Found) -> None:
    for name, script in (("home", HOME), ("answering", ANSWERING)):
        found = await town.is_asked(script, sizes.seconds)
        if found.failed:
            msg = f"{found.failed} failed: {WHAT[name]}"
            raise AssertionError(msg)
        p99s[name][town.couples].append(found.p99)
        rates[name][town.couples].append(found.rate)
    rang = await town.rings(sizes.due)
    p99s["nudges"][town.couples].append(rang.p99)
    rates["nudges"][town.couples].append(rang.rate)
    with psycopg.connect(plain(town.url), autocommit=True) as owner:
        looked = await look(town.url, owner, now())
    p99s["find"][town.couples].append(quantiles(looked, n=100)[98])
    rates["find"][town.couples].append(1000 / median(looked))


async def watch(town: Served, seconds: float) -> Plot:
    """The memory of API and worker, while both have as much to do as they can."""
    at: list[float] = []
    held: dict[str, list[float]] = {"API": [], "worker": []}
    async with a_local_fcm() as (fcm, _), town.a_worker(fcm) as worker:
        began = monotonic()
        while (gone := monotonic() - began) < seconds:
            town.let_come(COME_EACH_TIME)
            await town.is_asked(HOME, SAMPLE_EVERY)
            at.append(gone / 60)
            held["API"].append(resident(town.api))
            held["worker"].append(resident(worker))
    curves = [Curve(name, at, values) for name, values in held.items()]
    return Plot("memory", "Memory under load", "minutes", "MB", curves)


def told(
    sizes: Namespace, weights: dict[int, float], p99s: Found, rates: Found, memory: Plot
) -> Section:
    heads = ["What", "Couples", "p99 (ms)", "Against the fewest", "A second", "Against the fewest"]
    rows = [
        [words, f"{n:,}", *beside(p99s[name], n), *beside(rates[name], n)]
        for name, words in WHAT.items()
        for n in sizes.couples
    ]
    heavy = [[f"{n:,}", f"{number(each)} KB"] for n, each in weights.items()]
    server = ", ".join(f"`{name} = {value}`" for name, value in ROOM.items())
    says = (
        f"Settlements of {', '.join(f'{n:,}' for n in sizes.couples)} couples, each with four weeks"
        f" behind it, and up to {sizes.asked:,} couples in each with a year of use, who are asked:"
        f" through one API process, on four connections; {sizes.due:,} hours come at once before"
        f" one worker. They lie on one PostgreSQL, with {server}, and are asked in turns."
    )
    tables = [Table(heads, rows), Table(["Couples", "Database, for each couple"], heavy)]
    title = "From few couples to many"
    plots = [curves("p99", "ms", p99s), curves("rate", "a second", rates), memory]
    return Section("growth", title, [says, grown(memory)], tables, plots)


def beside(found: dict[int, list[float]], couples: int) -> tuple[str, str]:
    """What was found, and how many times as much that is as with the fewest."""
    fewest = found[min(found)]
    ratios = [many / few for many, few in zip(found[couples], fewest, strict=True)]
    return spread(found[couples]), spread(ratios)


def grown(memory: Plot) -> str:
    parts = [
        f"{curve.name} {number(curve.y[0])} MB at first, {number(curve.y[-1])} MB at the end"
        for curve in memory.curves
    ]
    return f"Under load for {number(memory.curves[0].x[-1])} minutes: {'; '.join(parts)}."


def curves(name: str, unit: str, found: Found) -> Plot:
    lines = [
        Curve(WHAT[what], [*each], [median(values) for values in each.values()])
        for what, each in found.items()
    ]
    return Plot(
        f"growth-{name}", f"{name} over couples", "couples", unit, lines, log_x=True, log_y=True
    )


if __name__ == "__main__":
    main()
