"""Schedules: when Twofold opens a check-in. Shape: agreement.

A schedule for both counts only while both have signed the version that stands. Either proposes
other terms, which both then sign again, and either withdraws alone. The terms are shared; the
hour at which a phone reminds is each person's own, in a zone of their own, and moves without
asking anybody.
"""

from uuid import UUID

from api.agreement import load, propose, seen, sign, take_back
from api.areas import area
from api.deps import Db, Me, MeWriting, Now, paired
from api.door import PartnerTakesSpace, knock
from api.errors import NotFound, NotPaired, NotSignedIn, Refusal, documented
from api.idempotency import IdempotencyKeyReused, Once
from api.pack import UnknownPack, chosen
from api.policy import schedules as policy
from notifications import outbox
from schemas.door import Approach
from schemas.nudges import Kind
from schemas.schedules import (
    HOURS,
    MADE,
    MOST_SCHEDULES,
    SIGNATURES,
    Schedule,
    SchedulePublic,
    ScheduleWrite,
    SignatureWrite,
    TermsWrite,
    VersionWrite,
)
from schemas.schedules_declined import NOT_DECLINED, Declined
from schemas.space import MY_SPACE

router = area("/schedules", NotSignedIn)


class TooManySchedules(Refusal):
    type = "/problems/too-many-schedules"
    status = 409
    detail = "Ten schedules are enough. Withdraw from one first."


class OtherVersion(Refusal):
    type = "/problems/other-version"
    status = 409
    detail = "The terms have changed since you saw them. Read them again."


@router.get("", summary="List schedules")
async def read_schedules(me: Me, db: Db, now: Now) -> list[SchedulePublic]:
    """Mine, and those of the two of us. What my partner proposed during the space that I am in
    is left out until it is over, and what I declined until other terms are proposed.
    """
    schedules = (await db.exec(NOT_DECLINED, params=me.scope)).all()
    signatures = (await db.exec(SIGNATURES, params=me.scope)).all()
    hours = {hour.schedule_id: hour for hour in await db.exec(HOURS, params=me.scope)}
    my_space = (await db.exec(MY_SPACE, params=me.scope)).one_or_none()
    return [
        policy.shown_to(
            me, each, [s for s in signatures if s.schedule_id == each.id], hours.get(each.id)
        )
        for each in schedules
        if not policy.kept_back(each, me, my_space, now)
    ]


@router.post(
    "",
    status_code=201,
    summary="Make a schedule",
    responses=documented(
        NotPaired, PartnerTakesSpace, UnknownPack, TooManySchedules, IdempotencyKeyReused
    ),
)
async def make(body: ScheduleWrite, me: MeWriting, db: Db, now: Now, once: Once) -> SchedulePublic:
    """Signed by me, with an hour of my own. For both, it waits for my partner's signature;
    accepted does not mean that they are told.
    """
    chosen(body.pack, for_both=body.for_both)
    if (await db.exec(MADE, params=me.scope)).one() >= MOST_SCHEDULES:
        raise TooManySchedules
    schedule = Schedule.of(me, body, now)
    if body.for_both:
        await knock(paired(me), Approach(), db, now)
    db.add(schedule)
    await db.flush()
    hour = await sign(schedule, body, me, db, now)
    await propose(schedule, me, db, now)
    return await once.keep(await seen(schedule, hour, me, db), schedule.couple_id)


@router.put(
    "/{schedule_id}",
    summary="Propose other terms",
    responses=documented(NotFound, NotPaired, PartnerTakesSpace, UnknownPack),
)
async def change(
    schedule_id: UUID, body: TermsWrite, me: MeWriting, db: Db, now: Now
) -> SchedulePublic:
    """A new version, signed by me. For both, nothing is in force until my partner signs it too.
    The same terms again are the same version: I sign it, or move my hour.
    """
    schedule = await load(schedule_id, me, db)
    chosen(body.pack, for_both=schedule.couple_id is not None)
    if schedule.couple_id:
        await knock(paired(me), Approach(), db, now)
    if not policy.same_terms(schedule, body):
        schedule.propose(me, body, now)
        await propose(schedule, me, db, now)
    hour = await sign(schedule, body, me, db, now)
    return await seen(schedule, hour, me, db)


@router.put(
    "/{schedule_id}/signature",
    summary="Sign, or move my hour",
    responses=documented(NotFound, OtherVersion),
)
async def agree(
    schedule_id: UUID, body: SignatureWrite, me: MeWriting, db: Db, now: Now
) -> SchedulePublic:
    """The version that I was shown, with an hour of my own, which my partner never sees. On a day
    whose hour I pass over by this, the schedule opens nothing for me.
    """
    schedule = await load(schedule_id, me, db)
    if body.version != schedule.version:
        raise OtherVersion
    hour = await sign(schedule, body, me, db, now)
    return await seen(schedule, hour, me, db)


@router.delete(
    "/{schedule_id}/signature",
    status_code=204,
    summary="Withdraw",
    responses=documented(NotFound),
)
async def withdraw(schedule_id: UUID, me: MeWriting, db: Db) -> None:
    """Alone and at once: from now on it opens nothing. Signed by nobody, it is gone; else it waits
    for my signature again. To withdraw from what I have not signed changes nothing.
    """
    schedule = await load(schedule_id, me, db)
    await take_back(schedule, me, db)


@router.put(
    "/{schedule_id}/declined",
    status_code=204,
    summary="Decline",
    responses=documented(NotFound, OtherVersion),
)
async def decline(schedule_id: UUID, body: VersionWrite, me: MeWriting, db: Db) -> None:
    """I see no more of this version, and whoever proposed it sees no difference from my leaving it.
    Other terms are shown again. Signed by me, it is withdrawn from first.
    """
    schedule = await load(schedule_id, me, db)
    if body.version != schedule.version:
        raise OtherVersion
    if await take_back(schedule, me, db):
        await db.merge(Declined.by(me, schedule))
        await outbox.no_longer_waits(db, me.id, schedule.id, Kind.SCHEDULE_PROPOSED)
