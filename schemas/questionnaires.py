"""Questionnaires: packs of questions, as written, as loaded and as shown.

A pack is data: `packs/<id>.v<version>.yaml`, in every language at once. What somebody may have
answered never changes: `packs/published.txt` holds the digest of each version, in the order in
which packs are shown, and nothing starts unless files and digests agree. A change is a new
version. Published, once, in `schemas/packs`, by

    n=daily_pulse v=2; echo $n $v $(sha256sum <$n.v$v.yaml | cut -c-64) >>published.txt
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import yaml
from pydantic import AfterValidator, Field

from schemas.base import Locale
from schemas.questions import (
    ChoiceFields,
    ChoiceQuestion,
    ChoicesFields,
    ChoicesQuestion,
    Name,
    Named,
    Question,
    ScaleFields,
    ScaleQuestion,
    TextFields,
    TextQuestion,
    Topic,
    Words,
    Written,
    distinct,
)

# An area is imported from one place, also where it fills two files.
__all__ = [
    "PACKS",
    "Audience",
    "ChoiceQuestion",
    "ChoicesQuestion",
    "Name",
    "Pack",
    "PackNumber",
    "PackPublic",
    "Question",
    "QuestionPublic",
    "ScaleQuestion",
    "TextQuestion",
    "Topic",
]

PackNumber = Annotated[int, Field(ge=1, le=999)]


class Audience(StrEnum):
    """Both answer, and may reveal it to each other; or one answers, for oneself."""

    COUPLE = "couple"
    SELF = "self"


class PackFields(Named):
    """What both forms of a pack share."""

    version: PackNumber = Field(description="What is asked in one version never changes.")
    audience: Audience


class Pack(PackFields, Written):
    """One version of a questionnaire, as published."""

    title: Words
    about: Words
    questions: Annotated[
        tuple[Question, ...], Field(min_length=1, max_length=30), AfterValidator(distinct)
    ]

    def question(self, question_id: str) -> Question | None:
        return next((each for each in self.questions if each.id == question_id), None)

    @cached_property
    def shown_in(self) -> "Mapping[Locale, PackPublic]":
        """Each text in that one language, and nothing else left out."""
        return {each: PackPublic.model_validate(self.model_dump(context=each)) for each in Locale}


class ScaleQuestionPublic(ScaleFields):
    """A question that is answered with a whole number."""

    text: str
    min_label: str = Field(description="What the lowest number means.")
    max_label: str = Field(description="What the highest number means.")


class OptionPublic(Named):
    """One of several possible answers."""

    text: str


class ChoiceQuestionPublic(ChoiceFields):
    """A question that is answered with the id of one option."""

    text: str
    options: list[OptionPublic]


class ChoicesQuestionPublic(ChoicesFields):
    """A question that is answered with a list of different option ids, in any order."""

    text: str
    options: list[OptionPublic]


class TextQuestionPublic(TextFields):
    """A question that is answered in one's own words."""

    text: str


QuestionPublic = Annotated[
    ScaleQuestionPublic | ChoiceQuestionPublic | ChoicesQuestionPublic | TextQuestionPublic,
    Field(discriminator="kind"),
]


class PackPublic(PackFields):
    """One version of a questionnaire, in one language. Any question may be left out."""

    title: str
    about: str
    questions: list[QuestionPublic]


class PackRefused(Exception):
    """What somebody may have answered is not what was published."""


def load(folder: Path) -> dict[tuple[str, int], Pack]:
    """All that was published, as it was published, and nothing besides."""
    lines = (folder / "published.txt").read_text(encoding="utf-8").splitlines()
    packs = [load_pack(folder, *line.split()) for line in lines]
    drafts = {path.name for path in folder.glob("*.yaml")} - {file_name(pack) for pack in packs}
    if drafts:
        msg = f"not published: {', '.join(sorted(drafts))}"
        raise PackRefused(msg)
    return {(pack.id, pack.version): pack for pack in packs}


def load_pack(folder: Path, pack_id: str, version: str, digest: str) -> Pack:
    path = folder / f"{pack_id}.v{version}.yaml"
    if not path.exists():
        msg = f"published, and missing: {path.name}"
        raise PackRefused(msg)

    # Read as text: however a checkout ends its lines, they end in one way here.
    text = path.read_text(encoding="utf-8")
    if sha256(text.encode()).hexdigest() != digest:
        msg = f"changed after it was published: {path.name}"
        raise PackRefused(msg)

    pack = Pack.model_validate(yaml.safe_load(text))
    if file_name(pack) != path.name:
        msg = f"published under another name: {path.name}"
        raise PackRefused(msg)
    return pack


def file_name(pack: Pack) -> str:
    return f"{pack.id}.v{pack.version}.yaml"


def latest(packs: Mapping[tuple[str, int], Pack]) -> dict[str, Pack]:
    """One of each: a later version takes the earlier one's place, also in the order."""
    return {pack.id: pack for pack in sorted(packs.values(), key=lambda pack: pack.version)}


PACKS: Mapping[tuple[str, int], Pack] = MappingProxyType(load(Path(__file__).parent / "packs"))
# By id, in the order in which they were first published.
NEWEST: Mapping[str, Pack] = MappingProxyType(latest(PACKS))
