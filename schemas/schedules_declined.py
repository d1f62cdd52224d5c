"""Schedules that somebody does not want to see, as stored. Theirs alone."""

from typing import Self
from uuid import UUID

from sqlalchemy import bindparam
from sqlmodel import Field, SQLModel, col, delete, select

from schemas.pairing import Person
from schemas.schedules import SCHEDULES, Schedule
from schemas.shapes import within_pairing


class Declined(SQLModel, table=True):
    """One version that its owner declined. Other terms are another version, and another question.

    Whoever proposed it never learns: to be declined looks like being left.
    """

    __tablename__ = "schedule_declined"
    __table_args__ = (within_pairing(),)

    account_id: UUID = Field(primary_key=True)
    schedule_id: UUID = Field(
        primary_key=True, index=True, foreign_key="schedule.id", ondelete="CASCADE"
    )
    couple_id: UUID
    version: int

    @classmethod
    def by(cls, me: Person, schedule: Schedule) -> Self:
        """My no to the version that stands."""
        no = {"account_id": me.id, "schedule_id": schedule.id, "version": schedule.version}
        return cls.model_validate(no | {"couple_id": schedule.couple_id})


_declined = (
    select(Declined.version)
    .where(col(Declined.account_id) == bindparam("me"), Declined.schedule_id == Schedule.id)
    .where(Declined.version == Schedule.version)
)
NOT_DECLINED = SCHEDULES.where(~_declined.exists())
NO_LONGER_DECLINED = delete(Declined).where(
    col(Declined.account_id) == bindparam("me"), col(Declined.schedule_id) == bindparam("id")
)
