"""The home screen: what it shows, and the one statement that reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from sqlalchemy import JSON, ScalarSelect, SelectBase, bindparam, func, literal_column
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import Select

from schemas.accounts import Account, name_of
from schemas.answers import Answer
from schemas.base import Day
from schemas.boundaries import BOUNDARIES, Boundaries, BoundaryRow, boundaries_of
from schemas.checkins import MY_HOUR_HAS_COME, NOT_KEPT_BACK, Checkin, CheckinPublic
from schemas.consents import CONSENTS, Consent
from schemas.nudges import NUDGES, Nudge, NudgesPublic
from schemas.pairing import PARTNER_NAME, Person, partners_name
from schemas.partner_nudges import CONTACTS
from schemas.privacy import Deletion
from schemas.schedules import IN_FORCE, Hour, Schedule
from schemas.space import SPACES, Space, SpacePublic


class CheckinToday(CheckinPublic):
    """A check-in that I may still answer, and how far I am."""

    answered: int = Field(description="How many questions I have answered or skipped.")


class Today(SQLModel):
    """My home screen."""

    date: date
    name: str
    partner: str | None = Field(description="What my partner is called; null while unpaired.")
    space: SpacePublic
    checkins: list[CheckinToday] = Field(description="Those that are open, newest day first.")
    nudges: NudgesPublic
    next_reminder_at: datetime | None = Field(description="Of all schedules that are in force.")
    deletion_due_on: Day | None = Field(
        description="Show it whenever the app opens: on this day my account is deleted, whoever"
        " asked for it, unless I take it back (`DELETE /privacy/deletion`). Null: nobody asked."
    )


@dataclass(frozen=True, slots=True)
class Screen:
    """Everything that the home screen may depend on, as rows."""

    name: str
    partner: str | None
    spaces: Sequence[Space]
    checkins: Sequence[Checkin]
    answered: Mapping[UUID, int]
    nudges: Sequence[tuple[Nudge, str | None]]
    contacts: Sequence[tuple[UUID, datetime]]
    consents: Sequence[Consent]
    boundaries: Boundaries
    next_reminder_at: datetime | None
    deletion_due_at: datetime | None

    @classmethod
    def of(cls, me: Person, row: Sequence[Any]) -> Self:
        """What `TODAY` answered."""
        name, partner, reminder, deletion, *lists = row
        spaces, checkins, answered, nudges, contacts, consents, boundaries = lists
        return cls(
            name=name_of(me.id, name, me.key),
            partner=partners_name(me, partner),
            spaces=[Space.model_validate(each) for each in spaces],
            checkins=[Checkin.model_validate(each) for each in checkins],
            answered={UUID(each["checkin_id"]): each["answered"] for each in answered},
            nudges=[(Nudge.model_validate(each), each["phrase"]) for each in nudges],
            contacts=[(UUID(c["id"]), datetime.fromisoformat(c["sent_at"])) for c in contacts],
            consents=[Consent.model_validate(each) for each in consents],
            boundaries=boundaries_of(BoundaryRow.model_validate(each) for each in boundaries),
            next_reminder_at=reminder,
            deletion_due_at=deletion,
        )


def as_json(statement: SelectBase) -> ScalarSelect[Any]:
    """All rows of a statement as one value, so that many statements make one round trip."""
    rows = statement.subquery()
    listed = func.json_agg(rows.table_valued(), type_=JSON)
    return select(func.coalesce(listed, literal_column("'[]'::json"), type_=JSON)).scalar_subquery()


OPEN_CHECKINS = (
    select(Checkin)
    .where(
        MY_HOUR_HAS_COME,
        NOT_KEPT_BACK,
        col(Checkin.closes_at) > bindparam("now"),
        (col(Checkin.account_id) == bindparam("me"))
        | (col(Checkin.couple_id) == bindparam("couple")),
    )
    .order_by(col(Checkin.date).desc(), col(Checkin.id).desc())
    .limit(20)
)
ANSWERED = (
    select(Answer.checkin_id, func.count().label("answered"))
    .where(col(Answer.account_id) == bindparam("me"))
    .where(col(Answer.checkin_id).in_(OPEN_CHECKINS.with_only_columns(col(Checkin.id))))
    .group_by(col(Answer.checkin_id))
)
NAME = select(Account.name).where(col(Account.id) == bindparam("me"))
NEXT_REMINDER = (
    select(func.min(Hour.next_at))
    .join(Schedule, col(Schedule.id) == Hour.schedule_id)
    .where(col(Hour.account_id) == bindparam("me"), IN_FORCE)
)
DELETION_DUE = select(Deletion.due_at).where(col(Deletion.account_id) == bindparam("me"))
MY_BOUNDARIES = BOUNDARIES.where(col(BoundaryRow.account_id) == bindparam("me"))

LISTS: tuple[SelectBase, ...] = (
    *(SPACES, OPEN_CHECKINS, ANSWERED, NUDGES, CONTACTS, CONSENTS, MY_BOUNDARIES),
)
TODAY: Select[Any] = select(
    NAME.scalar_subquery(),
    PARTNER_NAME.scalar_subquery(),
    NEXT_REMINDER.scalar_subquery(),
    DELETION_DUE.scalar_subquery(),
    *(as_json(statement) for statement in LISTS),
)
