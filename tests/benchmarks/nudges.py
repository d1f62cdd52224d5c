"""How many nudges a second leave, beside a plain loop over firebase-admin: `make bench-nudges`."""

import argparse
import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from statistics import median

from tests.benchmarks.due_people import due_people
from tests.benchmarks.figures import Section, Table, number, spread
from tests.benchmarks.nudges_round import Found, Way, a_ground
from tests.proofs.stage import a_database, now

KINDS = (
    ("HTTP/1.1, answers at once", 0.0, False),
    ("HTTP/1.1, answers after 50 ms", 0.05, False),
    ("TLS, answers after 50 ms", 0.05, True),
)
WHO = ("a plain loop", "1 worker", "2 workers")
WAYS = [[Way(workers, wait, tls) for workers in range(3)] for _, wait, tls in KINDS]

ABOUT = """So many nudges become due at one moment, reminders and phrases in equal parts, each of
another person, who has a session, a phone, five consents, quiet hours, a budget, a partner, and
for every second one space that is over. A worker (`twofold worker`, a process of its own) claims
them, reads and judges the facts of each, sends, and records. The plain loop is a process that reads
what is due with one query, sends it with `firebase_admin.messaging.send_each_async`, 500 at a time,
and deletes it: it asks nobody's door, and what fails is lost. Both stand ready before the moment;
both send the very same messages. PostgreSQL writes durably, on the same machine."""
PROTOCOLS = """firebase-admin speaks HTTP/2 where TLS offers it, as Google does, and so it does here
in the rows of TLS; a worker speaks HTTP/1.1 there, over as many connections as a wave has messages.
The local FCM accepts {ceiling} messages a second over HTTP/1.1 from wrk, on this machine and while
nothing else runs. Its HTTP/2 is pure Python, and so is firebase-admin's."""

COMPARED = """{kind}: one worker sends {rate} times as many a second as the loop; its thousandth
nudge is accepted after {thousandth} times as long. It takes {cpu} times the processor time, and
PostgreSQL {database} times."""
MEASURES = {
    "rate": "nudges a second",
    "first": "first accepted, seconds after due",
    "thousandth": "thousandth",
    "cpu": "CPU seconds of 1,000",
    "database": "of PostgreSQL",
}

Rounds = Mapping[Way, Sequence[Found]]


async def measure(nudges: int, of_the_loop: int, rounds: int) -> None:
    found: dict[Way, list[Found]] = defaultdict(list)
    with a_database() as database:
        await due_people(database.url, now())
        async with AsyncExitStack() as stack:
            ground = await stack.enter_async_context(a_ground(database, nudges // 2))
            for way in turns(rounds):
                many = nudges if way.workers else min(nudges, of_the_loop)
                found[way].append(await ground.round(way, many))
            ceiling = await ground.ceiling()
    tell(found, ceiling, nudges, min(nudges, of_the_loop))


def turns(rounds: int) -> Iterator[Way]:
    """Each round begins with another, so that nobody always comes after the same."""
    for turn in range(rounds):
        for ways in WAYS:
            first = turn % len(ways)
            yield from ways[first:] + ways[:first]


def tell(found: Rounds, ceiling: float, nudges: int, of_the_loop: int) -> None:
    counts = (
        f"Nudges of a round: {nudges:,} for workers, {of_the_loop:,} for the loop."
        f" Rounds: {len(found[WAYS[0][0]])}, turn by turn."
    )
    Section(
        name="nudges",
        title="Nudges: from due to accepted by FCM",
        says=[ABOUT, PROTOCOLS.format(ceiling=number(ceiling)), counts, *compared(found)],
        tables=[table(found)],
    ).keep()


def compared(found: Rounds) -> list[str]:
    """One worker beside the loop, by each measure: round by round, then the median of those."""
    said = []
    for (kind, _, _), (loop, one, _) in zip(KINDS, WAYS, strict=True):
        rounds = [*zip(found[one], found[loop], strict=True)]
        times = {
            measure: number(median(getattr(a, measure) / getattr(b, measure) for a, b in rounds))
            for measure in MEASURES
        }
        said.append(COMPARED.format(kind=kind, **times))
    return said


def table(found: Rounds) -> Table:
    rows = [
        [
            kind,
            who,
            *(spread([getattr(each, measure) for each in found[way]]) for measure in MEASURES),
        ]
        for (kind, _, _), ways in zip(KINDS, WAYS, strict=True)
        for who, way in zip(WHO, ways, strict=True)
    ]
    return Table(["", "", *MEASURES.values()], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nudges", type=int, default=30_000)
    parser.add_argument("--of-the-loop", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    asyncio.run(measure(**vars(parser.parse_args())))
