"""What two sign: how a schedule is proposed, signed and taken back, whoever asked for it."""

from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from api.errors import NotFound
from api.policy import schedules as policy
from notifications import outbox
from schemas.nudges import Kind
from schemas.pairing import Person
from schemas.schedules import (
    SCHEDULE,
    SIGNATURES_OF,
    Hour,
    HourFields,
    Schedule,
    SchedulePublic,
    Signature,
)
from schemas.schedules_declined import NO_LONGER_DECLINED


async def load(schedule_id: UUID, me: Person, db: AsyncSession) -> Schedule:
    schedule = (await db.exec(SCHEDULE, params=me.scope | {"id": schedule_id})).one_or_none()
    if schedule is None:
        raise NotFound
    return schedule


async def sign(
    schedule: Schedule, body: HourFields, me: Person, db: AsyncSession, now: datetime
) -> Hour:
    await db.exec(NO_LONGER_DECLINED, params={"me": me.id, "id": schedule.id})
    await db.merge(Signature.of(me, schedule))
    hour = await db.merge(Hour.of(me, schedule, body, now))
    await db.flush()
    await outbox.no_longer_waits(db, me.id, schedule.id, Kind.SCHEDULE_PROPOSED)
    return hour


async def propose(schedule: Schedule, me: Person, db: AsyncSession, now: datetime) -> None:
    if schedule.couple_id and me.partner_id:
        about = schedule.id
        await outbox.tell(db, me.partner_id, me.couple_id, Kind.SCHEDULE_PROPOSED, now, about)


async def seen(schedule: Schedule, hour: Hour, me: Person, db: AsyncSession) -> SchedulePublic:
    signatures = (await db.exec(SIGNATURES_OF, params={"id": schedule.id})).all()
    return policy.shown_to(me, schedule, signatures, hour)


async def take_back(schedule: Schedule, me: Person, db: AsyncSession) -> bool:
    """My signature and my hour. Does the other's signature still hold it up?"""
    signatures = (await db.exec(SIGNATURES_OF, params={"id": schedule.id})).all()
    mine = [each for each in signatures if each.account_id == me.id]
    others = [each.version for each in signatures if each.account_id != me.id]
    if schedule.version not in others:
        await db.delete(schedule)
        return False
    hours = [await db.get(Hour, (me.id, schedule.id))] if mine else []
    for row in (*mine, *hours):
        await db.delete(row)
    return True
