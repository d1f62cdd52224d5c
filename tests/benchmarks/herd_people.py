"""Who is reminded on a Sunday, of ten million couples: some of them, each standing for many.

Where people live is roughly known; how an app like this is used, nobody knows yet. So what is made
up is made up to be hard: most choose the full hour, and four in ten the same one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cache
from random import Random
from typing import TypeVar
from uuid import UUID

from notifications.plan import Occurrence, nudge_of, ring_of
from notifications.policy import Due, Facts
from notifications.push import Target
from schemas.base import Locale
from schemas.boundaries import Boundaries
from schemas.consents import Purpose
from schemas.devices import Platform, TargetKind
from schemas.door import Recipient
from schemas.hours import Weekday, next_hour
from schemas.schedules import Cadence
from schemas.space import Mode, Space
from tests.builders import NO_BOUNDARIES

Choice = TypeVar("Choice")


def shares(text: str) -> Mapping[str, float]:
    return {name: float(share) for name, share in map(str.split, text.split(","))}


# Millions of smartphones, rounded, after Newzoo's Global Mobile Market Report of 2022; without
# China, where there is no FCM. Countries of several zones are divided by where most people live.
ZONES = shares("""
    Asia/Kolkata 660, Asia/Jakarta 150, Asia/Makassar 38, Asia/Tokyo 97, America/New_York 132,
    America/Chicago 80, America/Denver 18, America/Los_Angeles 46, America/Sao_Paulo 130,
    America/Manaus 13, Europe/Moscow 80, Asia/Yekaterinburg 26, Africa/Lagos 84, Asia/Karachi 72,
    America/Mexico_City 78, Europe/Berlin 68, Asia/Ho_Chi_Minh 63, Asia/Dhaka 53,
    Europe/London 56, Europe/Istanbul 56, Asia/Tehran 53, Europe/Paris 51, Europe/Rome 50,
    Asia/Bangkok 45, Asia/Seoul 43, Asia/Manila 41, Europe/Madrid 39, Africa/Cairo 37,
    America/Bogota 36, Africa/Johannesburg 33, America/Toronto 22, America/Vancouver 6,
    Australia/Sydney 17, Europe/Lisbon 8, America/Argentina/Buenos_Aires 30, Europe/Warsaw 28,
    Asia/Kathmandu 10
""")
HOURS = shares("""
    20:00 40, 21:00 13, 19:00 10, 18:00 6, 20:30 6, 21:30 4, 19:30 4, 09:00 4, 08:00 3, 22:00 3,
    12:00 2, 07:30 1, 20:15 1, 19:45 1, 20:05 0.5, 18:50 0.5, 19:55 0.5, 21:13 0.5
