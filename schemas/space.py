"""Space, as stored, as sent and as shown."""

from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Index, SQLColumnExpression, bindparam
from sqlmodel import Field, SQLModel, UTCDateTime, Uuid, col, select

from schemas.base import Body, Fact, Moment, words
from schemas.pairing import Member
from schemas.shapes import within_pairing


class Mode(StrEnum):
    """What the partner learns: that space is on, or nothing at all."""

    TOLD = "told"
    SILENT = "silent"


class SpaceFields(Fact):
    """What all forms of space share."""

    ends_at: Moment | None = Field(
        description="When space ends by itself. Null: only its owner ends it."
    )


class SpaceWrite(SpaceFields, Body):
    """Take space, or change the space that is on."""

    # No default: a phone that moves the end of silent space and leaves the mode out would tell.
    mode: Mode


class SpaceTaken(SpaceFields):
    """Somebody's space, as far as it decides anything."""

    account_id: UUID
    mode: Mode = Field(sa_type=words(Mode))
    began_at: datetime

    def covers(self, at: datetime) -> bool:
        """Is the space on at this moment?

        Its beginning does not count: the row is there, so it has begun. Somebody who compares
        with a clock that is a little slow must not take it for something that is yet to come.
        """
        return self.ends_at is None or at < self.ends_at

    def came_during(self, at: datetime) -> bool:
        """Does this moment lie within it, whether it is over by now or not?"""
        return self.began_at <= at and self.covers(at)

    def told(self, at: datetime) -> bool:
        """Is it on, and does the partner know?"""
        return self.covers(at) and self.mode is Mode.TOLD


class Space(SpaceTaken, SQLModel, table=True):
    """One row per person, the space they took last: how often somebody took it is not kept."""

    __table_args__ = (within_pairing(), Index("ix_space_ends_at", "ends_at"))

    account_id: UUID = Field(primary_key=True)
    couple_id: UUID = Field(index=True)

    @classmethod
    def of(cls, member: Member, body: SpaceWrite, began_at: datetime) -> Self:
        """The row that this member's request asks for."""
        private = {"account_id": member.id, "couple_id": member.couple_id, "began_at": began_at}
        return cls.model_validate(body, update=private)


class SpaceMine(SpaceFields):
    """My own space, as I see it."""

    mode: Mode


class SpaceTold(SpaceFields):
    """My partner's space, as far as they let me know."""


class SpacePublic(BaseModel):
    """Space in this couple, as one of the two sees it."""

    mine: SpaceMine | None
    partner: SpaceTold | None


def came_into_my_space(
    begun_by: SQLColumnExpression[UUID | None], at: SQLColumnExpression[datetime]
) -> ColumnElement[bool]:
    """Did my partner begin it during the space that I am in? Asked in SQL, so that what is left out
    of a list takes no place in it: nobody crowds out what is mine.
    """
    me, now = bindparam("me", type_=Uuid), bindparam("now", type_=UTCDateTime)
    ends = col(Space.ends_at)
    came = select(Space.account_id).where(
        col(Space.account_id) == me,
        begun_by != me,
        col(Space.began_at) <= at,
        ends.is_(None) | ((ends > now) & (ends > at)),
    )
    return came.exists()


# On or over, and as far as the wall lets them through.
SPACES = select(Space).where(col(Space.couple_id) == bindparam("couple"))
MY_SPACE = select(Space).where(col(Space.account_id) == bindparam("me"))
