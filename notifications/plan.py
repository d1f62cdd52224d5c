"""From an hour that has come to a check-in that is open and a reminder that waits to ring.

Once per schedule, local date and person: the hour moves on in the same transaction. A schedule
that is not in force only moves on. Whoever is leaving at this moment is passed over.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime, time
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications.schedule import OPEN_FOR, REMINDS_FOR, spread, still_in_time
from schemas.answers import Answer
from schemas.arrivals import Arrival
from schemas.base import new_id
from schemas.bulk import arrays, given, insert_all
from schemas.checkins import Checkin, end_of, id_on
from schemas.hours import Weekday, next_hour
from schemas.nudges import Kind, Nudge, Push
from schemas.pairing import CoupleMember
from schemas.questionnaires import NEWEST
from schemas.schedules import IN_FORCE, Cadence, Hour, Schedule


class Occurrence(NamedTuple):
    """One person's hour that has come: its own columns, and those of its schedule."""

    zone: str
    account_id: UUID
    schedule_id: UUID
    couple_id: UUID | None
    at: time
    on: date  # local
    came_at: datetime
    pack: str
    cadence: Cadence
    weekday: Weekday | None
    in_force: bool


# Locked and counted before anything is joined, and in no further order than the index has: else
# every step would read all schedules, and sort all hours that came at the same moment.
_due = (
    select(Hour)
    .where(col(Hour.next_at) <= bindparam("now"))
    .order_by(col(Hour.next_at))
    .limit(bindparam("most"))
    .with_for_update(key_share=True, skip_locked=True)
    .cte("due")
)
DUE = (
    select(*_due.c)
    .add_columns(*map(col, (Schedule.pack, Schedule.cadence, Schedule.weekday)), IN_FORCE)
    .join(Schedule, col(Schedule.id) == _due.c.schedule_id)
)
# Held until the end, so that somebody who leaves waits for us; one who is leaving is not waited
# for, which would be a deadlock.
STAYING = (
    select(CoupleMember.account_id)
    .where(col(CoupleMember.account_id) == any_(bindparam("who", type_=ARRAY(Uuid))))
    .order_by(col(CoupleMember.account_id))
    .with_for_update(read=True, key_share=True, skip_locked=True)
)
_moved = given(Hour, "account_id", "schedule_id", "next_on", "next_at")
MOVE_ON = (
    update(Hour)
    .where(
        col(Hour.account_id) == _moved.c.account_id, col(Hour.schedule_id) == _moved.c.schedule_id
    )
    .values(next_on=_moved.c.next_on, next_at=_moved.c.next_at)
)
OPEN = insert_all(Checkin, "schedule_id", "date").on_conflict_do_nothing()
_wanted = given(Checkin, "schedule_id", "date")
OPENED = select(Checkin.id, col(Checkin.schedule_id), col(Checkin.date)).where(
    col(Checkin.schedule_id) == _wanted.c.schedule_id, col(Checkin.date) == _wanted.c.date
)
LET_SEE = insert_all(Arrival, "account_id", "checkin_id").on_conflict_do_nothing()
ANSWERED = select(Answer.checkin_id, Answer.account_id).where(
    col(Answer.checkin_id) == any_(bindparam("checkins", type_=ARRAY(Uuid)))
)
ADD = insert_all(Nudge, "account_id").on_conflict_do_nothing().returning(col(Nudge.id))
_ring = insert_all(Push, "account_id", "couple_id")
_same = ("account_id", "kind", "couple_id")
# The newest takes the place of one that still waits: two make one ring.
RING = _ring.on_conflict_do_update(
    index_elements=_same,
    set_={each.name: each for each in _ring.excluded if each.name not in _same},
)

Opened = Collection[tuple[Occurrence, UUID]]  # whose hour has come, and for which check-in


