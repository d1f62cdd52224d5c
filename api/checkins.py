"""Check-ins: questions that each answers alone. Shape: reveal; the answers are told there.

A check-in is for me alone or for both of us. For both, it is there for both, whoever began it
and whatever either does with it: that it was answered stands nowhere but in `answers`.
"""

from api.areas import area
from api.deps import Db, Me, MeWriting, Now, paired
from api.door import PartnerTakesSpace, knock
from api.errors import NotPaired, NotSignedIn, documented
from api.idempotency import IdempotencyKeyReused, Once
from api.pack import UnknownPack, chosen
from notifications import outbox
from schemas.checkin_pages import (
    CHECKINS,
    FIRST_PAGE,
    After,
    CheckinPage,
    Cursor,
)
from schemas.checkins import SAME_CHECKIN, Checkin, CheckinPublic, CheckinWrite
from schemas.door import Approach
from schemas.nudges import Kind
from schemas.paging import paged

router = area("/checkins", NotSignedIn)


@router.get("", summary="List check-ins")
async def read_checkins(me: Me, db: Db, now: Now, after: After | None = None) -> CheckinPage:
    """Newest day first: mine, those of the two of us, and former ones in which I answered. What
    my partner began during the space that I am in is left out until it is over.
    """
    end = Cursor.read(after) if after else FIRST_PAGE
    page = me.scope | end._asdict() | {"now": now}
    rows, more = paged((await db.exec(CHECKINS, params=page)).all(), Cursor.of)
    return CheckinPage(checkins=[row.public() for row in rows], next=more)


@router.post(
    "",
    status_code=201,
    summary="Begin a check-in",
    responses=documented(NotPaired, PartnerTakesSpace, UnknownPack, IdempotencyKeyReused),
)
async def begin(body: CheckinWrite, me: MeWriting, db: Db, now: Now, once: Once) -> CheckinPublic:
    """For me alone or for both. One a day of each questionnaire: begun again, by either, it is the
    same. Accepted for both does not mean that my partner is told.
    """
    pack = chosen(body.pack, for_both=body.for_both)
    if body.for_both:
        await knock(paired(me), Approach(), db, now)
    checkin = Checkin.of(me, pack, now, for_both=body.for_both)
    same = {"pack": pack.id, "date": checkin.date}
    whose = {"owner": checkin.account_id, "couple": checkin.couple_id}
    if known := (await db.exec(SAME_CHECKIN, params=same | whose)).one_or_none():
        known.begun_again(me)
        return await once.keep(known.public(), known.couple_id)
    db.add(checkin)
    await db.flush()
    if me.partner_id and body.for_both:
        about = checkin.id
        await outbox.tell(db, me.partner_id, me.couple_id, Kind.CHECKIN_OPENED, now, about)
    return await once.keep(checkin.public(), checkin.couple_id)
