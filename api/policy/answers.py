"""What is asked of whom, and how answers look to one of the two."""

from collections.abc import Mapping
from typing import Any

from schemas.answers import (
    Answer,
    AnswersWrite,
    CheckinAnswers,
    QuestionAsked,
    ReleaseWrite,
)
from schemas.boundaries import Boundaries
from schemas.checkins import Checkin
from schemas.consents import Purpose
from schemas.pairing import Person
from schemas.questionnaires import PACKS, Pack, Topic

Wrong = list[tuple[tuple[str | int, ...], str]]  # where in the body, and why


def topics_closed(boundaries: Boundaries, consents: set[Purpose]) -> set[Topic]:
    """What I am not asked about: intimacy without a yes to it, and what I have put off limits."""
    off_limits = boundaries.off_limit_topics
    closed = set(off_limits.topics) if off_limits else set()
    return closed if Purpose.INTIMACY in consents else closed | {Topic.INTIMACY}


def refused_answers(body: AnswersWrite, pack: Pack, closed: set[Topic]) -> Wrong:
    """Which of these answers do not fit. A closed topic is not asked."""
    found: Wrong = []
    for place, answer in enumerate(body.answers):
        question = pack.question(answer.question)
        if question is None or question.topic in closed:
            found.append((("answers", place, "question"), "This is not asked here."))
        elif answer.value is not None and (why := question.refuses(answer.value)):
            found.append((("answers", place, "value"), why))
    return found


def not_to_release(body: ReleaseWrite, mine: Mapping[str, Answer]) -> Wrong:
    """Which of these cannot be released, since there is nothing to be read."""
    answered = {question for question, answer in mine.items() if answer.sealed is not None}
    why = "Answer it first."
    asked = enumerate(body.questions)
    return [(("questions", place), why) for place, each in asked if each not in answered]


def shown_to(
    me: Person,
    checkin: Checkin,
    mine: Mapping[str, Answer],
    partners: Mapping[str, Any],
    closed: set[Topic],
) -> CheckinAnswers:
    """All that I am asked or have answered. What is not revealed is null, for whatever reason."""
    shown = PACKS[checkin.pack, checkin.version].shown_in(me.locale)
    asked = [
        QuestionAsked(
            question=question,
            mine=mine[question.id].public(me.key) if question.id in mine else None,
            partner=partners.get(question.id),
        )
        for question in shown.questions
        if question.topic not in closed or question.id in mine
    ]
    return CheckinAnswers.model_validate(
        checkin.public(), update={"title": shown.title, "questions": asked}
    )
