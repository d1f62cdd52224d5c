"""Schedules of check-ins, as stored, as sent and as shown."""

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

from pydantic import StrictBool, ValidationInfo, field_validator
from sqlalchemy import ColumnElement, bindparam, case, func
from sqlmodel import Field, SQLModel, col, select

from schemas.base import Body, LocalTime, Whole, Zone, new_id, words
from schemas.hours import Weekday, next_hour
from schemas.pairing import Person
from schemas.questionnaires import Name
from schemas.shapes import Agreement, Mine, within_pairing

MOST_SCHEDULES, MOST_LISTED = 10, 40
FURTHEST_EAST = timedelta(hours=14)  # of UTC


class Cadence(StrEnum):
    """How often."""

    DAILY = "daily"
    WEEKLY = "weekly"


class Terms(SQLModel):
    """What is agreed to: which questions, and how often."""

    pack: Name = Field(description="The id of a questionnaire.")
    cadence: Cadence = Field(sa_type=words(Cadence))
    weekday: Weekday | None = Field(
        sa_type=words(Weekday), description="For a weekly schedule; null for a daily one."
    )


class HourFields(SQLModel):
    """When my own phone reminds me. My partner has an hour of their own and never sees mine."""

    at: LocalTime
    zone: Zone


class TermsWrite(Terms, HourFields, Body):
    """Propose terms, and sign them with an hour of my own."""

    @field_validator("weekday")
    @classmethod
    def goes_with_weekly(cls, day: Weekday | None, said: ValidationInfo) -> Weekday | None:
        if "cadence" in said.data and (said.data["cadence"] is Cadence.WEEKLY) != bool(day):
            raise ValueError("goes with weekly, and with nothing else")  # noqa: EM101, TRY003
        return day


class ScheduleWrite(TermsWrite):
    """Make a schedule."""

    for_both: StrictBool = Field(description="True: it counts once my partner has signed it too.")


class VersionWrite(Body):
    """The version I was shown."""

    version: Whole = Field(ge=1, le=1_000_000)


class SignatureWrite(HourFields, VersionWrite):
    """Sign the version I was shown, or move my own hour."""


class Schedule(Terms, Agreement, table=True):
    """Terms as they stand; other terms replace them and need both to sign again."""

    __table_args__ = (within_pairing(),)

    id: UUID = Field(primary_key=True)
    # Who proposed the version that stands.
    account_id: UUID = Field(index=True, foreign_key="account.id", ondelete="CASCADE")
    couple_id: UUID | None = Field(index=True, description="Null: a schedule for oneself.")
    proposed_at: datetime

    @classmethod
    def of(cls, me: Person, body: ScheduleWrite, now: datetime) -> Self:
        """The row that this person's request asks for."""
        whose = {"account_id": me.id, "couple_id": me.couple_id if body.for_both else None}
        private = {"id": new_id(now), "version": 1, "proposed_at": now}
        return cls.model_validate(body, update=whose | private)

    def propose(self, me: Person, body: TermsWrite, now: datetime) -> None:
        """New terms, as a version that nobody has signed yet."""
        self.pack, self.cadence, self.weekday = body.pack, body.cadence, body.weekday
        self.account_id, self.version, self.proposed_at = me.id, self.version + 1, now

    def opens_after(self) -> date:
        """Other terms of two open nothing on the day on which they were proposed, anywhere on
        earth: what opened under those before would tell whose hour had come by then.
        """
        if self.version == 1 or self.couple_id is None:
            return date.min
        return (self.proposed_at + FURTHEST_EAST).date()

    @property
    def needed(self) -> int:
        return 1 if self.couple_id is None else 2


class Signature(SQLModel, table=True):
    """Who signed which version. Both of a couple read it."""

    __tablename__ = "schedule_signature"
    __table_args__ = (within_pairing(),)

    schedule_id: UUID = Field(primary_key=True, foreign_key="schedule.id", ondelete="CASCADE")
    account_id: UUID = Field(
        primary_key=True, index=True, foreign_key="account.id", ondelete="CASCADE"
    )
    couple_id: UUID | None = Field(index=True)
    version: int

    @classmethod
    def of(cls, me: Person, schedule: Schedule) -> Self:
        """My signature under the version that stands."""
        said = {"couple_id": schedule.couple_id, "version": schedule.version}
        return cls.model_validate(said | {"schedule_id": schedule.id, "account_id": me.id})


class Hour(Mine, HourFields, table=True):
    """One person's own hour for a schedule, and when it comes next."""

    __tablename__ = "schedule_hour"
    __table_args__ = (within_pairing(),)

    account_id: UUID = Field(primary_key=True, foreign_key="account.id", ondelete="CASCADE")
    schedule_id: UUID = Field(
        primary_key=True, index=True, foreign_key="schedule.id", ondelete="CASCADE"
    )
    couple_id: UUID | None
    at: time
    next_on: date = Field(description="The local date of the next occurrence.")
    next_at: datetime = Field(index=True, description="Its instant.")

    @classmethod
    def of(cls, me: Person, schedule: Schedule, body: HourFields, now: datetime) -> Self:
        """My hour, from its next occurrence after now."""
        hour = cls(
            schedule_id=schedule.id,
            account_id=me.id,
            couple_id=schedule.couple_id,
            at=body.at,
            zone=body.zone,
            next_on=schedule.opens_after(),
            next_at=now,
        )
        hour.move_on(schedule, now)
        return hour

    def move_on(self, schedule: Schedule, now: datetime) -> None:
        """To the first occurrence after now, on a date that there is; what was missed is over."""
        often = schedule.weekday
        self.next_on, self.next_at = next_hour(now, self.next_on, often, self.at, self.zone)


class SchedulePublic(Terms):
    """A schedule, as one of its people sees it."""

    id: UUID
    for_both: bool
    version: int
    in_force: bool = Field(description="Have all concerned signed this version?")
    signed: bool = Field(description="Have I?")
    my_hour: HourFields | None


def ours(row: type[Schedule | Signature]) -> ColumnElement[bool]:
    """What the wall says as well, in other words."""
    whose = (col(row.couple_id), col(row.account_id))
    return (whose[0] == bindparam("couple")) | whose[0].is_(None) & (whose[1] == bindparam("me"))


SCHEDULES = select(Schedule).where(ours(Schedule)).order_by(col(Schedule.id)).limit(MOST_LISTED)
SCHEDULE = select(Schedule).where(ours(Schedule), col(Schedule.id) == bindparam("id"))
SIGNATURES = select(Signature).where(ours(Signature))
# `Agreement.in_force` in SQL: until all have signed the version that stands, nothing reminds.
_signed = (
    select(func.count())
    .select_from(Signature)
    .where(Signature.schedule_id == Schedule.id, Signature.version == Schedule.version)
    .scalar_subquery()
)
IN_FORCE = _signed == case((col(Schedule.couple_id).is_(None), 1), else_=2)
SIGNATURES_OF = select(Signature).where(col(Signature.schedule_id) == bindparam("id"))
HOURS = select(Hour).where(col(Hour.account_id) == bindparam("me"))
# What I proposed, to myself or to both: nobody fills up the other's ten.
MADE = select(func.count(col(Schedule.id))).where(col(Schedule.account_id) == bindparam("me"))
