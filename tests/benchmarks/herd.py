"""A million reminders at one hour: a Sunday of ten million couples, before an FCM that counts.

What decides is the worker's own: when an hour comes (`next_hour`), what then waits (`nudge_of`,
`ring_of`, `spread`), whether it may ring (`judge`), how much leaves (`pace`), what an answer means
and what follows (`fcm_answers.judge`, `settle`). Made up are the people, of whom each stands for
many, FCM, and how fast all workers together are able to send. There is no database and no network:
what those take is measured elsewhere.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import quantiles
from time import process_time

from notifications.pace import PER_MINUTE
from notifications.schedule import AWAY, QUARTER
from schemas.base import EARLIEST
from tests.benchmarks.figures import Curve, Plot, Section, Table
from tests.benchmarks.herd_day import Day, Way
from tests.benchmarks.herd_people import Ring, rings

SUNDAY = datetime(2026, 3, 8, tzinfo=UTC)
QUOTA = 600_000  # FCM's default, messages a minute
MINUTE = timedelta(minutes=1)
TEN_SECONDS = timedelta(seconds=10)
AROUND = (timedelta(minutes=-2), timedelta(minutes=13))  # of the hour at which most is due
HEADS = ["", "busiest minute", "of it FCM took", "429", "beside a quarter", "median wait"]


def main() -> None:
    asked = parser().parse_args()
    weight = asked.couples // asked.sampled
    began = process_time()
    crowd = [*rings(Random(asked.seed), asked.sampled, SUNDAY)]
    shared = {"weight": weight, "quota": QUOTA, "speed": asked.speed}
    ours = Way("as it is", **shared, per_minute=asked.per_minute)
    ways = (
        ours,
        Way("without the bucket", **shared),
        Way("without the spread", **shared, spread=False, per_minute=asked.per_minute),
        Way("without either", **shared, spread=False),
    )
    days = [lived(way, crowd, asked.seed) for way in ways]
    if days[0].wrong:
        sys.exit(f"{len(days[0].wrong)} that should not be, such as {days[0].wrong[0]}")
    told(days, crowd, weight, process_time() - began).keep()


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(description=__doc__)
    top.add_argument("--couples", type=int, default=10_000_000)
    top.add_argument("--sampled", type=int, default=200_000, help="of whom each stands for many")
    top.add_argument("--per-minute", type=int, default=PER_MINUTE, help="what the bucket holds")
    top.add_argument("--speed", type=int, default=20_000, help="messages a second, all workers")
    top.add_argument("--seed", type=int, default=20)
    return top


def lived(way: Way, crowd: Sequence[Ring], seed: int) -> Day:
    day = Day(way, (ring.anew() for ring in crowd), Random(seed))
    day.run()
    return day


def told(days: Sequence[Day], crowd: Sequence[Ring], weight: int, took: float) -> Section:
    section = Section("herd", "A million reminders at one hour")
    ours, hour = days[0], busiest(crowd)
    at_once = weight * sum(ring.hour == hour for ring in crowd)
    late = [each for each in ours.waits if each > 9 * 60]
    section.says = [
        f"""A Sunday of {weight * len(crowd):,} reminders, {at_once:,} of them for one instant,
{hour:%H:%M} UTC. Each of {len(crowd):,} people with settings of their own stands for {weight}.
Every decision is made by the worker's own functions, with its own bucket of
{ours.way.per_minute:,} messages a minute; made up are the people, FCM (a quota by the
minute, 429 until the next one, every hundredth answer a 503) and how fast all workers together
are able to send ({ours.way.speed:,} messages a second). There is no database in it.""",
        f"""{sum(ours.fcm.seconds.values()):,} messages left. None came before its hour or after
its time, into quiet hours, into space or without consent: each was looked at in other words than
the worker's. In no second did more leave than the bucket holds; FCM refused {ours.fcm.refused:,}.
From an hour (or the end of quiet hours that it fell into) to the ring it took at most
{minutes(max(ours.waits))}; more than nine minutes, which the spread alone may take, for
{len(late) / len(ours.waits):.2%}. Given up is whom a 503 met three times, which is chance, or a
429. Beside a quarter is what left within {AWAY.total_seconds():.0f} s of a full quarter of an hour.
From rest the bucket rises to its whole within a minute, as FCM asks: what it holds back at first
leaves in the minute after, which is busier for it than by the spread alone.""",
        f"Worked out in {took / 60:.1f} minutes of one core.",
    ]
    section.tables = [Table([*HEADS, "longest wait", "given up"], [row(each) for each in days])]
    section.plots = [the_day(ours), the_hour(days, hour)]
    return section


def busiest(crowd: Sequence[Ring]) -> datetime:
    return Counter(ring.hour for ring in crowd).most_common(1)[0][0]


def row(day: Day) -> list[str]:
    by_minute = binned(day, MINUTE)
    busy = max(by_minute, key=lambda each: by_minute[each])
    beside = sum(number for at, number in day.fcm.seconds.items() if near_a_quarter(at))
    return [
        day.way.name,
        f"{by_minute[busy]:,}",
        f"{min(by_minute[busy], day.way.quota):,}",
        f"{day.fcm.refused:,}",
        f"{beside / sum(by_minute.values()):.1%}",
        minutes(quantiles(day.waits, n=2)[0]),
        minutes(max(day.waits)),
        f"{day.lost:,}",
    ]


def binned(day: Day, width: timedelta) -> Counter[datetime]:
    """Messages that came to FCM, by the beginning of each of these."""
    found: Counter[datetime] = Counter()
    for at, number in day.fcm.seconds.items():
        found[EARLIEST + (at - EARLIEST) // width * width] += number
    return found


def near_a_quarter(at: datetime) -> bool:
    into = (at - EARLIEST) % QUARTER
    return min(into, QUARTER - into) < AWAY


def minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"


def the_day(day: Day) -> Plot:
    found = binned(day, MINUTE)
    places = [SUNDAY + each * MINUTE for each in range(24 * 60)]
    curve = Curve(
        "messages",
        [(at - SUNDAY) / timedelta(hours=1) for at in places],
        [found[at] / 60 for at in places],
    )
    return Plot("herd-day", "A Sunday", "hour, UTC", "messages a second", [curve])


def the_hour(days: Sequence[Day], hour: datetime) -> Plot:
    first, last = AROUND
    places = [hour + first + each * TEN_SECONDS for each in range((last - first) // TEN_SECONDS)]
    x = [(at - hour) / MINUTE for at in places]
    curves = []
    for day in days:
        found = binned(day, TEN_SECONDS)
        curves.append(Curve(day.way.name, x, [found[at] / 10 for at in places]))
    curves.append(Curve("FCM's quota", [x[0], x[-1]], [QUOTA / 60, QUOTA / 60]))
    title = "The hour that most people chose"
    return Plot("herd-hour", title, "minutes after it", "messages a second", curves)


if __name__ == "__main__":
    main()
