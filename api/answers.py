"""Answers: what each says alone, and both may read. Shape: reveal.

I answer all, some or none, and choose for each answer whether my partner may read it. They read
it once they have answered and released the same one, and I read theirs at the same moment. Until
then nothing here differs by what the other did: never answered, skipped, not released and not
allowed all look alike. What was released once keeps its words.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Any, NoReturn
from uuid import UUID

from fastapi.exceptions import RequestValidationError

from api.areas import area
from api.deps import Comes
from api.errors import NotFound, NotSignedIn, Refusal, documented
from api.policy import answers as policy
from api.policy.answers import Sheet
from notifications import outbox
from schemas.answers import AnswersWrite, CheckinAnswers, ReleaseWrite, Said
from schemas.bulk import arrays
from schemas.consents import Purpose
from schemas.database import Writing
from schemas.nudges import Kind
from schemas.opening import within_opening
from schemas.pairing import Member, Person
from schemas.questionnaires import Name
from schemas.sheets import MY_SHEET, PUT, REVEAL, SHARE, SHEET, RevealedRows, SheetRows
from schemas.short import Short
from schemas.talk import Row

router = area("/checkins/{checkin_id}/answers", NotSignedIn, NotFound)

READ_SHEET, READ_MINE = Short(within_opening(SHEET)), Short(within_opening(MY_SHEET))
WRITE, WRITE_SHARED, READ_REVEALED = Short(PUT), Short(SHARE), Short(REVEAL)


class CheckinClosed(Refusal):
    type = "/problems/checkin-closed"
    status = 409
    detail = "This check-in takes no more answers."


class MineAlone(Refusal):
    type = "/problems/mine-alone"
    status = 409
    detail = "This check-in is yours alone: there is nobody to release it to."


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
async def read_checkin(checkin_id: UUID, comes: Comes) -> CheckinAnswers:
    """Its questions, my answers, and my partner's where both of us have released them."""
    me, row = await comes.read(READ_SHEET, id=checkin_id)
    return policy.shown_to(me, sheet_of(row, me, comes.now))


def sheet_of(row: Row, me: Person, now: datetime) -> Sheet:
    [found] = row
    rows = SheetRows.model_validate_json(found)
    if not rows.sittings:
        raise NotFound
    return Sheet.of(rows, me, now)


def in_order(said: Iterable[Said]) -> dict[str, list[Any]]:
    """The same for whoever writes them: two phones of mine wait for each other at most once."""
    return arrays(each.model_dump() for each in sorted(said, key=attrgetter("question")))


@router.put(
    "",
    summary="Answer",
    responses=documented(
        CheckinClosed, CheckinsNotAllowed, AnswerFinal, MineAlone, SharingNotAllowed
    ),
)
async def answer(checkin_id: UUID, body: AnswersWrite, comes: Comes) -> CheckinAnswers:
    """Some questions or all; null skips one. Nothing of it is shown to anybody by answering: which
    of these my partner may read, I say with each (`release`) or later. What I answered before I
    closed its topic is still shown to me, and takes no new answer.
    """
    now = comes.now
    async with comes.writing(READ_MINE, id=checkin_id) as (db, me, row):
        sheet = sheet_of(row, me, now)
        may_answer(body, sheet, me, now)
        us = sharing(sheet, me) if body.released else None
        if not sheet.takes(body, me, us, now):
            raise AnswerFinal
        await WRITE.do(db, **in_order(sheet.mine[each.question] for each in body.answers))
        waiting = (Kind.CHECKIN_REMINDER, Kind.CHECKIN_OPENED)
        await outbox.no_longer_waits(db, me.id, checkin_id, *waiting)
        sheet = await revealed(sheet, db, now)
    return policy.shown_to(me, sheet)


def may_answer(body: AnswersWrite, sheet: Sheet, me: Person, now: datetime) -> None:
    if not sheet.checkin.open_to(me, now):
        raise CheckinClosed
    if Purpose.CHECKINS not in sheet.consents:
        raise CheckinsNotAllowed
    if wrong := policy.refused_answers(body, sheet):
        raise_invalid(wrong)


@router.post(
    "/released",
    summary="Release answers",
    responses=documented(MineAlone, CheckinClosed, SharingNotAllowed),
)
async def release(checkin_id: UUID, body: ReleaseWrite, comes: Comes) -> CheckinAnswers:
    """My partner reads these once they have released the same; so do I theirs. Until then this
    answers alike, whatever they have done. All of them or, where one has no answer yet or is of a
    topic that I closed, none.
    """
    async with comes.writing(READ_MINE, id=checkin_id) as (db, me, row):
        sheet = sheet_of(row, me, comes.now)
        us = sharing(sheet, me)
        if wrong := policy.not_to_release(body, sheet):
            raise_invalid(wrong)
        released = [sheet.mine[question] for question in body.questions]
        for each in released:
            each.release(us)
        await WRITE_SHARED.do(db, **in_order(released))
        sheet = await revealed(sheet, db, comes.now)
    return policy.shown_to(me, sheet)


def sharing(sheet: Sheet, me: Person) -> Member:
    """Who shares, with the partner with whom this check-in is shared."""
    if sheet.checkin.account_id:
        raise MineAlone
    if (us := me.member) is None or sheet.checkin.couple_id != us.couple_id:
        raise CheckinClosed
    if Purpose.SHARING not in sheet.consents:
        raise SharingNotAllowed
    return us


async def revealed(sheet: Sheet, db: Writing, now: datetime) -> Sheet:
    """What both have released by now binds both and may be read, and my partner is told where there
    is more of it. With that, all is kept.
    """
    [found] = await READ_REVEALED.last(db, id=sheet.checkin.id, **outbox.nudged(now))
    return replace(sheet, revealed=RevealedRows.model_validate_json(found).revealed)


def raise_invalid(wrong: policy.Wrong) -> NoReturn:
    raise RequestValidationError([{"loc": ("body", *place), "msg": why} for place, why in wrong])


@router.delete(
    "/released/{question}",
    status_code=204,
    summary="Take a release back",
    responses=documented(AlreadyRevealed),
)
async def withdraw_release(checkin_id: UUID, question: Name, comes: Comes) -> None:
    """Until both of us have released it. Not released, it changes nothing."""
    async with comes.writing(READ_MINE, id=checkin_id) as (db, me, row):
        if said := sheet_of(row, me, comes.now).mine.get(question):
            if said.revealed:
                raise AlreadyRevealed
            said.take_back()
            await WRITE_SHARED.do(db, **in_order([said]))
