"""The export: all that somebody wrote or set, as shown to them alone.

Nothing of the partner's is in it: no answer, no name, no phrase, and no time of anything they did.
Which column of which table stands where in it, or why it does not, is said in
`tests/test_guards_privacy.py`, which fails for a column that it does not know.
"""

from datetime import date, datetime
from typing import Self
from uuid import UUID

from sqlalchemy import bindparam
from sqlmodel import Field, SQLModel, and_, col, or_, select
from sqlmodel.sql.expression import Select

from schemas.accounts import AccountPublic
from schemas.answers import Answer, AnswerMine
from schemas.boundaries import Boundaries
from schemas.checkins import Checkin
from schemas.consents import Consent, ConsentPast
from schemas.devices import Device, DeviceFields
from schemas.nudges import Kind, NudgesPublic
from schemas.pairing import Invitation, Person
from schemas.partner_nudges import PartnerNudge
from schemas.phrases import PhraseId
from schemas.privacy import DeletionPublic
from schemas.schedules import Hour, HourFields, Schedule, Signature, Terms
from schemas.sessions import Session
from schemas.space import SpaceMine


class AccountExport(AccountPublic):
    """Who I am here."""

    created_at: datetime


class PairingExport(SQLModel):
    """That I am paired, or that I invite. With whom is not mine to carry away."""

    paired_on: date | None
    invitation_expires_at: datetime | None


class SpaceExport(SpaceMine):
    """The space I took last."""

    began_at: datetime


class NudgeExport(SQLModel):
    """That something waits for me. Its words, where it has any, are my partner's."""

    kind: Kind
    made_on: date


class NudgesExport(SQLModel):
    """What waits for me, and was let in by my own door."""

    nudges: list[NudgeExport]
    behind_the_door: bool

    @classmethod
    def of(cls, shown: NudgesPublic) -> Self:
        """Without ids and phrases."""
        return cls.model_validate(shown.model_dump())


class SessionExport(SQLModel):
    """A phone on which I am signed in."""

    created_at: datetime
    rotated_at: datetime
    proved_at: datetime
    expires_at: datetime


class DeviceExport(DeviceFields):
    """A phone that rings for me, without what makes it ring."""

    registered_at: datetime


class ScheduleExport(SQLModel):
    """A schedule that I proposed or signed, or for which I have an hour."""

    for_both: bool
    terms: Terms | None = Field(description="Null: they are my partner's, and I did not sign them.")
    version: int
    signed_version: int | None
    proposed_at: datetime | None = Field(description="Null: I did not propose them.")
    my_hour: HourFields | None

    @classmethod
    def of(cls, me: Person, row: tuple[Schedule, int | None, Hour | None]) -> Self:
        """My part of it."""
        schedule, signed, hour = row
        proposed = schedule.account_id == me.id
        mine = proposed or signed == schedule.version
        return cls(
            for_both=schedule.couple_id is not None,
            terms=Terms.model_validate(schedule) if mine else None,
            version=schedule.version,
            signed_version=signed,
            proposed_at=schedule.proposed_at if proposed else None,
            my_hour=HourFields.model_validate(hour) if hour else None,
        )


class CheckinExport(SQLModel):
    """A check-in for me alone."""

    pack: str
    version: int
    date: date
    begun_at: datetime
    closes_at: datetime


class AnswerExport(AnswerMine):
    """What I answered, and to what."""

    pack: str
    version: int
    date: date
    for_both: bool
    question: str
    answered_at: datetime

    @classmethod
    def of(cls, _: Person, row: tuple[Answer, Checkin]) -> Self:
        """My own words."""
        answer, checkin = row
        both = {"for_both": checkin.account_id is None}
        return cls.model_validate(checkin.model_dump() | answer.model_dump() | both)


class PhraseExport(SQLModel):
    """A phrase that I sent."""

    phrase: PhraseId
    sent_at: datetime


class Export(SQLModel):
    """All that I wrote or set, as it stood at one moment."""

    made_at: datetime
    account: AccountExport
    pairing: PairingExport
    boundaries: Boundaries
    space: SpaceExport | None
    deletion: DeletionPublic
    nudges: NudgesExport
    sessions: list[SessionExport]
    devices: list[DeviceExport]
    consents: list[ConsentPast] = Field(description="Every yes and no, oldest first.")
    schedules: list[ScheduleExport]
    checkins: list[CheckinExport] = Field(description="Those for me alone.")
    answers: list[AnswerExport]
    phrases_sent: list[PhraseExport]


_me: UUID = bindparam("me")  # type: ignore[assignment]
MY_INVITATION = select(Invitation.expires_at).where(Invitation.account_id == _me)
MY_SESSIONS = select(Session).where(Session.account_id == _me).order_by(col(Session.created_at))
MY_DEVICES = select(Device).where(Device.account_id == _me).order_by(col(Device.registered_at))
MY_CONSENTS = select(Consent).where(Consent.account_id == _me).order_by(col(Consent.number))
MY_SCHEDULES: Select[Schedule, int | None, Hour | None] = (
    select(Schedule, Signature.version, Hour)
    .join(
        Signature,
        and_(col(Signature.schedule_id) == Schedule.id, col(Signature.account_id) == _me),
        isouter=True,
    )
    .join(
        Hour, and_(col(Hour.schedule_id) == Schedule.id, col(Hour.account_id) == _me), isouter=True
    )
    .where(
        or_(
            col(Schedule.account_id) == _me,
            col(Signature.version).is_not(None),
            col(Hour.at).is_not(None),
        )
    )
    .order_by(col(Schedule.id))
)
MY_CHECKINS = select(Checkin).where(Checkin.account_id == _me).order_by(col(Checkin.date))
MY_ANSWERS = (
    select(Answer, Checkin)
    .join(Checkin, col(Checkin.id) == Answer.checkin_id)
    .where(Answer.account_id == _me)
    .order_by(col(Checkin.date), col(Checkin.id), col(Answer.question))
)
MY_PHRASES = (
    select(PartnerNudge).where(PartnerNudge.from_id == _me).order_by(col(PartnerNudge.sent_at))
)
