"""The export: all that somebody wrote or set, as shown to them alone.

Nothing of the partner's is in it: no answer, no name, no phrase, and no time of anything they did.
Which column of which table stands where in it, or why it does not, is said in `tests/columns.py`;
a test fails for a column that is not there.
"""

from datetime import date, datetime
from typing import Self

from sqlmodel import Field, SQLModel

from schemas.accounts import AccountPublic
from schemas.answers import Answer, Value
from schemas.boundaries import Boundaries
from schemas.checkins import Checkin
from schemas.consent_pages import ConsentPast
from schemas.credentials import CredentialKind
from schemas.devices import DeviceFields
from schemas.identities import IdentityPublic
from schemas.nudges import Kind, NudgesPublic
from schemas.pairing import Person
from schemas.phrases import PhraseId
from schemas.privacy import DeletionPublic
from schemas.schedules import Hour, HourFields, Schedule, Terms
from schemas.security import SecurityEventKind
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


class ChangeExport(SQLModel):
    """A change of how I sign in that has not taken effect yet."""

    kind: CredentialKind
    email: str | None
    asked_at: datetime
    takes_effect_at: datetime
    proved: bool


class SecurityEventExport(SQLModel):
    """What happened to the ways into my account."""

    kind: SecurityEventKind
    at: datetime


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


class AnswerExport(SQLModel):
    """What I answered, and to what."""

    pack: str
    version: int
    date: date
    for_both: bool
    question: str
    value: Value | None = Field(description="Null: skipped.")
    released: bool
    final: bool
    answered_at: datetime

    @classmethod
    def of(cls, me: Person, row: tuple[Answer, Checkin]) -> Self:
        """My own words."""
        answer, checkin = row
        both = {"for_both": checkin.account_id is None, "value": answer.read(me.key)}
        return cls.model_validate(checkin.model_dump() | answer.model_dump() | both)


class PhraseExport(SQLModel):
    """A phrase that I sent."""

    phrase: PhraseId
    sent_at: datetime


class BlockExport(SQLModel):
    """That I blocked somebody; not whom, since that is about them."""

    blocked_on: date


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
    identities: list[IdentityPublic]
    security_events: list[SecurityEventExport]
    pending_changes: list[ChangeExport]
    devices: list[DeviceExport]
    blocks: list[BlockExport]
    consents: list[ConsentPast] = Field(description="Every yes and no, oldest first.")
    schedules: list[ScheduleExport]
    checkins: list[CheckinExport] = Field(description="Those for me alone.")
    answers: list[AnswerExport]
    phrases_sent: list[PhraseExport]
