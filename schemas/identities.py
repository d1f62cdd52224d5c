"""Identities elsewhere, as stored, as sent and as shown; and what their issuers say of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, SecretStr, StringConstraints
from sqlalchemy import Uuid, bindparam, func
from sqlmodel import Field, SQLModel, col, delete, select

from schemas.accounts import SignUpFields, storable_secret
from schemas.base import Body, words
from schemas.shapes import Mine


class Issuer(StrEnum):
    """Who may vouch for somebody."""

    APPLE = "apple"
    GOOGLE = "google"


class IdentityToken(Body):
    """An identity token, as the app got it, and the nonce that it was asked for with."""

    token: Annotated[
        SecretStr, Field(min_length=1, max_length=8192), AfterValidator(storable_secret)
    ] = Field(description="The identity token (a JWT) of Apple or Google, unchanged.")
    nonce: Annotated[
        SecretStr, Field(min_length=22, max_length=200), AfterValidator(storable_secret)
    ] = Field(
        description="128 random bits or more, made for this token alone. The issuer was given its"
        " SHA-256 in lower-case hex as `nonce`; here it is as it was before."
    )

    @property
    def hashed_nonce(self) -> str:
        """What must stand in the token."""
        return sha256(self.nonce.get_secret_value().encode()).hexdigest()


class IdentitySignUp(SignUpFields, IdentityToken):
    """Make an account that has neither address nor password."""


Short = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class Said(BaseModel, strict=True):
    """What a token says, as far as anybody here listens: nothing of an address, and no name."""

    iss: Short
    sub: Short
    aud: Short  # never a list: a token that is also for somebody else is not for us
    azp: Short | None = None
    nonce: Short
    iat: int
    exp: int


@dataclass(frozen=True, slots=True)
class Vouched:
    """Who an issuer says that somebody is. Their number there is kept only as its hash."""

    issuer: Issuer
    subject_hash: bytes
    nonce_hash: bytes
    expires_at: datetime

    @classmethod
    def of(cls, issuer: Issuer, url: str, said: Said, expires_at: datetime) -> Self:
        """The issuer's URL is part of it: what a local issuer calls somebody opens nothing that
        Apple or Google vouched for.
        """
        subject_hash = sha256(f"{url}\n{said.sub}".encode()).digest()
        return cls(issuer, subject_hash, bytes.fromhex(said.nonce), expires_at)


class Identity(SQLModel, table=True):
    """A way in. Known by issuer and subject, never by an address: that may change hands."""

    account_id: UUID = Field(primary_key=True, foreign_key="account.id", ondelete="CASCADE")
    issuer: Issuer = Field(primary_key=True, sa_type=words(Issuer))
    # Google's number for somebody is the same everywhere, and would name them in a stolen dump.
    subject_hash: bytes = Field(unique=True)
    linked_at: datetime
    good_from: datetime = Field(description="Before, it opens nothing, and proves nothing.")

    @classmethod
    def of(cls, vouched: Vouched, account_id: UUID, now: datetime, *, good_from: datetime) -> Self:
        return cls(
            account_id=account_id,
            issuer=vouched.issuer,
            subject_hash=vouched.subject_hash,
            linked_at=now,
            good_from=good_from,
        )

    def good(self, now: datetime) -> bool:
        """Is it a way in?"""
        return self.good_from <= now

    def shown_by(self, vouched: Vouched, now: datetime) -> bool:
        """Is it this one that a token shows, and good?"""
        return self.subject_hash == vouched.subject_hash and self.good(now)


class IdentityNonce(Mine, table=True):
    """A token that was accepted, by its nonce: kept until it would not be good any more."""

    __tablename__ = "identity_nonce"

    hash: bytes = Field(primary_key=True)
    expires_at: datetime

    @classmethod
    def of(cls, vouched: Vouched, account_id: UUID) -> Self:
        return cls(account_id=account_id, hash=vouched.nonce_hash, expires_at=vouched.expires_at)


class IdentityPublic(SQLModel):
    """A way into my account, as I see it."""

    issuer: Issuer
    linked_at: datetime
    good_from: datetime = Field(
        description="When I can sign in with it. Until then, unlinking it takes no proof."
    )


ACCOUNT_BY_IDENTITY = select(
    func.account_by_identity(bindparam("subject_hash"), bindparam("now"), type_=Uuid)
)
IDENTITIES = select(Identity).where(col(Identity.account_id) == bindparam("me"))
UNLINK = delete(Identity).where(
    col(Identity.account_id) == bindparam("me"), col(Identity.issuer) == bindparam("issuer")
)
