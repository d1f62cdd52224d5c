"""A day, second by second, with the worker's own decisions and an FCM that counts."""

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from notifications.fcm_answers import Answer
from notifications.fcm_answers import judge as meant
from notifications.pace import Pace, granted, hushed
from notifications.policy import Done, Later, Send, judge, peace, settle
from notifications.push import Outcome, Sent
from schemas.base import EARLIEST
from schemas.consents import Purpose
from schemas.devices import TargetKind
from tests.benchmarks.herd_people import DEVICES, Ring

SECOND = timedelta(seconds=1)
SILENT = Pace(EARLIEST, 0, 0, EARLIEST)
TAKEN = Answer(200, None, b'{"name": "projects/p/messages/1"}')
AWAY = Answer(503, None, b'{"error": {"message": "", "details": []}}')
OFTEN_AWAY = 0.01
IN_FLIGHT = 1000  # messages that five workers have on their way when one of them hears of a 429


@dataclass(frozen=True, slots=True)
class Way:
    """One way of sending, and what all of them share."""

    name: str
    weight: int  # how many one person stands for
    quota: int  # of FCM, a minute
    speed: int  # messages a second that all workers together are able to send
    spread: bool = True
    per_minute: int | None = None  # the bucket; none: as fast as they can


@dataclass(slots=True)
class Fcm:
    """Takes a quota in each minute by the clock and answers 429 until the next; a hundredth of what
    it takes it says it did not.
    """

    quota: int
    random: Random
    minute: datetime = EARLIEST
    took: int = 0  # in this minute
    seconds: Counter[datetime] = field(default_factory=Counter)  # messages that came
    refused: int = 0

    def answer(self, now: datetime, weight: int) -> Answer:
        minute = now.replace(second=0)
        if minute != self.minute:
            self.minute, self.took = minute, 0
        self.seconds[now] += weight
        if self.took + weight > self.quota:
            self.refused += weight
            return Answer(429, str(60 - now.second), b"")
        self.took += weight
        return AWAY if self.random.random() < OFTEN_AWAY else TAKEN


class Day:
    """What waits, what leaves, and what came of it."""

    def __init__(self, way: Way, rings: Iterable[Ring], random: Random) -> None:
        self.way, self.random = way, random
        self.fcm = Fcm(way.quota, random)
        self.pace = SILENT
        self.waits: list[float] = []  # seconds until each first ring
        self.lost = 0
        self.wrong: list[str] = []
        self.line = 0
        self.waiting: list[tuple[datetime, int, Ring]] = []
        for ring in rings:
            self.put(ring, ring.due_at if way.spread else ring.hour)

    def put(self, ring: Ring, at: datetime) -> None:
        self.line += 1
        heapq.heappush(self.waiting, (at, self.line, ring))

    def run(self) -> None:
        """From the first that is due until nothing waits any more."""
        now = self.waiting[0][0].replace(microsecond=0)
        while self.waiting:
            now = (
                max(now, self.pace.peace_until, self.waiting[0][0]).replace(microsecond=0) + SECOND
            )
            self.second(now)

    def second(self, now: datetime) -> None:
        """The longest due first, as far as there is room; facts as they are now."""
        room, sent = self.room(now), 0
        asked = timedelta(0)
        while self.waiting and self.waiting[0][0] <= now:
            ring = self.waiting[0][2]
            tried = ring.push._replace(attempts=ring.push.attempts + 1)
            verdict = judge(tried, ring.facts, now)
            phones = len(verdict.phones) if isinstance(verdict, Send) else 0
            if sent + phones * self.way.weight > room:
                break
            heapq.heappop(self.waiting)
            if isinstance(verdict, Send):
                sent += phones * self.way.weight
                outcomes = self.send(ring, now, phones)
                verdict = settle(tried, outcomes, now)
                self.lost += self.way.weight * (ring.rang_at is None and verdict == Done())
                if told := peace([outcomes]):
                    asked, room = max(asked, told), min(room, sent + IN_FLIGHT)
            if isinstance(verdict, Later):
                self.later(ring, verdict, now)
        self.keep(now, sent, asked)

    def room(self, now: datetime) -> int:
        if self.way.per_minute is None:
            return self.way.speed
        return min(granted(self.pace, now, self.way.per_minute, self.way.speed)[0], self.way.speed)

    def send(self, ring: Ring, now: datetime, phones: int) -> dict[UUID, Outcome]:
        self.wrong += amiss(ring, now)
        answers = {device: self.fcm.answer(now, self.way.weight) for device in DEVICES[:phones]}
        outcomes = {
            device: meant(answer, TargetKind.TOKEN, now, self.random)
            for device, answer in answers.items()
        }
        if ring.rang_at is None and any(isinstance(each, Sent) for each in outcomes.values()):
            ring.rang_at = now
            self.waits.append((now - ring.waits_from) / SECOND)
        return outcomes

    def later(self, ring: Ring, verdict: Later, now: datetime) -> None:
        """Who has answered by then is not rung again: answering takes the push along."""
        again = ring.rang_at is not None
        if again and ring.answers:
            return
        quiet = ring.facts.recipient.boundaries.quiet_hours
        if not again and quiet and (over := quiet.over_at(now, ring.facts.recipient.zone)):
            ring.waits_from = over
        ring.push = ring.push._replace(
            attempts=verdict.attempts, reminders_left=verdict.reminders_left
        )
        self.put(ring, verdict.at)

    def keep(self, now: datetime, sent: int, asked: timedelta) -> None:
        if sent and self.way.per_minute:
            number, self.pace = granted(self.pace, now, self.way.per_minute, sent)
            if number < sent:
                self.wrong.append(f"more than the bucket holds at {now}")
        if asked:
            self.pace = hushed(self.pace, now, asked)


def amiss(ring: Ring, now: datetime) -> Sequence[str]:
    """What nobody may ever find, asked in other words than the worker's own."""
    recipient, space = ring.facts.recipient, ring.facts.recipient.space
    quiet = recipient.boundaries.quiet_hours
    clock = wall(now, recipient.zone)
    return [
        f"{what}: {ring.push.id} at {now}"
        for what, found in (
            ("before its hour", now < ring.hour),
            ("after its time", now >= ring.push.expires_at),
            ("into space", ring.push.couple_id and space and not over(space.ends_at, now)),
            ("into quiet hours", quiet and between(quiet.start, clock, quiet.until)),
            ("without consent", Purpose.REMINDERS not in recipient.consents),
        )
        if found
    ]


def wall(now: datetime, zone: str) -> time:
    return now.astimezone(ZoneInfo(zone)).time()


def over(ends: datetime | None, now: datetime) -> bool:
    return ends is not None and ends <= now


def between(start: time, clock: time, until: time) -> bool:
    if start < until:
        return start <= clock < until
    return clock >= start or clock < until
