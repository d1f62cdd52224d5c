"""Boundaries, as stored, as sent and as shown."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    StrictBool,
    ValidationInfo,
    field_validator,
)
from sqlalchemy import ForeignKeyConstraint, bindparam
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel, col, select

from schemas.base import Body, Fact, LocalTime, Whole, local_date, readings, words
from schemas.in_json import as_json, of
from schemas.pairing import Person
from schemas.phrases import PhraseKind
from schemas.questionnaires import Topic

MOST_CONTACTS = 20


class Boundary(BaseModel, extra="forbid"):
    """Something that holds for whoever would reach me."""

    shown: StrictBool = Field(
        description="May my partner see this boundary? If not, it holds unseen."
    )


class QuietHours(Boundary):
    """Each day from one local time to another; over midnight, if `until` is the earlier.

    It is quiet whenever the clock on the wall shows a time between the two. Where clocks change
    and one of the two is left out or comes twice, it is quiet from its first meaning, or until
    its last: in doubt, quiet.
    """

    start: LocalTime
    until: LocalTime = Field(description="Not the same as `start`: that may mean always or never.")

    @field_validator("until")
    @classmethod
    def not_the_same(cls, until: time, said: ValidationInfo) -> time:
        if until == said.data.get("start"):
            msg = "must differ from start: nobody knows whether it means always or never"
            raise ValueError(msg)
        return until

    def over_at(self, now: datetime, zone: str) -> datetime | None:
        """When it stops being quiet where this person is; None if it is not quiet now."""
        today = local_date(now, zone)
        # Yesterday's may still be on; tomorrow's cannot have begun.
        for day in (today - timedelta(days=1), today):
            last = day if self.start < self.until else day + timedelta(days=1)
            begins, ends = readings(day, self.start, zone), readings(last, self.until, zone)
            if min(begins) <= now < max(ends):
                return max(ends)
        return None


class DailyBudget(Boundary):
    """How often a day, by my clock, my partner may reach me. 0: nothing that comes from them rings,
    whatever it is.
    """

    most: Whole = Field(ge=0, le=MOST_CONTACTS)


def each_once(values: list[Any]) -> list[Any]:
    return sorted(set(values))


class OffLimitTopics(Boundary):
    """Nothing about these is asked of me or said to me."""

    topics: Annotated[list[Topic], Field(max_length=40), AfterValidator(each_once)]


class UnwantedNudges(Boundary):
    """Phrases of these kinds do not reach me."""

    kinds: Annotated[list[PhraseKind], Field(max_length=20), AfterValidator(each_once)]


class BoundaryKind(StrEnum):
    """The boundaries there are; each is a field of `Boundaries`."""

    QUIET_HOURS = "quiet_hours"
    DAILY_BUDGET = "daily_budget"
    OFF_LIMIT_TOPICS = "off_limit_topics"
    UNWANTED_NUDGES = "unwanted_nudges"


class Boundaries(BaseModel):
    """One person's boundaries; null is none. All or, for the partner, those that are shown."""

    quiet_hours: QuietHours | None
    daily_budget: DailyBudget | None
    off_limit_topics: OffLimitTopics | None
    unwanted_nudges: UnwantedNudges | None

    def no_contact(self) -> bool:
        """Is nothing from the partner to ring here?"""
        return self.daily_budget is not None and not self.daily_budget.most

    def any_shown(self) -> bool:
        """Is the partner to see any of them?"""
        return any(boundary.shown for _, boundary in self if boundary)


class BoundariesWrite(Boundaries, Body):
    """Set all my boundaries anew. Each is named, so that none is dropped by being forgotten."""


class BoundarySet(Fact):
    """One boundary, as far as it decides anything."""

    kind: BoundaryKind = Field(sa_type=words(BoundaryKind))
    setting: dict[str, Any] = Field(sa_type=JSONB)
    shown_in: UUID | None = Field(index=True)


class BoundaryRow(BoundarySet, SQLModel, table=True):
    """Shown, it names the couple: a later partner is not shown it."""

    __tablename__ = "boundary"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "shown_in"],
            ["member.account_id", "member.couple_id"],
            ondelete="SET NULL (shown_in)",
        ),
    )

    account_id: UUID = Field(primary_key=True, foreign_key="account.id", ondelete="CASCADE")
    kind: BoundaryKind = Field(primary_key=True, sa_type=words(BoundaryKind))


class BoundariesPublic(SQLModel):
    """My boundaries, and those my partner shows me."""

    mine: Boundaries
    partner: Boundaries | None = Field(description="Null while unpaired.")


def rows_of(me: Person, boundaries: Boundaries) -> list[BoundaryRow]:
    """What is to be stored for these boundaries."""
    return [
        BoundaryRow(
            account_id=me.id,
            kind=BoundaryKind(kind),
            setting=boundary.model_dump(mode="json", exclude={"shown"}),
            shown_in=me.couple_id if boundary.shown else None,
        )
        for kind, boundary in boundaries
        if boundary
    ]


def boundaries_of(rows: Iterable[BoundarySet]) -> Boundaries:
    """The boundaries that these rows of one person stand for."""
    none = dict.fromkeys(BoundaryKind)
    found = {row.kind: {**row.setting, "shown": row.shown_in is not None} for row in rows}
    return Boundaries.model_validate(none | found)


# Mine, and those that my partner shows me. The wall says the same.
BOUNDARIES = select(BoundaryRow).where(
    (col(BoundaryRow.account_id) == bindparam("me"))
    | (col(BoundaryRow.account_id) == bindparam("partner"))
    & (col(BoundaryRow.shown_in) == bindparam("couple"))
)
MINE_SET = as_json(
    select(*of(BoundaryRow, BoundarySet)).where(col(BoundaryRow.account_id) == bindparam("me"))
)
