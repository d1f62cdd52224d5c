"""Credentials: the address and the password with which somebody signs in, and their changes."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

from sqlalchemy import Index, bindparam
from sqlmodel import Field, SQLModel, col, delete, select, update

from schemas.accounts import Email, Password
from schemas.base import Body, words
from schemas.links import Token


class CredentialKind(StrEnum):
    """What is changed."""

    PASSWORD = "password"  # noqa: S105 - a word
    EMAIL = "email"


# As long as it takes for somebody to open the app and see it, although they were away for a day,
# or a weekend: an address is the way to whatever comes later.
DELAY = {CredentialKind.PASSWORD: timedelta(hours=24), CredentialKind.EMAIL: timedelta(hours=72)}


class PasswordWrite(Body):
    """Another password."""

    password: Password = Field(description="15 characters or more, and not a common one.")


class EmailWrite(Body):
    """Another address."""

    email: Email


class Reset(Body):
    """For whoever forgot their password."""

    email: Email


class ResetConfirm(PasswordWrite):
    """A new password, by way of the mailbox."""

    token: Token = Field(description="What stands behind the `#` of the link.")


class CredentialChange(SQLModel, table=True):
    """A change that was asked for. It takes effect at its hour, read lazily and so never late:
    `take_effect` in migrations/versions/0014_mail.py.
    """

    __tablename__ = "credential_change"
    __table_args__ = (Index("ix_credential_change_email", "email"),)

    account_id: UUID = Field(primary_key=True, foreign_key="account.id", ondelete="CASCADE")
    kind: CredentialKind = Field(primary_key=True, sa_type=words(CredentialKind))
    asked_at: datetime
    takes_effect_at: datetime
    session_id: UUID | None = Field(description="Who asked stays signed in; null: by mail.")
    password_hash: str | None
    email: str | None
    proved: bool = Field(description="Did somebody open the mail that went to the new address?")

    @property
    def by_mail(self) -> bool:
        """Did whoever asked have no more than the mailbox?"""
        return self.session_id is None

    @classmethod
    def to_password(
        cls, account_id: UUID, session_id: UUID | None, password_hash: str, now: datetime
    ) -> Self:
        """Proved by whoever asks for it."""
        return cls(
            account_id=account_id,
            kind=CredentialKind.PASSWORD,
            asked_at=now,
            takes_effect_at=now + DELAY[CredentialKind.PASSWORD],
            session_id=session_id,
            password_hash=password_hash,
            email=None,
            proved=True,
        )

    @classmethod
    def to_email(cls, account_id: UUID, session_id: UUID, email: str, now: datetime) -> Self:
        """Not proved before somebody opens the mail that goes there."""
        return cls(
            account_id=account_id,
            kind=CredentialKind.EMAIL,
            asked_at=now,
            takes_effect_at=now + DELAY[CredentialKind.EMAIL],
            session_id=session_id,
            password_hash=None,
            email=email,
            proved=False,
        )


class CredentialChangePublic(SQLModel):
    """A change that has not taken effect yet. What it changes to is not shown: whoever asked knows,
    and whoever did not can stop it.
    """

    kind: CredentialKind
    asked_at: datetime
    takes_effect_at: datetime
    proved: bool = Field(description="False: the mail to the new address was not opened yet.")
    by_mail: bool = Field(description="Asked by a link in a mail, on no phone that is signed in.")


class ResetPublic(SQLModel):
    """When the new password is good."""

    takes_effect_at: datetime = Field(
        description="Now, or tomorrow where somebody is signed in, who sees it and may stop it."
    )


CHANGES = select(CredentialChange).where(col(CredentialChange.account_id) == bindparam("me"))
# One that was asked for on a phone that is signed in: no reset takes its place.
ASKED_ON_A_PHONE = CHANGES.where(
    col(CredentialChange.kind) == CredentialKind.PASSWORD,
    col(CredentialChange.session_id).is_not(None),
)
STOP = (
    delete(CredentialChange)
    .where(col(CredentialChange.account_id) == bindparam("me"))
    .where(col(CredentialChange.kind) == bindparam("kind"))
    .returning(col(CredentialChange.kind))
)
PROVE = (
    update(CredentialChange)
    .where(col(CredentialChange.account_id) == bindparam("me"))
    .where(col(CredentialChange.email) == bindparam("to"))
    .values(proved=True)
    .returning(col(CredentialChange.kind))
)
