"""Sessions, as stored, as sent and as shown."""

from datetime import datetime, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, SecretStr
from sqlalchemy import bindparam
from sqlmodel import Field, SQLModel, col, delete, select

from schemas.accounts import Email, Password, storable_secret
from schemas.base import Body, new_id
from schemas.shapes import Mine

LASTS = timedelta(days=60)
MOST_SESSIONS = 20
# A phone notices that an answer is lost when it has waited for a minute, as phones do by default,
# and sends the token once more. A thief has no longer than that.
ANSWER_LOST_FOR = timedelta(minutes=2)


class SignIn(Body):
    """Begin a session on this phone."""

    email: Email
    password: Password


class Proof(Body):
    """Prove once more that it is me."""

    password: Password


class Refresh(Body):
    """Go on with a session."""

    refresh_token: Annotated[
        SecretStr, Field(min_length=1, max_length=200), AfterValidator(storable_secret)
    ]


class Session(Mine, table=True):
    """One phone that is signed in. Ended is deleted, and its devices and tokens go with it.

    Refresh tokens form a chain by `generation`. At most one of each generation is ever used;
    `spent` and `spent_hash` name the last one that was.
    """

    id: UUID = Field(primary_key=True)
    created_at: datetime
    rotated_at: datetime
    expires_at: datetime = Field(index=True)
    proved_at: datetime = Field(description="When its owner last proved to be it.")
    spent: int
    spent_hash: bytes | None

    @classmethod
    def begin(cls, account_id: UUID, now: datetime) -> Self:
        """A session whose first refresh token is of generation 1."""
        return cls(
            id=new_id(now),
            account_id=account_id,
            created_at=now,
            rotated_at=now,
            expires_at=now + LASTS,
            proved_at=now,
            spent=0,
            spent_hash=None,
        )

    def live(self, now: datetime) -> bool:
        """Has it not run out?"""
        return now < self.expires_at

    def accepts(self, token: "RefreshToken", now: datetime) -> bool:
        """Is this the next of the chain, or the last one used, whose answer the phone just lost?

        Anything else was replaced and comes back: two hands hold the chain, so it must end.
        """
        lately = now < self.rotated_at + ANSWER_LOST_FOR
        lost_answer = token.hash == self.spent_hash and lately
        return token.generation == self.spent + 1 or lost_answer

    def spend(self, token: "RefreshToken", now: datetime) -> None:
        """From here on, this is the token that was used last. Used again, it changes nothing:
        nobody keeps a session alive with it.
        """
        if token.hash == self.spent_hash:
            return
        self.spent, self.spent_hash = token.generation, token.hash
        self.rotated_at, self.expires_at = now, now + LASTS


class RefreshToken(Mine, table=True):
    """A refresh token that was issued. Its 256 bits are stored only as their hash.

    A spent one is known for as long as a phone that sleeps may still hold it: if it comes back, a
    thief has gone on with the session meanwhile. Afterwards it opens nothing and is swept.
    """

    __tablename__ = "refresh_token"

    hash: bytes = Field(primary_key=True)
    session_id: UUID = Field(index=True, foreign_key="session.id", ondelete="CASCADE")
    generation: int
    expires_at: datetime = Field(index=True)


class SessionPublic(SQLModel):
    """A session of mine, without a word about the phone it is on."""

    id: UUID
    created_at: datetime
    rotated_at: datetime
    current: bool = Field(description="Is this the session that asks?")


class Tokens(SQLModel):
    """What a phone needs to be signed in."""

    token_type: Literal["Bearer"]
    access_token: str
    expires_in: int = Field(description="Seconds until the access token runs out.")
    refresh_token: str = Field(description="Good for 60 days, and once.")
    session_id: UUID = Field(description="Of this phone: to sign out, end it.")


class SignedIn(Tokens):
    """The same, and what this phone is known by the next time."""

    known_phone: str


SESSIONS = select(Session).where(col(Session.account_id) == bindparam("me"))
REFRESH_TOKEN = select(RefreshToken).where(col(RefreshToken.hash) == bindparam("hash"))
# Statements, not rows: one that is gone already, since its chain broke meanwhile, is no error.
END_SESSIONS = delete(Session).where(col(Session.account_id) == bindparam("me"))
END_OTHER_SESSIONS = END_SESSIONS.where(
    col(Session.id) != bindparam("session"), col(Session.created_at) >= bindparam("since")
)
END_SESSION = END_SESSIONS.where(col(Session.id) == bindparam("session")).returning(col(Session.id))
# Of too many, the longest unused end.
_used_lately = (
    select(Session.id)
    .where(col(Session.account_id) == bindparam("me"))
    .order_by(col(Session.rotated_at).desc(), col(Session.id).desc())
    .limit(MOST_SESSIONS - 1)
)
MAKE_ROOM = END_SESSIONS.where(col(Session.id).not_in(_used_lately))
# Nobody ends this session until the transaction is over: what hangs on it is hung on something.
HELD_SESSION = (
    select(Session.id)
    .where(col(Session.id) == bindparam("session"))
    .with_for_update(read=True, key_share=True)
)
