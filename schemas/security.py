"""Security events: what happened to the ways into an account, as stored and as shown."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple, Self
from uuid import UUID

from sqlalchemy import String, bindparam, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, UTCDateTime, Uuid, col, select

from schemas.accounts import Account
from schemas.base import EARLIEST, LATEST, Text, new_id, words
from schemas.paging import PAGE, a_place, packed, unpacked
from schemas.pairing import Person
from schemas.shapes import Mine

KEPT = timedelta(days=90)


class SecurityEventKind(StrEnum):
    """What happened."""

    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"  # a phone, on that phone
    SIGNED_OUT_ELSEWHERE = "signed_out_elsewhere"  # from another phone
    CHAIN_BROKEN = "chain_broken"  # a spent refresh token came back: two hands held it
    PROOF_FAILED = "proof_failed"  # on a phone that is signed in; or, by mail, when deleting
    RESET_ASKED = "reset_asked"  # by mail, of whoever may read it
    PASSWORD_ASKED = "password_asked"  # noqa: S105 - a word
    PASSWORD_STOPPED = "password_stopped"  # noqa: S105
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    EMAIL_ASKED = "email_asked"
    EMAIL_STOPPED = "email_stopped"
    EMAIL_CHANGED = "email_changed"
    IDENTITY_LINKED = "identity_linked"
    IDENTITY_UNLINKED = "identity_unlinked"
    DELETION_ASKED = "deletion_asked"
    DELETION_STOPPED = "deletion_stopped"


# After these somebody was signed in a moment ago, although nobody is now.
ENDINGS = (
    SecurityEventKind.SIGNED_OUT,
    SecurityEventKind.SIGNED_OUT_ELSEWHERE,
    SecurityEventKind.CHAIN_BROKEN,
)


class SecurityEvent(Mine, table=True):
    """One thing that happened. Neither from where, nor on what."""

    __tablename__ = "security_event"

    id: UUID = Field(primary_key=True)
    kind: SecurityEventKind = Field(sa_type=words(SecurityEventKind))
    at: datetime = Field(index=True)
    session_id: UUID | None = Field(description="Which did it, on or over; null: by mail.")

    @classmethod
    def of(
        cls, account_id: UUID, kind: SecurityEventKind, now: datetime, session_id: UUID | None
    ) -> Self:
        """What happens now."""
        return cls(id=new_id(now), account_id=account_id, kind=kind, at=now, session_id=session_id)

    @classmethod
    def by(cls, me: Person, kind: SecurityEventKind, now: datetime) -> Self:
        """What this person does now, on a phone that is signed in."""
        return cls.of(me.id, kind, now, me.session_id)


class SecurityEventPublic(SQLModel):
    """One thing that happened to the ways into my account."""

    kind: SecurityEventKind
    at: datetime
    session_id: UUID | None = Field(
        description="The session that did it, which may be over; null: by mail, or by itself."
    )


class SecurityPage(SQLModel):
    """Newest first."""

    events: list[SecurityEventPublic]
    next: str | None = Field(description="Send as `after` for the next page; null: no more.")


class Cursor(NamedTuple):
    """Where a page ended. Only their owner pages here: it may hold the hour."""

    at: datetime
    id: UUID

    def __str__(self) -> str:
        place = ((self.at - EARLIEST) // timedelta.resolution).to_bytes(8) + self.id.bytes
        return packed(place)

    @classmethod
    def of(cls, row: "SecurityEvent") -> Self:
        """Of the last on a page."""
        return cls(row.at, row.id)

    @classmethod
    def read(cls, text: str) -> Self:
        """ValueError for anything that no page ended with."""
        place = unpacked(text)
        at = EARLIEST + timedelta(microseconds=int.from_bytes(place[:8]))
        return cls(at, UUID(bytes=place[8:]))


After = Annotated[Text, Field(max_length=40), a_place(Cursor.read)]
FIRST_PAGE = Cursor(LATEST.astimezone(UTC), UUID(int=(1 << 128) - 1))
# For whoever asks without a session: nothing happens where there is no such account, and it takes
# the same statement to find out.
NOTE = insert(SQLModel.metadata.tables["security_event"]).from_select(
    ["id", "account_id", "kind", "at"],
    select(
        bindparam("event", type_=Uuid),
        Account.id,
        bindparam("happened", type_=String),
        bindparam("now", type_=UTCDateTime),
    ).where(col(Account.id) == bindparam("me")),
)
EVENTS = (
    select(SecurityEvent)
    .where(col(SecurityEvent.account_id) == bindparam("me"))
    .where(
        tuple_(col(SecurityEvent.at), col(SecurityEvent.id))
        < tuple_(bindparam("at", type_=UTCDateTime), bindparam("id", type_=Uuid))
    )
    .order_by(col(SecurityEvent.at).desc(), col(SecurityEvent.id).desc())
    .limit(PAGE + 1)
)
# Was somebody signed in until a moment ago?
ENDED_LATELY = (
    select(SecurityEvent.id)
    .where(col(SecurityEvent.account_id) == bindparam("me"))
    .where(col(SecurityEvent.kind).in_(ENDINGS), col(SecurityEvent.at) > bindparam("since"))
    .limit(1)
)
