"""Answers, as stored, as sent and as shown."""

import json
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from sqlalchemy import CheckConstraint
from sqlmodel import Field

from schemas.base import Body, Fact, without_a_fraction
from schemas.checkins import CheckinPublic, Sitting
from schemas.in_json import Octets
from schemas.pairing import Member, Person
from schemas.questionnaires import Name, QuestionPublic
from schemas.sealing import Place, seal, unseal
from schemas.shapes import Mine, Reveal


class Said(Fact):
    """What one person says to one question. What was skipped has no words.

    They are sealed for their author, and once more for the couple while they are released.
    """

    checkin_id: UUID
    account_id: UUID
    question: str
    sealed: Octets | None
    shared: Octets | None
    released: bool
    final: bool
    revealed: bool
    answered_at: datetime

    @classmethod
    def to(cls, question: str, checkin: Sitting, me: Person, now: datetime) -> Self:
        """Skipped, until it is given a value."""
        return cls(
            checkin_id=checkin.id,
            account_id=me.id,
            question=question,
            sealed=None,
            shared=None,
            released=False,
            final=False,
            revealed=False,
            answered_at=now,
        )

    @property
    def _mine(self) -> Place:
        return ("answer", "sealed", self.account_id, self.checkin_id, self.question)

    def read(self, key: bytes) -> Any | None:  # noqa: ANN401 - as its question is answered
        """What I said; null where I skipped it."""
        return json.loads(unseal(key, self.sealed, self._mine)) if self.sealed else None

    def says(self, value: object, key: bytes, now: datetime) -> bool:
        """Put these words in, unless others are final."""
        if self.final and self.read(key) != value:
            return False
        if not self.final:
            said = json.dumps(value).encode()
            self.sealed = None if value is None else seal(key, said, self._mine)
        self.answered_at = now
        return True

    def release(self, me: Member) -> None:
        """For the two of us from here on; its words are final."""
        said = unseal(me.key, self.sealed or b"", self._mine)
        place = shared_place(me.couple_id, self.checkin_id, me.id, self.question)
        self.shared = seal(me.couple_key, said, place)
        self.released = self.final = True

    def take_back(self) -> None:
        """Its words stay final, for its author alone."""
        self.released, self.shared = False, None

    def public(self, key: bytes) -> "AnswerMine":
        """What I answered, for my own eyes."""
        return AnswerMine(value=self.read(key), released=self.released, final=self.final)


class Answer(Said, Mine, Reveal, table=True):
    """As it is stored."""

    __table_args__ = (
        CheckConstraint("not released or sealed is not null", name="skipped_is_not_released"),
        CheckConstraint("released = (shared is not null)", name="released_is_shared"),
        CheckConstraint("not released or final", name="released_is_final"),
        CheckConstraint("not revealed or released", name="revealed_is_released"),
    )

    checkin_id: UUID = Field(primary_key=True, foreign_key="checkin.id", ondelete="CASCADE")
    account_id: UUID = Field(
        primary_key=True, index=True, foreign_key="account.id", ondelete="CASCADE"
    )
    question: str = Field(primary_key=True)


def shared_place(couple_id: UUID, checkin_id: UUID, author_id: UUID, question: str) -> Place:
    return ("answer", "shared", couple_id, checkin_id, author_id, question)


def named_once(value: object, read: ValidatorFunctionWrapHandler) -> object:
    """By itself a union names a place for each kind of value that it knows, none of them real."""
    try:
        return read(value)
    except ValidationError:
        msg = "must be a whole number, a text or a list of option ids"
        raise ValueError(msg) from None


# Wide enough for every kind of question; the pack says which of them fits. (Not `Whole`: within a
# union its limits would not be told in the contract.)
Value = Annotated[
    Annotated[StrictInt, Field(ge=-1000, le=1000), BeforeValidator(without_a_fraction)]
    | Annotated[StrictStr, Field(max_length=4000)]
    | Annotated[list[Annotated[StrictStr, Field(max_length=40)]], Field(max_length=40)],
    WrapValidator(named_once),
]


class AnswerWrite(Body):
    """Answer one question, or skip it."""

    question: Name
    value: Value | None = Field(description="Null skips the question.")
    release: StrictBool = Field(
        default=False,
        description="True: my partner may read it, once they have released the same. False leaves"
        " it as it is: not released, or released before.",
    )


def each_question_once(answers: list[Any]) -> list[Any]:
    if len({answer.question for answer in answers}) < len(answers):
        msg = "must not answer a question twice"
        raise ValueError(msg)
    return answers


class AnswersWrite(Body):
    """Answer some questions, or all, and choose which of these my partner may read."""

    answers: Annotated[
        list[AnswerWrite], Field(min_length=1, max_length=40), AfterValidator(each_question_once)
    ]

    @property
    def released(self) -> bool:
        """Is any of it for my partner to read?"""
        return any(each.release for each in self.answers)


class ReleaseWrite(Body):
    """Choose which of my answers my partner may read, once they have released the same."""

    questions: list[Name] = Field(min_length=1, max_length=40)


class AnswerMine(BaseModel):
    """What I answered, for my own eyes."""

    value: Value | None = Field(description="Null: skipped.")
    released: bool
    final: bool = Field(description="Was it ever released? Then its words stay as they are.")


class QuestionAsked(BaseModel):
    """One question, my answer, and my partner's if both of us have released it."""

    question: QuestionPublic
    mine: AnswerMine | None = Field(description="Null: not answered.")
    partner: Value | None = Field(description="Null for every other reason there may be.")


class CheckinAnswers(CheckinPublic):
    """A check-in with its questions."""

    title: str
    questions: list[QuestionAsked]
