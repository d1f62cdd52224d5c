"""Links: what a mail's token opens, once, within a day or an hour.

A token is 256 random bits, kept as its hash alone. What waits for it is sealed with a key that
only the token leads to: until somebody opens their mail, not even we can read who signed up.
"""

import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, SecretStr
from sqlalchemy import LargeBinary, Uuid, bindparam, func
from sqlmodel import Field, SQLModel, column, select
from sqlmodel.sql.expression import Select

from schemas.accounts import Password, storable_secret
from schemas.base import Body, words
from schemas.sealing import Place, derived, seal, unseal


class LinkKind(StrEnum):
    """What its token is good for."""

    SIGN_UP = "sign_up"
    RESET = "reset"
    EMAIL = "email"
    DELETION = "deletion"


LASTS = {
    LinkKind.SIGN_UP: timedelta(days=1),
    LinkKind.RESET: timedelta(hours=1),
    LinkKind.EMAIL: timedelta(hours=1),
    LinkKind.DELETION: timedelta(hours=1),
}

Token = Annotated[SecretStr, Field(min_length=1, max_length=200), AfterValidator(storable_secret)]


class Opening(Body):
    """Open a link."""

    token: Token = Field(description="What stands behind the `#` of the link.")


class Confirmation(Opening):
    """Open the link of a sign-up."""

    password: Password = Field(description="The one that I signed up with.")


class Link(SQLModel, table=True):
    """A link that somebody may still open; opened is gone."""

    hash: bytes = Field(primary_key=True)
    account_id: UUID | None = Field(
        index=True, foreign_key="account.id", ondelete="CASCADE", description="Null: nobody's yet."
    )
    kind: LinkKind = Field(sa_type=words(LinkKind))
    sealed: bytes = Field(description="What it is about; the token is the key.")
    expires_at: datetime = Field(index=True)

    @classmethod
    def of(
        cls, token: str, kind: LinkKind, account_id: UUID | None, about: str, now: datetime
    ) -> Self:
        """The row that this token opens."""
        return cls(
            hash=hash_of(token),
            account_id=account_id,
            kind=kind,
            sealed=seal(key_of(token), about.encode(), place(kind)),
            expires_at=now + LASTS[kind],
        )


def new_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    return sha256(token.encode()).digest()


def key_of(token: str) -> bytes:
    return derived(token.encode(), "link")


def place(kind: LinkKind) -> Place:
    return ("link", "sealed", kind)


def about(token: str, kind: LinkKind, sealed: bytes) -> str:
    """What the link is about, to whoever holds its token."""
    return unseal(key_of(token), sealed, place(kind)).decode()


# From here on the wall takes us for whose link it is. Once spent, it opens nothing any more, and
# nobody else writes for its account. No row: no such link, or not any more.
_opened = func.open_link(
    bindparam("hash", type_=LargeBinary), bindparam("kind"), bindparam("now"), bindparam("spend")
).table_valued(column("account_id", Uuid), column("sealed", LargeBinary))
OPEN_LINK: Select[UUID | None, bytes] = select(*_opened.c)
