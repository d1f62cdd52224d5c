"""From an hour that has come to a check-in that is open and a reminder that waits to ring.

Once per schedule, local date and person: the hour moves on in the same transaction. A schedule
that is not in force only moves on. Whoever is leaving at this moment is passed over.
"""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Uuid, any_, bindparam, func, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications.schedule import OPEN_FOR, RINGS_FOR, spread, still_in_time
from schemas.answers import Answer
from schemas.arrivals import Arrival
from schemas.base import new_id
from schemas.checkins import Checkin, end_of, id_on
from schemas.nudges import Kind, Nudge, Push
from schemas.pairing import CoupleMember
from schemas.questionnaires import NEWEST
from schemas.schedules import Cadence, Hour, Schedule, Signature

SIGNED = select(Signature.version).where(Signature.schedule_id == Schedule.id).scalar_subquery()
DUE = (
    select(Hour, Schedule, func.array(SIGNED, type_=ARRAY(Integer)))
    .join(Schedule, col(Schedule.id) == Hour.schedule_id)
    .where(col(Hour.next_at) <= bindparam("now"))
    .order_by(col(Hour.next_at), col(Hour.schedule_id))
    .limit(bindparam("most"))
    .with_for_update(of=Hour, key_share=True, skip_locked=True)
)
# Held until the end, so that somebody who leaves waits for us; one who is leaving is not waited
# for, which would be a deadlock.
STAYING = (
    select(CoupleMember.account_id)
    .where(col(CoupleMember.account_id) == any_(bindparam("who", type_=ARRAY(Uuid))))
    .order_by(col(CoupleMember.account_id))
    .with_for_update(read=True, key_share=True, skip_locked=True)
)
OPENED = select(Checkin.id, col(Checkin.schedule_id), col(Checkin.date)).where(
    tuple_(col(Checkin.schedule_id), col(Checkin.date)).in_(bindparam("items", expanding=True))
)
ANSWERED = select(Answer.checkin_id, Answer.account_id).where(
    col(Answer.checkin_id) == any_(bindparam("checkins", type_=ARRAY(Uuid)))
)


class Occurrence(NamedTuple):
    """One person's hour that has come."""

    account_id: UUID
    schedule: Schedule
    on: date  # local
    at: datetime


Opened = Collection[tuple[Occurrence, UUID]]  # whose hour has come, and for which check-in


async def plan(db: AsyncSession, now: datetime, most: int) -> int:
    """Handle up to `most` hours that have come, and say how many those were."""
    rows = (await db.exec(DUE, params={"now": now, "most": most})).all()
    couples = [hour.account_id for hour, _, _ in rows if hour.couple_id]
    staying = set(await db.exec(STAYING, params={"who": couples}))
    come = []
    for hour, schedule, signed in rows:
        if hour.couple_id and hour.account_id not in staying:
            continue
        if schedule.in_force(signed, schedule.needed):
            come.append(Occurrence(hour.account_id, schedule, hour.next_on, hour.next_at))
        hour.move_on(schedule, now)
    if come:
        opened = await open_checkins(db, come, now)
        await let_see(db, opened)
        await remind(db, opened, now)
    return len(rows)


async def open_checkins(db: AsyncSession, come: Collection[Occurrence], now: datetime) -> Opened:
    """Both of a couple share the check-in of a date: whose hour is first opens it."""
    wanted = {(each.schedule.id, each.on): checkin_of(each, now) for each in come}
    # In a fixed order: two workers that open the same ones wait for each other at most once.
    rows = [wanted[key].model_dump() for key in sorted(wanted, key=str)]
    await db.exec(insert(Checkin).values(rows).on_conflict_do_nothing())
    opened = {(s, on): c for c, s, on in await db.exec(OPENED, params={"items": [*wanted]})}
    return [(each, opened[each.schedule.id, each.on]) for each in come]


def checkin_of(occurrence: Occurrence, now: datetime) -> Checkin:
    schedule = occurrence.schedule
    pack = NEWEST[schedule.pack]
    return Checkin(
        id=id_on(occurrence.on),
        account_id=None if schedule.couple_id else schedule.account_id,
        couple_id=schedule.couple_id,
        begun_by=None,
        schedule_id=schedule.id,
        pack=pack.id,
        version=pack.version,
        date=occurrence.on,
        begun_at=now,
        closes_at=end_of(occurrence.on, OPEN_FOR[Cadence(schedule.cadence)]),
    )


async def let_see(db: AsyncSession, opened: Opened) -> None:
    """To each the check-in of this date from their own hour on, and of a date without one never."""
    pairs = sorted({(each.account_id, checkin_id) for each, checkin_id in opened})
    rows = [{"account_id": whose, "checkin_id": checkin_id} for whose, checkin_id in pairs]
    await db.exec(insert(Arrival).values(rows).on_conflict_do_nothing())


async def remind(db: AsyncSession, opened: Opened, now: datetime) -> None:
    """One nudge and one push for each who has not answered yet and can still be told in time."""
    checkins = [checkin_id for _, checkin_id in opened]
    answered = set(await db.exec(ANSWERED, params={"checkins": checkins}))
    nudges = []
    for each, checkin_id in opened:
        if (checkin_id, each.account_id) not in answered and still_in_time(each.at, now):
            nudges.append(nudge_of(each, checkin_id, now))
    if nudges:
        await add(db, nudges)


def nudge_of(occurrence: Occurrence, checkin_id: UUID, now: datetime) -> Nudge:
    schedule = occurrence.schedule
    return Nudge(
        id=new_id(now),
        account_id=occurrence.account_id,
        couple_id=schedule.couple_id,
        kind=Kind.CHECKIN_REMINDER,
        about=checkin_id,
        made_at=spread(occurrence.at, schedule.couple_id or occurrence.account_id),
        expires_at=occurrence.at + OPEN_FOR[Cadence(schedule.cadence)],
    )


async def add(db: AsyncSession, nudges: Collection[Nudge]) -> None:
    """The newest reminder takes the place of one that still waits: two make one ring."""
    rows = [nudge.model_dump() for nudge in nudges]
    added = insert(Nudge).values(rows).on_conflict_do_nothing().returning(col(Nudge.id))
    new = set((await db.exec(added)).scalars())
    # One for each person, and one for what is the two's: an upsert cannot touch a row twice.
    rings = {
        (n.account_id, n.couple_id): n
        for n in sorted(nudges, key=lambda n: n.made_at)
        if n.id in new
    }
    if not rings:
        return
    ordered = sorted(rings.values(), key=lambda n: (n.account_id, str(n.couple_id)))
    pushes = [ring_of(nudge) for nudge in ordered]
    ring = insert(Push).values(pushes)
    same = ["account_id", "kind", "couple_id"]
    replaced = {name: ring.excluded[name] for name in pushes[0] if name not in same}
    await db.exec(ring.on_conflict_do_update(index_elements=same, set_=replaced))


def ring_of(nudge: Nudge) -> dict[str, Any]:
    return {
        **nudge.model_dump(include={"id", "account_id", "couple_id", "kind"}),
        "due_at": nudge.made_at,
        "expires_at": min(nudge.expires_at, nudge.made_at + RINGS_FOR),
        "attempts": 0,
        "reminders_left": 1,
    }
