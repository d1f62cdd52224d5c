"""Every time zone there is, through every change of its clocks: an hour comes once per local date.

The hours are planned by the code that plans them in production, from one occurrence to the next.
What they must be is worked out here in another way: by looking at the clock on the wall, minute
for minute around the instant, and by counting the dates that this wall has seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from schemas.base import ZONES
from schemas.hours import Weekday
from schemas.schedules import Cadence, Hour, HourFields, Schedule, ScheduleWrite
from tests.builders import asking
from tests.proofs.report import Report, run

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass
class Seen:
    """What was checked."""

    occurrences: int = 0
    shifted: int = 0
    left_out: int = 0


async def prove(report: Report, **sizes: int) -> None:
    """So many random hours in each zone, daily and weekly, from one year to another."""
    begin = datetime(sizes["first"], 1, 1, tzinfo=UTC)
    end = datetime(sizes["last"] + 1, 1, 1, tzinfo=UTC)
    zones = sorted(ZONES) if not sizes["zones"] else some_zones(report.random, sizes["zones"])
    seen = Seen()
    for zone in zones:
        for at in hours(report.random, sizes["hours"]):
            for weekday in (None, report.random.choice([*Weekday])):
                follow(report, seen, Walk(zone, at, weekday, begin, end))
    report.say("zones", len(zones))
    report.say("occurrences", seen.occurrences)
    report.say("at an hour that the clocks leave out, so later", seen.shifted)
    report.say("dates that a zone leaves out, without an occurrence", seen.left_out)


def some_zones(random: Random, number: int) -> list[str]:
    """Among them one that left out a date, and one that moves its clocks by half an hour."""
    return ["Pacific/Apia", "Australia/Lord_Howe", *random.sample(sorted(ZONES), number)]


def hours(random: Random, number: int) -> Iterator[time]:
    """The first always in the small hours, when clocks are moved."""
    yield time(random.randrange(4), random.randrange(60))
    for _ in range(number - 1):
        yield time(random.randrange(24), random.randrange(60))


@dataclass
class Walk:
    """One person's hour, from its beginning to the end of the years."""

    zone: str
    at: time
    weekday: Weekday | None
    begin: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{self.zone}, {self.at:%H:%M}, {self.weekday or 'daily'}"

    def occurrences(self) -> Iterator[tuple[date, datetime]]:
        """As in production: the next is worked out when the last has come."""
        cadence = Cadence.WEEKLY if self.weekday else Cadence.DAILY
        asked = {"pack": "daily_pulse", "cadence": cadence, "weekday": self.weekday}
        hour = {"at": self.at, "zone": self.zone, "for_both": False}
        me = asking()
        schedule = Schedule.of(me, ScheduleWrite.model_validate(asked | hour), self.begin)
        fields = HourFields(at=self.at, zone=self.zone)
        mine = Hour.of(me, schedule, fields, self.begin)
        while mine.next_at < self.end:
            yield mine.next_on, mine.next_at
            mine.move_on(schedule, mine.next_at)


def follow(report: Report, seen: Seen, walk: Walk) -> None:
    zone = ZoneInfo(walk.zone)
    last_on, last_at = date.min, walk.begin
    for on, at in walk.occurrences():
        seen.occurrences += 1
        report.must(at > last_at, f"{walk}: {on} comes no later than {last_on}")
        if last_on > date.min:
            seen.left_out += between(report, walk, last_on, on)
        seen.shifted += on_the_wall(report, walk, on, at.astimezone(zone))
        last_on, last_at = on, at
    enough = (walk.end - last_at) <= timedelta(days=8 if walk.weekday else 2)
    report.must(enough, f"{walk}: nothing comes after {last_on}")


def between(report: Report, walk: Walk, last: date, on: date) -> int:
    """No date of the schedule is passed over, but one that never was: on the wall, the minute
    after the day before it belongs to a later day.
    """
    step = timedelta(days=7) if walk.weekday else DAY
    report.must((on - last) % step == timedelta(0) and on > last, f"{walk}: {on} after {last}")
    missing = [last + step * n for n in range(1, (on - last) // step)]
    for day in missing:
        report.must(not was_there(day, walk.zone), f"{walk}: nothing on {day}")
    return len(missing)


def was_there(day: date, zone: str) -> bool:
    """Does any hour of three days, hour by hour, show this date?"""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - DAY
    wall = ZoneInfo(zone)
    return any((start + HOUR * n).astimezone(wall).date() == day for n in range(72))


def on_the_wall(report: Report, walk: Walk, on: date, wall: datetime) -> bool:
    """At its instant the wall shows the hour that was chosen, or, where that hour is left out, a
    later one; and it has not shown it on that date before.
    """
    shown, chosen = wall.replace(tzinfo=None, fold=0), datetime.combine(on, walk.at)
    if shown == chosen:
        report.must(wall.fold == 0, f"{walk}: on {on} only the second time")
        return False
    report.must(shown > chosen, f"{walk}: on {on} before its hour, at {wall}")
    left_out = (wall.astimezone(UTC) - MINUTE * 60 * 3, wall.astimezone(UTC))
    report.must(not shows(chosen, walk.zone, *left_out), f"{walk}: on {on} late, at {wall}")
    return True


def shows(chosen: datetime, zone: str, start: datetime, end: datetime) -> bool:
    wall, minute = ZoneInfo(zone), start
    while minute < end:
        if minute.astimezone(wall).replace(tzinfo=None, fold=0) == chosen:
            return True
        minute += MINUTE
    return False


FULL = {"first": 2010, "last": 2030, "hours": 2, "zones": 0}  # no number of zones: all of them

if __name__ == "__main__":
    run(prove, **FULL)
