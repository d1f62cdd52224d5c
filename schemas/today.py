"""The home screen: what it shows, and the one statement that reads it."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import (
    ScalarSelect,
    bindparam,
    func,
)
from sqlmodel import Field, col, select

from schemas.accounts import Account
from schemas.answers import Answer
from schemas.base import Day
from schemas.checkins import MY_HOUR_HAS_COME, NOT_KEPT_BACK, Checkin, CheckinPublic
from schemas.in_json import as_json, in_one, of
from schemas.nudges import NudgesPublic
from schemas.pairing import PARTNER_NAME
from schemas.privacy import Deletion
from schemas.schedules import IN_FORCE, Hour, Schedule
from schemas.space import SpacePublic
from schemas.waiting import WAITING, WaitingRows


class CheckinToday(CheckinPublic):
    """A check-in that I may still answer, and how far I am."""

    answered: int = Field(description="How many questions I have answered or skipped.")


class Today(BaseModel):
    """My home screen."""

    date: date
    name: str
    partner: str | None = Field(description="What my partner is called; null while unpaired.")
    space: SpacePublic
    checkins: list[CheckinToday] = Field(description="Those that are open, newest day first.")
    nudges: NudgesPublic
    next_reminder_at: datetime | None = Field(
        description="Of all schedules that are in force. The push leaves up to nine minutes later."
    )
    deletion_due_on: Day | None = Field(
        description="Show it whenever the app opens: on this day my account is deleted, whoever"
        " asked for it, unless I take it back (`DELETE /privacy/deletion`). Null: nobody asked."
    )


class Screen(WaitingRows):
    """Everything that the home screen may depend on, but for names."""

    checkins: list[CheckinToday]
    next_reminder_at: datetime | None
    deletion_due_at: datetime | None


ANSWERED = (
    select(func.count())
    .where(col(Answer.checkin_id) == Checkin.id, col(Answer.account_id) == bindparam("me"))
    .correlate(Checkin)
    .scalar_subquery()
)
# More than one of them could begin while all are open, to push the others off the screen.
MOST_OPEN = 100
CHECKIN: tuple[Any, ...] = (
    *of(Checkin, CheckinToday),
    col(Checkin.account_id).is_(None).label("for_both"),
    ANSWERED.label("answered"),
)
OPEN_CHECKINS = (
    select(*CHECKIN)
    .where(
        MY_HOUR_HAS_COME,
        NOT_KEPT_BACK,
        col(Checkin.closes_at) > bindparam("now"),
        (col(Checkin.account_id) == bindparam("me"))
        | (col(Checkin.couple_id) == bindparam("couple")),
    )
    .order_by(col(Checkin.date).desc(), col(Checkin.id).desc())
    .limit(MOST_OPEN)
)
NAME = select(Account.name).where(col(Account.id) == bindparam("me"))
NEXT_REMINDER = (
    select(func.min(Hour.next_at))
    .join(Schedule, col(Schedule.id) == Hour.schedule_id)
    .where(col(Hour.account_id) == bindparam("me"), IN_FORCE)
)
DELETION_DUE = select(Deletion.due_at).where(col(Deletion.account_id) == bindparam("me"))

SCREEN: dict[str, ScalarSelect[Any]] = {
    **WAITING,
    "checkins": as_json(OPEN_CHECKINS),
    "next_reminder_at": NEXT_REMINDER.scalar_subquery(),
    "deletion_due_at": DELETION_DUE.scalar_subquery(),
}
# My name and my partner's, sealed; and the screen.
TODAY = select(
    NAME.scalar_subquery(),
    PARTNER_NAME.scalar_subquery(),
    in_one(SCREEN),
)
