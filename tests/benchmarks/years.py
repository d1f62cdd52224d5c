"""A year of so many couples, as rows for whoever is compared with Twofold.

The first couple's first person is the one whose screen is read. Their partner's space is told, and
that of every other couple silent; one of three schedules waits for the partner's word.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from schemas.boundaries import BoundaryKind
from schemas.checkins import OPEN_FOR, end_of
from schemas.consents import Purpose
from schemas.nudges import KEPT, Kind
from schemas.space import Mode

Row = dict[str, Any]
SPACE = timedelta(days=3)
KINDS = (Kind.PARTNER_NUDGE, Kind.REVEAL, Kind.CHECKIN_REMINDER)
SETTINGS = {
    BoundaryKind.QUIET_HOURS: {"start": "22:00:00", "until": "07:00:00"},
    BoundaryKind.DAILY_BUDGET: {"most": 5},
    BoundaryKind.UNWANTED_NUDGES: {"kinds": ["flirt"]},
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is: of each couple, but for the answers, which are each person's."""

    couples: int = 1000
    checkins: int = 52
    answers: int = 6
    nudges: int = 150
    days: int = 365  # over which the nudges came


@dataclass(frozen=True, slots=True)
class Years:
    """Rows by table, each table after those that it names. `width` is that of an id: ten letters
    are enough for a thousand couples.
    """

    size: Size
    width: int
    now: datetime

    def named(self, letter: str, *numbers: int) -> str:
        """An id of this width; the last number is below a thousand, as are all but the first."""
        joined = 0
        for number in numbers:
            joined = joined * 1000 + number
        return f"{letter}{joined:0{self.width - 1}}"

    @property
    def space_until(self) -> str:
        """The day on which the space of every couple's second person ends."""
        return (self.now + SPACE).date().isoformat()

    def two(self, couple: str) -> list[str]:
        """Who is in it."""
        return [self.named("u", int(couple[1:]), which) for which in (0, 1)]

    def tables(self) -> dict[str, Iterator[Row]]:
        return {
            "couples": ({"id": self.named("c", n)} for n in range(self.size.couples)),
            "users": self.users(),
            "spaces": self.spaces(),
            "checkins": self.checkins(),
            "answers": self.answers(),
            "nudges": self.nudges(),
            "schedules": self.schedules(),
            "hours": self.hours(),
            "consents": self.consents(),
            "boundaries": self.boundaries(),
        }

    def people(self) -> Iterator[tuple[int, int, Row]]:
        """The couple's number, which of the two, and how their rows name them."""
        for couple in range(self.size.couples):
            for which in (0, 1):
                who = {"user": self.named("u", couple, which), "couple": self.named("c", couple)}
                yield couple, which, who

    def users(self) -> Iterator[Row]:
        for couple, which, who in self.people():
            name = f"{('Sam', 'Alex')[which]} {couple}"
            yield {"id": who["user"], "couple": who["couple"], "name": name, "zone": "UTC"}

    def spaces(self) -> Iterator[Row]:
        """The first's is over; the second's is on."""
        for couple, which, who in self.people():
            ends = self.now + (SPACE if which else -10 * SPACE)
            mode = Mode.SILENT if couple % 2 else Mode.TOLD
            began = {"began_at": ends - 2 * SPACE, "ends_at": ends, "mode": mode}
            yield {"id": self.named("s", couple, which)} | who | began

    def checkins(self) -> Iterator[Row]:
        for couple in range(self.size.couples):
            for week in range(self.size.checkins):
                began = self.now - timedelta(weeks=week, days=1)
                yield {
                    "id": self.named("k", couple, week),
                    "couple": self.named("c", couple),
                    "pack": "weekly_checkin",
                    "version": 1,
                    "date": began.date().isoformat(),
                    "begun_at": began,
                    "closes_at": end_of(began.date(), OPEN_FOR),
                }

    def answers(self) -> Iterator[Row]:
        for couple, which, who in self.people():
            for week in range(self.size.checkins):
                for question in range(self.size.answers):
                    yield who | {
                        "id": self.named("a", couple, week, which * 500 + question),
                        "checkin": self.named("k", couple, week),
                        "question": f"question_{question}",
                        "value": "A few words, as they are said in the evening.",
                        "released": question % 2 == 0,
                        "answered_at": self.now - timedelta(weeks=week),
                    }

    def nudges(self) -> Iterator[Row]:
        each = self.size.nudges // 2
        for couple, which, who in self.people():
            for number in range(each):
                kind = KINDS[number % len(KINDS)]
                phrase = "thinking_of_you" if kind is Kind.PARTNER_NUDGE else ""
                made = self.now - timedelta(days=self.size.days) * (number + 0.5) / each
                yield who | {
                    "id": self.named("n", couple, which, number),
                    "kind": kind,
                    "about": "" if phrase else self.named("k", couple, 0),
                    "phrase": phrase,
                    "made_at": made,
                    "expires_at": made + KEPT,
                }

    def schedules(self) -> Iterator[Row]:
        for couple in range(self.size.couples):
            both = self.two(self.named("c", couple))
            for number in range(3):
                yield {
                    "id": self.named("p", couple, number),
                    "couple": self.named("c", couple),
                    "pack": "weekly_checkin",
                    "cadence": "weekly",
                    "weekday": "sunday",
                    "version": 1,
                    "signed_by": both if number else both[:1],
                }

    def hours(self) -> Iterator[Row]:
        for couple, which, who in self.people():
            for number in range(3):
                yield who | {
                    "id": self.named("h", couple, which, number),
                    "schedule": self.named("p", couple, number),
                    "at": "20:00",
                    "zone": "UTC",
                    "next_at": self.now + timedelta(days=1 + 7 * number),
                }

    def consents(self) -> Iterator[Row]:
        for couple, which, who in self.people():
            for number, purpose in enumerate(Purpose):
                named = {"id": self.named("y", couple, which, number), "purpose": purpose}
                yield who | named | {"given": True, "said_at": self.now - timedelta(days=400)}

    def boundaries(self) -> Iterator[Row]:
        for couple, which, who in self.people():
            for number, (kind, setting) in enumerate(SETTINGS.items()):
                named = {"id": self.named("b", couple, which, number), "kind": kind}
                yield who | named | {"setting": setting, "shown": number == 0}
