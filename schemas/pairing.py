"""Who is with whom, and the invitation that led there."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, StrictBool
from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
    bindparam,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import (
    Boolean,
    Field,
    SQLModel,
    String,
    UTCDateTime,
    Uuid,
    col,
    column,
    delete,
    select,
)
from sqlmodel.sql.expression import Select

from schemas.base import Body, Locale, Text

INVITATION_LASTS = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks, paired or not."""

    id: UUID
    session_id: UUID
    zone: str
    locale: Locale
    couple_id: UUID | None
    partner_id: UUID | None
    proved_at: datetime  # when this session last proved whose it is
    key: bytes = field(repr=False)  # under which their own words are sealed
    couple_key: bytes | None = field(repr=False)  # the same for what the two share

    @property
    def scope(self) -> dict[str, UUID | None]:
        """What statements are bound to, by name: one that is given no scope does not run."""
        return {"me": self.id, "partner": self.partner_id, "couple": self.couple_id}


@dataclass(frozen=True, slots=True)
class Member(Person):
    """Who asks, within a couple."""

    couple_id: UUID
    partner_id: UUID
    proved_at: datetime
    key: bytes = field(repr=False)
    couple_key: bytes = field(repr=False)


class Couple(SQLModel, table=True):
    """Two people, once. The row outlives their pairing, since what each wrote refers to it."""

    id: UUID = Field(primary_key=True)
    paired_at: datetime


class CoupleMember(SQLModel, table=True):
    """One half of a live couple.

    The primary key holds "one live couple per person"; the foreign key to the other half holds
    "never one alone, and symmetric"; deleting one deletes the other. The index holds "no third".
    """

    __tablename__ = "member"
    __table_args__ = (
        CheckConstraint("account_id <> partner_id", name="two_people"),
        UniqueConstraint("account_id", "couple_id"),
        UniqueConstraint("account_id", "partner_id", "couple_id"),
        ForeignKeyConstraint(
            ["partner_id", "account_id", "couple_id"],
            ["member.account_id", "member.partner_id", "member.couple_id"],
            ondelete="CASCADE",
            deferrable=True,
            initially="DEFERRED",
            name="fk_member_other_half",
        ),
        Index("uq_member_halves", "couple_id", text("(account_id < partner_id)"), unique=True),
    )

    account_id: UUID = Field(primary_key=True, foreign_key="account.id", ondelete="CASCADE")
    partner_id: UUID = Field(unique=True)
    couple_id: UUID = Field(foreign_key="couple.id")
    # When what is no phrase last rang here; `may_ring` writes it.
    rang: dict[str, Any] | None = Field(default=None, sa_type=JSONB)


class PairingState(StrEnum):
    """Where I stand. Where two are true, the later one counts."""

    ALONE = "alone"
    INVITING = "inviting"  # my code waits to be typed
    JOINING = "joining"  # I typed a code, and wait to be confirmed
    CONFIRMING = "confirming"  # somebody typed my code, and waits for me to confirm
    PAIRED = "paired"


class Invitation(SQLModel, table=True):
    """One person's only waiting invitation. Its code is stored as a hash."""

    account_id: UUID = Field(primary_key=True, foreign_key="account.id", ondelete="CASCADE")
    code_hash: bytes = Field(unique=True)
    expires_at: datetime
    joiner_id: UUID | None = Field(unique=True, foreign_key="account.id", ondelete="CASCADE")

    def state_of(self, who: UUID) -> PairingState:
        """Where it puts one of its people, while it can still lead to a couple."""
        if self.joiner_id == who:
            return PairingState.JOINING
        return PairingState.CONFIRMING if self.joiner_id else PairingState.INVITING


# Crockford's base 32: no letter that is taken for another. 12 signs of 5 bits are 60 bits.
CODE_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 12
LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})


def typed(code: str) -> str:
    """The code itself: how it is grouped, lower case and lookalikes do not matter."""
    signs = "".join(filter(str.isalnum, code.upper())).translate(LOOKALIKES)
    if len(signs) != CODE_LENGTH or not set(signs) <= set(CODE_SIGNS):
        msg = "must be 12 letters and digits, in groups as you like"
        raise ValueError(msg)
    return signs


class Redeem(Body):
    """Type the code of an invitation."""

    code: Annotated[Text, Field(max_length=40), AfterValidator(typed)]


class Leave(Body):
    """Leave, alone and at once."""

    # The one choice with a default: to leave it out is to be silent, and nobody has to stay
    # because of a field.
    tell: StrictBool = Field(
        default=False, description="True: my partner's phone says once that something changed."
    )


class Pairing(SQLModel):
    """Where I stand, and with whom."""

    state: PairingState
    name: str | None = Field(
        description="Confirming: who typed my code. Paired: my partner. Otherwise null."
    )
    expires_at: datetime | None = Field(description="When the invitation runs out.")
    paired_on: date | None


class InvitationPublic(SQLModel):
    """The only time that the code is shown."""

    code: str = Field(description="60 random bits, in groups to be read aloud.")
    expires_at: datetime


def known_name(who: Any) -> ColumnElement[str | None]:  # noqa: ANN401 - a column or a parameter
    """The display name of my partner, or of whoever typed my code; null for everybody else."""
    return func.known_name(who, type_=String)


# Each with the name in one statement: whoever leaves between two would be seen half gone.
TOGETHER: Select[datetime, str | None] = select(
    Couple.paired_at, known_name(bindparam("partner", type_=Uuid))
).where(col(Couple.id) == bindparam("couple"))
INVITATIONS: Select[Invitation, str | None] = (
    select(Invitation, known_name(Invitation.joiner_id))
    .where(bindparam("me").in_([col(Invitation.account_id), col(Invitation.joiner_id)]))
    .where(col(Invitation.expires_at) > bindparam("now"))
)
# Who asks, in one round trip: the session is read live, from here on the wall shows what this
# person may see, and with `lock` no other request writes for this couple (or, unpaired, for
# this account). No row: no such session. See migrations/versions/0003_sessions.py.
_opened = func.open_session(
    bindparam("session", type_=Uuid), bindparam("now"), bindparam("lock")
).table_valued(
    column("account_id", Uuid),
    column("zone", String),
    column("locale", String),
    column("couple_id", Uuid),
    column("partner_id", Uuid),
    column("proved_at", UTCDateTime),
    column("my_key", LargeBinary),
    column("our_key", LargeBinary),
)
OPENING: Select[*tuple[Any, ...]] = select(*_opened.c)
KNOWN_NAME = select(known_name(bindparam("who", type_=Uuid)))
JOINER = select(Invitation.joiner_id).where(
    col(Invitation.account_id) == bindparam("me"), col(Invitation.joiner_id).is_not(None)
)
DROP_INVITATION = delete(Invitation).where(col(Invitation.account_id) == bindparam("me"))
_redeemed = func.redeem_invitation(bindparam("hash"), bindparam("now")).table_valued(
    column("inviter", Uuid), column("anew", Boolean)
)
REDEEM: Select[UUID, bool] = select(*_redeemed.c)
STEP_BACK = select(func.step_back())
FOUND_COUPLE = select(
    func.found_couple(
        bindparam("couple", type_=Uuid),
        bindparam("now"),
        bindparam("joiner", type_=Uuid),
        bindparam("ids", type_=ARRAY(Uuid)),
        bindparam("keys", type_=ARRAY(LargeBinary)),
        type_=Boolean,
    )
)
LEAVE = delete(CoupleMember).where(col(CoupleMember.account_id) == bindparam("me"))
