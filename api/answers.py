"""Answers: what each says alone, and both may read. Shape: reveal.

I answer all, some or none, and choose for each answer whether my partner may read it. They read
it once they have answered and released the same one, and I read theirs at the same moment. Until
then nothing here differs by what the other did: never answered, skipped, not released and not
allowed all look alike. What was released once keeps its words.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NoReturn
from uuid import UUID

from fastapi.exceptions import RequestValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from api.areas import area
from api.deps import Db, Me, MeWriting, Now
from api.errors import NotFound, NotSignedIn, Refusal, documented
from api.policy import answers as policy
from notifications import outbox
from schemas.answers import (
    ANSWERS,
    REVEALED,
    Answer,
    AnswersWrite,
    CheckinAnswers,
    ReleaseWrite,
    opened,
)
from schemas.boundaries import BOUNDARIES, boundaries_of
from schemas.checkins import CHECKIN, Checkin
from schemas.consents import CONSENTS, Purpose, allowed
from schemas.nudges import Kind
from schemas.pairing import Person
from schemas.questionnaires import PACKS, Name, Topic

router = area("/checkins/{checkin_id}/answers", NotSignedIn, NotFound)


class CheckinClosed(Refusal):
    type = "/problems/checkin-closed"
    status = 409
    detail = "This check-in takes no more answers."


class CheckinsNotAllowed(Refusal):
    type = "/problems/checkins-not-allowed"
    status = 409
    detail = "You have not allowed Twofold to keep your answers (consent `checkins`)."


class SharingNotAllowed(Refusal):
    type = "/problems/sharing-not-allowed"
    status = 409
    detail = "You have not allowed your partner to read what you release (consent `sharing`)."


class AnswerFinal(Refusal):
    type = "/problems/answer-final"
    status = 409
    detail = "What was released once keeps its words."


class AlreadyRevealed(Refusal):
    type = "/problems/already-revealed"
    status = 409
    detail = "Both of you have released this answer. It cannot be taken back."


@router.get("", summary="Read a check-in")
async def read_checkin(checkin_id: UUID, me: Me, db: Db, now: Now) -> CheckinAnswers:
    """Its questions, my answers, and my partner's where both of us have released them."""
    checkin = await load(checkin_id, me, db)
    mine, partners = await answers(checkin, me, db), await revealed(checkin, me, db, now)
    closed = await closed_topics(me, await my_consents(me, db, now), db)
    return policy.shown_to(me, checkin, mine, partners, closed)


async def load(checkin_id: UUID, me: Person, db: AsyncSession) -> Checkin:
    checkin = (await db.exec(CHECKIN, params=me.scope | {"id": checkin_id})).one_or_none()
    if checkin is None:
        raise NotFound
    return checkin


async def answers(checkin: Checkin, me: Person, db: AsyncSession) -> dict[str, Answer]:
    rows = await db.exec(ANSWERS, params=me.scope | {"id": checkin.id})
    return {row.question: row for row in rows}


async def revealed(
    checkin: Checkin, me: Person, db: AsyncSession, now: datetime
) -> dict[str, object]:
    if (us := me.member) is None or checkin.couple_id != us.couple_id:
        return {}
    rows = await db.exec(REVEALED, params={"checkin": checkin.id, "now": now})
    return {question: opened(us, checkin.id, question, shared) for question, shared in rows}


async def my_consents(me: Person, db: AsyncSession, now: datetime) -> set[Purpose]:
    return allowed((await db.exec(CONSENTS, params=me.scope)).all(), me.couple_id, now)


async def closed_topics(me: Person, consents: set[Purpose], db: AsyncSession) -> set[Topic]:
    rows = await db.exec(BOUNDARIES, params=me.scope | {"partner": None})
    return policy.topics_closed(boundaries_of(rows), consents)


@router.put(
    "",
    summary="Answer",
    responses=documented(CheckinClosed, CheckinsNotAllowed, AnswerFinal),
)
async def answer(
    checkin_id: UUID, body: AnswersWrite, me: MeWriting, db: Db, now: Now
) -> CheckinAnswers:
    """Some questions or all; null skips one. Nothing of it is shown to anybody by answering."""
    checkin = await load(checkin_id, me, db)
    if not checkin.open_to(me, now):
        raise CheckinClosed
    if Purpose.CHECKINS not in (consents := await my_consents(me, db, now)):
        raise CheckinsNotAllowed
    closed = await closed_topics(me, consents, db)
    if wrong := policy.refused_answers(body, PACKS[checkin.pack, checkin.version], closed):
        raise_invalid(wrong)
    mine = await answers(checkin, me, db)
    for each in body.answers:
        row = mine.get(each.question) or Answer.to(each.question, checkin, me, now)
        if not row.says(each.value, me.key, now):
            raise AnswerFinal
        mine[each.question] = row
    await store([mine[each.question] for each in body.answers], db)
    await outbox.checkin_answered(db, me.id, checkin.id)
    return policy.shown_to(me, checkin, mine, await revealed(checkin, me, db, now), closed)


async def store(rows: Iterable[Answer], db: AsyncSession) -> None:
    """All at once, however many there are and whatever of them has changed."""
    for row in rows:
        row.rewrite()
        db.add(row)
    await db.flush()


@router.post(
    "/released",
    summary="Release answers",
    responses=documented(CheckinClosed, SharingNotAllowed),
)
async def release(
    checkin_id: UUID, body: ReleaseWrite, me: MeWriting, db: Db, now: Now
) -> CheckinAnswers:
    """My partner reads these once they have released the same; so do I theirs. Until then this
    answers alike, whatever they have done.
    """
    checkin = await load(checkin_id, me, db)
    if (us := me.member) is None or checkin.couple_id != us.couple_id:
        raise CheckinClosed
    if Purpose.SHARING not in (consents := await my_consents(me, db, now)):
        raise SharingNotAllowed
    mine, before = await answers(checkin, me, db), await revealed(checkin, me, db, now)
    if wrong := policy.not_to_release(body, mine):
        raise_invalid(wrong)
    for question in body.questions:
        mine[question].release(us)
    await store([mine[question] for question in body.questions], db)
    partners = await revealed(checkin, me, db, now)
    if set(before) < set(partners):
        await outbox.tell(db, us.partner_id, us.couple_id, Kind.REVEAL, now, checkin.id)
    closed = await closed_topics(me, consents, db)
    return policy.shown_to(me, checkin, mine, partners, closed)


def raise_invalid(wrong: policy.Wrong) -> NoReturn:
    raise RequestValidationError([{"loc": ("body", *place), "msg": why} for place, why in wrong])


@router.delete(
    "/released/{question}",
    status_code=204,
    summary="Take a release back",
    responses=documented(AlreadyRevealed),
)
async def withdraw_release(
    checkin_id: UUID, question: Name, me: MeWriting, db: Db, now: Now
) -> None:
    """Until my partner has released the same. Not released, it changes nothing."""
    checkin = await load(checkin_id, me, db)
    if question in await revealed(checkin, me, db, now):
        raise AlreadyRevealed
    row = (await answers(checkin, me, db)).get(question)
    if row:
        row.take_back()
