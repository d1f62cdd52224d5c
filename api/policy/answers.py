"""What is asked of whom, and how answers look to one of the two."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from schemas.answers import (
    AnswersWrite,
    CheckinAnswers,
    QuestionAsked,
    ReleaseWrite,
    Said,
)
from schemas.boundaries import Boundaries, boundaries_of
from schemas.checkins import Sitting
from schemas.consents import Purpose, allowed
from schemas.pairing import Member, Person
from schemas.questionnaires import PACKS, Pack, Topic
from schemas.sheets import Revealed, SheetRows

Wrong = list[tuple[tuple[str | int, ...], str]]  # where in the body, and why


@dataclass(frozen=True, slots=True)
class Sheet:
    """One check-in as it lies before one of the two."""

    checkin: Sitting
    mine: dict[str, Said]  # by question
    revealed: Sequence[Revealed]  # of my partner's
    consents: Collection[Purpose]
    closed: Collection[Topic]

    @classmethod
    def of(cls, rows: SheetRows, me: Person, now: datetime) -> Self:
        """Of what was read for them."""
        [checkin] = rows.sittings
        consents = allowed(rows.consents, me.couple_id, now)
        return cls(
            checkin=checkin,
            mine={each.question: each for each in rows.answers},
            revealed=rows.revealed,
            consents=consents,
            closed=topics_closed(boundaries_of(rows.boundaries), consents),
        )

    def words_for(self, us: Member) -> dict[str, Any]:
        """What my partner said, by question."""
        return {each.question: each.read(us, self.checkin.id) for each in self.revealed}

    def takes(self, body: AnswersWrite, me: Person, us: Member | None, now: datetime) -> bool:
        """Put these answers in, released for `us` where that is said, unless others are final."""
        for each in body.answers:
            new = Said.to(each.question, self.checkin, me, now)
            said = self.mine.setdefault(each.question, new)
            if not said.says(each.value, me.key, now):
                return False
            if each.release and us:
                said.release(us)
        return True

    @property
    def pack(self) -> Pack:
        """What is asked in it."""
        return PACKS[self.checkin.pack, self.checkin.version]


def topics_closed(boundaries: Boundaries, consents: Collection[Purpose]) -> set[Topic]:
    """What I am not asked about: intimacy without a yes to it, and what I have put off limits."""
    off_limits = boundaries.off_limit_topics
    closed = set(off_limits.topics) if off_limits else set()
    return closed if Purpose.INTIMACY in consents else closed | {Topic.INTIMACY}


def refused_answers(body: AnswersWrite, sheet: Sheet) -> Wrong:
    """Which of these answers do not fit. A closed topic is not asked."""
    found: Wrong = []
    for place, answer in enumerate(body.answers):
        question = sheet.pack.question(answer.question)
        if question is None or question.topic in sheet.closed:
            found.append((("answers", place, "question"), "This is not asked here."))
        elif answer.value is not None and (why := question.refuses(answer.value)):
            found.append((("answers", place, "value"), why))
        elif answer.value is None and answer.release:
            found.append((("answers", place, "release"), "Answer it first."))
    return found


def not_to_release(body: ReleaseWrite, sheet: Sheet) -> Wrong:
    """Which of these cannot be released: there is nothing to be read, or I closed its topic, and
    would be shown nothing for it.
    """
    answered = {question for question, answer in sheet.mine.items() if answer.sealed is not None}
    closed = {each.id for each in sheet.pack.questions if each.topic in sheet.closed}
    found: Wrong = []
    for place, each in enumerate(body.questions):
        if each not in answered:
            found.append((("questions", place), "Answer it first."))
        elif each in closed:
            found.append((("questions", place), "This is not asked here."))
    return found


def shown_to(me: Person, sheet: Sheet) -> CheckinAnswers:
    """All that I am asked or have answered. What is not revealed is null, for whatever reason; so
    is what my partner said of a topic that I closed.
    """
    shown = sheet.pack.shown_in[me.locale]
    theirs = sheet.words_for(us) if (us := me.member) else {}
    asked = [
        QuestionAsked(
            question=question,
            mine=sheet.mine[question.id].public(me.key) if question.id in sheet.mine else None,
            partner=None if question.topic in sheet.closed else theirs.get(question.id),
        )
        for question in shown.questions
        if question.topic not in sheet.closed or question.id in sheet.mine
    ]
    checkin = dict(sheet.checkin.public())
    return CheckinAnswers(**checkin, title=shown.title, questions=asked)
