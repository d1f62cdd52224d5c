"""Questions: what may be asked, and what answers it.

Any question may be left out, so none is marked as required. Each kind knows what answers it:
`refuses` gives nothing for an answer, and for anything else a sentence that never repeats it.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializationInfo,
    model_serializer,
    model_validator,
)

from schemas.base import UNSTORABLE, Locale

Name = Annotated[str, Field(pattern="^[a-z][a-z_]{0,39}$")]
Wording = Annotated[str, Field(min_length=1, max_length=300)]


class Topic(StrEnum):
    """What a question is about; anybody may put a topic off limits for themselves."""

    CONNECTION = "connection"
    LISTENING = "listening"
    PRESSURE = "pressure"
    SPACE = "space"
    TRUST = "trust"
    APPRECIATION = "appreciation"
    REQUESTS = "requests"
    DAILY_LIFE = "daily_life"
    CONFLICT = "conflict"
    FAMILY = "family"
    MONEY = "money"
    INTIMACY = "intimacy"
    PAST = "past"
    FUTURE = "future"
    SELF_CARE = "self_care"


class Written(BaseModel):
    """What stands in a file: a field that nobody reads is its author's mistake, and refused."""

    # Not as class keywords: mypy then wants `frozen` repeated on every class below.
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(Written):
    """One text in every language; one that is added later is optional, as old texts stay."""

    en: Wording
    pt: Wording

    @model_serializer
    def shown(self, info: SerializationInfo[Locale]) -> str:
        """In the one language that whoever dumps it names as the context."""
        return {Locale.EN: self.en, Locale.PT: self.pt}[info.context]


class Named(BaseModel):
    """Kept with an answer, so what it names must be found again."""

    id: Name


NamedOnce = TypeVar("NamedOnce", bound=Named)


def distinct(items: tuple[NamedOnce, ...]) -> tuple[NamedOnce, ...]:
    if len({item.id for item in items}) < len(items):
        msg = "two have the same id"
        raise ValueError(msg)
    return items


class QuestionFields(Named):
    """What all questions share, in every form."""

    topic: Topic


class ScaleFields(QuestionFields):
    kind: Literal["scale"]
    min: int = Field(ge=0, le=10)
    max: int = Field(ge=0, le=10)


class ScaleQuestion(ScaleFields, Written):
    """Answered with a whole number."""

    text: Words
    min_label: Words
    max_label: Words

    @model_validator(mode="after")
    def has_room(self) -> Self:
        if self.min < self.max:
            return self
        msg = "min must be below max"
        raise ValueError(msg)

    def refuses(self, value: object) -> str | None:
        # The exact type, as True is an int too.
        if type(value) is int and self.min <= value <= self.max:
            return None
        return f"Answer with a whole number from {self.min} to {self.max}."


class Option(Named, Written):
    """One of several possible answers."""

    text: Words


Options = Annotated[
    tuple[Option, ...], Field(min_length=2, max_length=12), AfterValidator(distinct)
]


class ChoiceFields(QuestionFields):
    kind: Literal["choice"]


class ChoiceQuestion(ChoiceFields, Written):
    """Answered with the id of one option."""

    text: Words
    options: Options

    def refuses(self, value: object) -> str | None:
        if value in [option.id for option in self.options]:
            return None
        return "Answer with the id of one of the options."


class ChoicesFields(QuestionFields):
    kind: Literal["choices"]
    most: int = Field(ge=1, le=12, description="How many options at most.")


class ChoicesQuestion(ChoicesFields, Written):
    """Answered with the ids of several options, in any order."""

    text: Words
    options: Options

    @model_validator(mode="after")
    def offers_enough(self) -> Self:
        if self.most <= len(self.options):
            return self
        msg = "most must not be above the number of options"
        raise ValueError(msg)

    def refuses(self, value: object) -> str | None:
        if isinstance(value, list) and 0 < len(value) <= self.most and self.has_each_once(value):
            return None
        return f"Answer with a list of different option ids, at least 1 and at most {self.most}."

    def has_each_once(self, ids: list[object]) -> bool:
        # By their places: what is no option may be of any type, and not fit into a set.
        offered = [option.id for option in self.options]
        return all(each in offered and each not in ids[:place] for place, each in enumerate(ids))


class TextFields(QuestionFields):
    kind: Literal["text"]
    max_length: int = Field(ge=1, le=4000, description="In Unicode code points.")


class TextQuestion(TextFields, Written):
    """Answered in one's own words."""

    text: Words

    def refuses(self, value: object) -> str | None:
        if isinstance(value, str) and len(value) <= self.max_length and is_text(value):
            return None
        return f"Answer with a text of at most {self.max_length} characters, not blank."


def is_text(value: str) -> bool:
    return value.strip() != "" and UNSTORABLE.search(value) is None


Question = Annotated[
    ScaleQuestion | ChoiceQuestion | ChoicesQuestion | TextQuestion, Field(discriminator="kind")
]