async def plan(db: AsyncSession, now: datetime, most: int) -> int:
    """Handle up to `most` hours that have come, and say how many those were: who is passed over is
    looked for with the next turn, and not at once.
    """
    due = [Occurrence(*row) for row in await db.exec(DUE, params={"now": now, "most": most})]
    couples = [each.account_id for each in due if each.couple_id]
    staying = set(await db.exec(STAYING, params={"who": couples}) if couples else ())
    come = [each for each in due if not each.couple_id or each.account_id in staying]
    if come:
        await db.exec(MOVE_ON, params=arrays(moved_on(each, now) for each in come))
    if in_force := [each for each in come if each.in_force]:
        opened = await open_checkins(db, in_force, now)
        await let_see(db, opened)
        await remind(db, opened, now)
    return len(come)


def moved_on(each: Occurrence, now: datetime) -> dict[str, Any]:
    next_on, next_at = next_hour(now, each.on, each.weekday, each.at, each.zone)
    moved = {"next_on": next_on, "next_at": next_at}
    return moved | {"account_id": each.account_id, "schedule_id": each.schedule_id}


async def open_checkins(db: AsyncSession, come: Sequence[Occurrence], now: datetime) -> Opened:
    """Both of a couple share the check-in of a date: whose hour is first opens it."""
    wanted = {(each.schedule_id, each.on): each for each in come}
    rows = arrays(checkin_of(each, now) for each in wanted.values())
    await db.exec(OPEN, params=rows)
    dates = {name: rows[name] for name in ("each_schedule_id", "each_date")}
    opened = {(s, on): c for c, s, on in await db.exec(OPENED, params=dates)}
    return [(each, opened[each.schedule_id, each.on]) for each in come]


def checkin_of(occurrence: Occurrence, now: datetime) -> dict[str, Any]:
    couple, pack = occurrence.couple_id, NEWEST[occurrence.pack]
    return {
        "id": id_on(occurrence.on),
        "account_id": None if couple else occurrence.account_id,
        "couple_id": couple,
        "begun_by": None,
        "schedule_id": occurrence.schedule_id,
        "pack": pack.id,
        "version": pack.version,
        "date": occurrence.on,
        "begun_at": now,
        "closes_at": end_of(occurrence.on, OPEN_FOR[occurrence.cadence]),
    }


async def let_see(db: AsyncSession, opened: Opened) -> None:
    """To each the check-in of this date from their own hour on, and of a date without one never."""
    rows = [{"account_id": each.account_id, "checkin_id": found} for each, found in opened]
    await db.exec(LET_SEE, params=arrays(rows))


async def remind(db: AsyncSession, opened: Opened, now: datetime) -> None:
    """One nudge and one push for each who has not answered yet and can still be told in time."""
    checkins = [checkin_id for _, checkin_id in opened]
    answered = set(await db.exec(ANSWERED, params={"checkins": checkins}))
    nudges = []
    for each, checkin_id in opened:
        if (checkin_id, each.account_id) not in answered and still_in_time(each.came_at, now):
            nudges.append(nudge_of(each, checkin_id, now))
    if nudges:
        await add(db, nudges)


def nudge_of(occurrence: Occurrence, checkin_id: UUID, now: datetime) -> dict[str, Any]:
    came_at = occurrence.came_at
    return {
        "id": new_id(now),
        "account_id": occurrence.account_id,
        "couple_id": occurrence.couple_id,
        "kind": Kind.CHECKIN_REMINDER,
        "about": checkin_id,
        "made_at": spread(came_at, occurrence.couple_id or occurrence.account_id),
        "expires_at": came_at + OPEN_FOR[occurrence.cadence],
        "held": False,
        "looked": False,
    }


async def add(db: AsyncSession, nudges: Collection[dict[str, Any]]) -> None:
    """One push for each, and one for what is the two's: an upsert cannot touch a row twice."""
    new = set((await db.exec(ADD, params=arrays(nudges))).scalars())
    rings = {
        (nudge["account_id"], nudge["couple_id"]): nudge
        for nudge in sorted(nudges, key=itemgetter("made_at"))
        if nudge["id"] in new
    }
    if rings:
        await db.exec(RING, params=arrays(ring_of(nudge) for nudge in rings.values()))


def ring_of(nudge: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: nudge[name] for name in ("id", "account_id", "couple_id", "kind")},
        "due_at": nudge["made_at"],
        "expires_at": min(nudge["expires_at"], nudge["made_at"] + REMINDS_FOR),
        "attempts": 0,
        "reminders_left": 1,
    }
