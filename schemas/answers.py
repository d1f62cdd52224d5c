"""Answers, as stored, as sent and as shown."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    StrictInt,
    StrictStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from sqlalchemy import CheckConstraint, String, Uuid, bindparam, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel, col, column, select

from schemas.base import Body
from schemas.checkins import Checkin, CheckinPublic
from schemas.pairing import Person
from schemas.questionnaires import Name, QuestionPublic
from schemas.shapes import Mine, Reveal


class Answer(Mine, Reveal, table=True):
    """One person's answer to one question. A null value was skipped."""

    __table_args__ = (
        CheckConstraint("not released or value is not null", name="skipped_is_not_released"),
        CheckConstraint("not released or final", name="released_is_final"),
    )

    checkin_id: UUID = Field(primary_key=True, foreign_key="checkin.id", ondelete="CASCADE")
    account_id: UUID = Field(
        primary_key=True, index=True, foreign_key="account.id", ondelete="CASCADE"
    )
    question: str = Field(primary_key=True)
    value: Any | None = Field(sa_type=JSONB(none_as_null=True))
    answered_at: datetime

    @classmethod
    def to(cls, question: str, checkin: Checkin, me: Person, now: datetime) -> Self:
        """Skipped, until it is given a value."""
        return cls(
            checkin_id=checkin.id,
            account_id=me.id,
            question=question,
            value=None,
            released=False,
            final=False,
            answered_at=now,
        )

    def says(self, value: object, now: datetime) -> bool:
        """Put these words in, unless others are final."""
        if self.final and self.value != value:
            return False
        self.value, self.answered_at = value, now
        return True


def named_once(value: object, read: ValidatorFunctionWrapHandler) -> object:
    """By itself a union names a place for each kind of value that it knows, none of them real."""
    try:
        return read(value)
    except ValidationError:
        msg = "must be a whole number, a text or a list of option ids"
        raise ValueError(msg) from None


# Wide enough for every kind of question; the pack says which of them fits.
Value = Annotated[
    Annotated[StrictInt, Field(ge=-1000, le=1000)]
    | Annotated[StrictStr, Field(max_length=4000)]
    | Annotated[list[Annotated[StrictStr, Field(max_length=40)]], Field(max_length=40)],
    WrapValidator(named_once),
]


class AnswerWrite(Body):
    """Answer one question, or skip it."""

    question: Name
    value: Value | None = Field(description="Null skips the question.")


def each_question_once(answers: list[Any]) -> list[Any]:
    if len({answer.question for answer in answers}) < len(answers):
        msg = "must not answer a question twice"
        raise ValueError(msg)
    return answers


class AnswersWrite(Body):
    """Answer some questions, or all."""

    answers: Annotated[
        list[AnswerWrite], Field(min_length=1, max_length=40), AfterValidator(each_question_once)
    ]


class ReleaseWrite(Body):
    """Choose which of my answers my partner may read, once they have released the same."""

    questions: list[Name] = Field(min_length=1, max_length=40)


class AnswerMine(SQLModel):
    """What I answered, for my own eyes."""

    value: Value | None = Field(description="Null: skipped.")
    released: bool
    final: bool = Field(description="Was it ever released? Then its words stay as they are.")


class QuestionAsked(SQLModel):
    """One question, my answer, and my partner's if both of us have released it."""

    question: QuestionPublic
    mine: AnswerMine | None = Field(description="Null: not answered.")
    partner: Value | None = Field(description="Null for every other reason there may be.")


class CheckinAnswers(CheckinPublic):
    """A check-in with its questions."""

    title: str
    questions: list[QuestionAsked]


ANSWERS = select(Answer).where(
    col(Answer.checkin_id) == bindparam("id"), col(Answer.account_id) == bindparam("me")
)
_revealed = func.revealed_answers(bindparam("checkin", type_=Uuid), bindparam("now")).table_valued(
    column("question", String), column("value", JSONB)
)
# The one way to my partner's answers. See migrations/versions/0010_answers.py.
REVEALED = select(_revealed.c.question, _revealed.c.value)
