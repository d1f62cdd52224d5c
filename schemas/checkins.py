"""Check-ins, as stored, as sent and as shown."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from uuid import UUID

from pydantic import StrictBool
from sqlalchemy import (
    CheckConstraint,
    Index,
    UniqueConstraint,
    Uuid,
    bindparam,
)
from sqlmodel import Field, SQLModel, col, column, exists, or_, select, table, true

from schemas.arrivals import Arrival
from schemas.base import Body, Day, Fact, local_date, new_id
from schemas.pairing import Person
from schemas.questionnaires import Name, Pack
from schemas.space import came_into_my_space

OPEN_FOR = timedelta(days=7)
# From a date's midnight in UTC until it is over everywhere on earth.
LONGEST_DATE = timedelta(hours=36)


# Both see id, date and end: each follows from the date alone, or together they would tell at
# which hour, and so in which zone, one of the two began it or is reminded of it.
def id_on(day: date) -> UUID:
    return new_id(datetime.combine(day, time(), UTC))


def end_of(day: date, open_for: timedelta) -> datetime:
    """A midnight by which it was open for so long, at whatever hour of that day it was begun."""
    days = -(-(LONGEST_DATE + open_for) // timedelta(days=1))
    return datetime.combine(day + timedelta(days=days), time(), UTC)


class CheckinFields(Fact):
    """What all forms of a check-in share."""

    pack: str
    for_both: bool = Field(description="Do both answer it, each alone?")


class CheckinWrite(Body):
    """Begin a check-in."""

    pack: Name = Field(description="The id of a questionnaire; its newest version is asked.")
    for_both: StrictBool = Field(
        description="True: my partner may answer it too. False: mine alone."
    )


class Sitting(Fact):
    """A check-in, as far as it decides anything."""

    id: UUID
    account_id: UUID | None
    couple_id: UUID | None
    pack: str
    version: int
    date: date
    closes_at: datetime

    @property
    def for_both(self) -> bool:
        """Do both answer it, each alone?"""
        return self.account_id is None

    def open_to(self, me: Person, now: datetime) -> bool:
        """May it still be answered? What was for two ends with the two."""
        return now < self.closes_at and self.couple_id in {None, me.couple_id}

    def public(self) -> "CheckinPublic":
        """The same for both, whoever of them began it or answered."""
        return CheckinPublic.model_validate(self)


class Checkin(Sitting, SQLModel, table=True):
    """One sitting with one version of a questionnaire: of one person, or of a couple."""

    __table_args__ = (
        CheckConstraint("(account_id is null) <> (couple_id is null)", name="one_or_both"),
        UniqueConstraint(
            *("account_id", "couple_id", "pack", "date", "schedule_id"),
            postgresql_nulls_not_distinct=True,
        ),
        # Those that are open are found among those of years.
        Index("ix_checkin_couple_id_closes_at", "couple_id", "closes_at"),
    )

    id: UUID = Field(primary_key=True)
    account_id: UUID | None = Field(foreign_key="account.id", ondelete="CASCADE")
    couple_id: UUID | None = Field(foreign_key="couple.id")
    # Whose hand began it, for the door alone; null where both did, or the schedule of both.
    begun_by: UUID | None = Field(index=True, foreign_key="account.id", ondelete="SET NULL")
    # No foreign key: what was answered stays as it was when the schedule is long gone.
    schedule_id: UUID | None = Field(index=True)
    begun_at: datetime

    @classmethod
    def of(cls, me: Person, pack: Pack, now: datetime, *, for_both: bool) -> Self:
        """The row that this person's request asks for."""
        today = local_date(now, me.zone)
        return cls(
            id=id_on(today),
            account_id=None if for_both else me.id,
            couple_id=me.couple_id if for_both else None,
            begun_by=me.id,
            schedule_id=None,
            pack=pack.id,
            version=pack.version,
            date=today,
            begun_at=now,
            closes_at=end_of(today, OPEN_FOR),
        )

    def begun_again(self, me: Person) -> None:
        """By the other, it comes from both: whoever began it too is not kept from it by space."""
        if self.begun_by != me.id:
            self.begun_by = None


class CheckinPublic(CheckinFields):
    """A check-in in a list."""

    id: UUID
    version: int
    date: Day = Field(
        description="By the clock of whoever began it; of a schedule, the day of its hours."
    )
    closes_at: datetime = Field(
        description="It takes answers until then: a midnight in UTC by which it was open for a week"
        " (a daily schedule's: for a day and a half) wherever somebody is."
    )


# What a schedule opened is there for each from their own hour on: earlier, or though that hour was
# passed over, it would tell the partner's hour to whoever keeps looking. The wall says the same.
# (Not with `exists`: for that PostgreSQL first reads all the hours that ever came for me. So where
# it has not come this is null, which a `where` takes for no.)
MY_HOUR_HAS_COME = or_(
    col(Checkin.schedule_id).is_(None),
    select(true())
    .where(col(Arrival.checkin_id) == Checkin.id, col(Arrival.account_id) == bindparam("me"))
    .correlate(Checkin)
    .scalar_subquery(),
)
NOT_KEPT_BACK = ~came_into_my_space(col(Checkin.begun_by), col(Checkin.begun_at))
# Mine, my couple's, and former couples' in which I have answered. The wall says the same.
_answer = table("answer", column("checkin_id", Uuid), column("account_id", Uuid))
MINE_TO_SEE = MY_HOUR_HAS_COME & or_(
    col(Checkin.account_id) == bindparam("me"),
    col(Checkin.couple_id) == bindparam("couple"),
    exists().where(_answer.c.checkin_id == Checkin.id, _answer.c.account_id == bindparam("me")),
)
SAME_CHECKIN = (
    select(Checkin)
    .where(col(Checkin.pack) == bindparam("pack"), col(Checkin.date) == bindparam("date"))
    .where(col(Checkin.schedule_id).is_(None))
    .where(
        or_(
            col(Checkin.account_id) == bindparam("owner", type_=Uuid),
            col(Checkin.couple_id) == bindparam("couple", type_=Uuid),
        )
    )
)