""")
CADENCES: Mapping[tuple[Cadence, Weekday | None], float] = {
    (Cadence.DAILY, None): 30,
    (Cadence.WEEKLY, Weekday.SUNDAY): 45,
    **{(Cadence.WEEKLY, day): 25 / 6 for day in Weekday if day is not Weekday.SUNDAY},
}
QUIET: Mapping[tuple[str, str] | None, float] = {
    None: 70,
    ("22:00", "07:00"): 14,
    ("21:00", "08:00"): 6,
    ("23:30", "06:30"): 5,
    ("19:00", "20:30"): 5,
}
PHONES: Mapping[int, float] = {0: 8, 1: 82, 2: 10}
FOR_BOTH, SAME_HOUR, IN_SPACE, WITHOUT_CONSENT, ANSWERS = 0.9, 0.6, 0.03, 0.05, 0.6


@dataclass(slots=True)
class Ring:
    """A push that waits, of somebody who stands for many, and what is known of them."""

    push: Due
    facts: Facts
    hour: datetime  # that they chose
    due_at: datetime
    answers: bool  # before it rings again
    waits_from: datetime  # their hour, or where that was quiet, the end of it
    rang_at: datetime | None = None

    def anew(self) -> "Ring":
        return replace(self)


def some(choices: Mapping[Choice, float], random: Random) -> Choice:
    return random.choices([*choices], [*choices.values()])[0]


def rings(random: Random, couples: int, sunday: datetime) -> Iterator[Ring]:
    """Of all whose hour comes within this day, by UTC."""
    for _ in range(couples):
        zone, first = some(ZONES, random), some(HOURS, random)
        cadence, weekday = some(CADENCES, random)
        couple = an_id(random)
        for_both = random.random() < FOR_BOTH
        second = first if random.random() < SAME_HOUR else some(HOURS, random)
        for hour in (first, second)[: 2 if for_both else 1]:
            at = time.fromisoformat(hour)
            # One that comes with the first second of the day is one of that day.
            on, came_at = next_hour(sunday - timedelta(seconds=1), date.min, weekday, at, zone)
            if came_at < sunday + timedelta(days=1):
                occurrence = Occurrence(
                    zone=zone,
                    account_id=an_id(random),
                    schedule_id=UUID(int=0),
                    couple_id=couple if for_both else None,
                    at=at,
                    on=on,
                    came_at=came_at,
                    pack="daily_pulse",
                    cadence=cadence,
                    weekday=weekday,
                    in_force=True,
                )
                yield planned(occurrence, couple, zone, random)


def an_id(random: Random) -> UUID:
    return UUID(int=random.getrandbits(128), version=4)


def planned(occurrence: Occurrence, couple: UUID, zone: str, random: Random) -> Ring:
    """The planner's own nudge and ring."""
    ring = ring_of(nudge_of(occurrence, occurrence.schedule_id, occurrence.came_at))
    push = Due(
        **{name: ring[name] for name in ("id", "account_id", "kind", "expires_at", "attempts")},
        **{name: ring[name] for name in ("reminders_left", "couple_id")},
        about=None,
        newest_at=occurrence.came_at,
    )
    return Ring(
        push=push,
        facts=known(occurrence, couple, zone, random),
        hour=occurrence.came_at,
        due_at=ring["due_at"],
        answers=random.random() < ANSWERS,
        waits_from=occurrence.came_at,
    )


def known(occurrence: Occurrence, couple: UUID, zone: str, random: Random) -> Facts:
    consents = frozenset(Purpose) - (
        {Purpose.REMINDERS} if random.random() < WITHOUT_CONSENT else set()
    )
    recipient = Recipient(
        zone=zone,
        consents=consents,
        space=a_space(occurrence, couple, random) if random.random() < IN_SPACE else None,
        boundaries=quiet(some(QUIET, random)),
        contacts_today=0,
    )
    return Facts(recipient, couple, None, (), PHONES_OF[some(PHONES, random)])


def a_space(occurrence: Occurrence, couple: UUID, random: Random) -> Space:
    """Open, or over some time around the hour: before it, between two tries, or after it."""
    ends = occurrence.came_at + timedelta(minutes=random.uniform(-60, 360))
    return Space(
        account_id=occurrence.account_id,
        couple_id=couple,
        mode=random.choice([*Mode]),
        began_at=occurrence.came_at - timedelta(days=1),
        ends_at=ends if random.random() < 0.5 else None,
    )


@cache
def quiet(hours: tuple[str, str] | None) -> Boundaries:
    if hours is None:
        return NO_BOUNDARIES
    set_ = {"start": hours[0], "until": hours[1], "shown": False}
    return Boundaries.model_validate(NO_BOUNDARIES.model_dump() | {"quiet_hours": set_})


TARGET = Target(TargetKind.TOKEN, "a phone", Platform.ANDROID, Locale.EN, discreet=False)
DEVICES: Sequence[UUID] = tuple(UUID(int=each, version=4) for each in range(max(PHONES)))
PHONES_OF = {many: dict.fromkeys(DEVICES[:many], TARGET) for many in PHONES}
