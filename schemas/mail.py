"""Mail that is still to be sent, as stored.

To whom it goes and the token of its link are sealed: whoever carries a dump of the database away
has no address of somebody who never signed up, and no link that opens anything.
"""

import json
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Self
from uuid import UUID

from sqlmodel import Field, SQLModel

from schemas.base import Locale, words
from schemas.sealing import Keyring, Place

SEALED_FOR = "mail"  # what its keys are derived for: those who send it can open nothing else


class MailKind(StrEnum):
    """What a mail says, and whether it has a link."""

    PROVE_SIGN_UP = "prove_sign_up"  # a link, to whoever wants an account
    KNOWN = "known"  # somebody wanted an account, or to move one, where there is one already
    RESET = "reset"  # a link, to whoever forgot their password
    UNKNOWN = "unknown"  # somebody forgot the password of no account
    PROVE_EMAIL = "prove_email"  # a link, to the address that somebody moves to
    EMAIL_CHANGE = "email_change"  # to the address that somebody moves from
    DELETION = "deletion"  # a link, to whoever wants their account deleted without the app
    NOTHING_TO_DELETE = "nothing_to_delete"  # the same, where there is no account


class Letter(NamedTuple):
    """What it takes to write a mail."""

    kind: MailKind
    to: str
    locale: Locale
    token: str | None  # of its link


class Mail(SQLModel, table=True):
    """A mail to be sent; done is gone."""

    id: UUID = Field(primary_key=True)
    account_id: UUID | None = Field(
        index=True, foreign_key="account.id", ondelete="CASCADE", description="Null: nobody's yet."
    )
    kind: MailKind = Field(sa_type=words(MailKind))
    sealed: bytes = Field(description="To whom, in which language, and the token.")
    due_at: datetime = Field(index=True, description="When it is due; ahead while leased.")
    attempts: int
    expires_at: datetime

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 - none follows from another
        cls,
        letter: Letter,
        keys: Keyring,
        row_id: UUID,
        account_id: UUID | None,
        now: datetime,
        expires_at: datetime,
    ) -> Self:
        """The row that waits to be sent."""
        said = json.dumps([letter.to, letter.locale, letter.token]).encode()
        return cls(
            id=row_id,
            account_id=account_id,
            kind=letter.kind,
            sealed=keys.wrap(said, place(row_id)),
            due_at=now,
            attempts=0,
            expires_at=expires_at,
        )


def opened(row_id: UUID, kind: MailKind, sealed: bytes, keys: Keyring) -> Letter:
    """`Unsealable` where these are not the keys."""
    to, locale, token = json.loads(keys.unwrap(sealed, place(row_id)))
    return Letter(kind, to, Locale(locale), token)


def place(row_id: UUID) -> Place:
    return ("mail", "sealed", row_id)
