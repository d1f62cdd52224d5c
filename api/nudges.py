"""Nudges: what waits for me, and gentle phrases for my partner. Shape: offer.

Whatever a push announces waits here, so a lost push loses nothing. A phrase is one of a fixed
list; it goes through my partner's door, and all that I ever learn is that I sent it. What came
for me while I took space stays behind my door until I look or discard it.
"""

from datetime import timedelta
from uuid import UUID

from api import door
from api.areas import area
from api.deps import Comes, Db, Me, MeWriting, Now, Reader, Writer
from api.errors import NotFound, NotPaired, NotSignedIn, Refusal, documented
from api.idempotency import IdempotencyKeyReused, Once
from api.policy import nudges as policy
from api.waiting import waiting
from notifications import outbox
from schemas.boundaries import MOST_CONTACTS
from schemas.door import Approach
from schemas.nudges import DISCARD, LOOK_AT, Kind, Nudge, NudgesPublic
from schemas.opening import within_opening
from schemas.partner_nudges import (
    SENT,
    SENT_SINCE,
    PartnerNudge,
    PartnerNudgePublic,
    PartnerNudgeWrite,
    PhrasePublic,
)
from schemas.phrases import PHRASES
from schemas.short import Short
from schemas.waiting import WAITS, WaitingRows

router = area("/nudges", NotSignedIn)

READ_WAITING = Short(within_opening(WAITS))


class EnoughForToday(Refusal):
    type = "/problems/enough-for-today"
    status = 409
    detail = "Twenty nudges a day are the most there are."


@router.get("", summary="See what waits for me")
async def read_nudges(comes: Comes, now: Now) -> NudgesPublic:
    """What reached me through my own door, by the day. What came while I took space is only
    said to be there; what my boundaries turn away now is not listed while they do.
    """
    me, [found] = await comes.read(READ_WAITING)
    return policy.shown_of(me, WaitingRows.model_validate_json(found), now)


@router.post("/behind-the-door/look", summary="Look at what waits behind my door")
async def look(me: MeWriting, db: Db, now: Now) -> NudgesPublic:
    """What came while I took space is listed from now on. Nobody is told that I looked."""
    rows = await waiting(me, db, now)
    held = policy.behind_the_door(me, rows)
    for nudge in held:
        nudge.looked = True
    await db.exec(LOOK_AT, params={"ids": [nudge.id for nudge in held]})
    return policy.shown_of(me, rows, now)


@router.delete("/behind-the-door", status_code=204, summary="Discard what waits behind my door")
async def discard(me: MeWriting, db: Db, now: Now) -> None:
    """Unseen, and nobody is told."""
    held = policy.behind_the_door(me, await waiting(me, db, now))
    await db.exec(DISCARD, params={"ids": [nudge.id for nudge in held]})


@router.get("/phrases", summary="List the phrases")
async def read_phrases(me: Me) -> list[PhrasePublic]:
    """All that one partner can send the other, in my language. None asks for an answer."""
    return [
        PhrasePublic(
            id=phrase_id, kind=phrase.kind, topic=phrase.topic, text=phrase.text[me.locale]
        )
        for phrase_id, phrase in PHRASES.items()
    ]


@router.get("/sent", summary="See what I sent", responses=documented(NotPaired))
async def read_sent(me: Reader, db: Db) -> list[PartnerNudgePublic]:
    """The last hundred, by the day. That something was sent says nothing of what became of it."""
    return [row.public() for row in await db.exec(SENT, params=me.scope)]


@router.post(
    "/sent",
    status_code=202,
    summary="Send my partner a phrase",
    responses=documented(NotPaired, EnoughForToday, IdempotencyKeyReused, *door.REFUSALS.values()),
)
async def send(
    body: PartnerNudgeWrite, me: Writer, db: Db, now: Now, once: Once
) -> PartnerNudgePublic:
    """Accepted, which does not mean delivered. What my partner shows turns it away in words."""
    await door.knock(me, Approach(PHRASES[body.phrase]), db, now)
    # Within a day of hours: by the calendar, a change of my time zone would begin a new one.
    since = me.scope | {"since": now - timedelta(days=1)}
    if (await db.exec(SENT_SINCE, params=since)).one() >= MOST_CONTACTS:
        raise EnoughForToday

    sent = PartnerNudge.of(me, body, now)
    db.add(sent)
    await db.flush()
    await outbox.tell(db, me.partner_id, me.couple_id, Kind.PARTNER_NUDGE, now, sent.id)
    return await once.keep(sent.public(), sent.couple_id)


@router.delete(
    "/{nudge_id}", status_code=204, summary="Dismiss a nudge", responses=documented(NotFound)
)
async def dismiss(nudge_id: UUID, me: MeWriting, db: Db) -> None:
    """Gone for me; nobody is told, and whoever sent it sees no difference."""
    nudge = await db.get(Nudge, nudge_id)
    if nudge is None or nudge.account_id != me.id:
        raise NotFound
    await db.delete(nudge)
