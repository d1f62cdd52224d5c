"""Who asks, and with whom they are paired."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import StrictBool
from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    bindparam,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import (
    Field,
    SQLModel,
    col,
    delete,
    select,
)
from sqlmodel.sql.expression import Select

from schemas.base import Body, Locale
from schemas.sealing import Place, unseal


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
    def member(self) -> "Member | None":
        """The same person within their couple, if there is one."""
        return self if isinstance(self, Member) else None

    @property
    def scope(self) -> dict[str, UUID | None]:
        """What statements are bound to, by name: one that is given no scope does not run."""
        return {"me": self.id, "partner": self.partner_id, "couple": self.couple_id}


@dataclass(frozen=True, slots=True)
class Member(Person):
    """Who asks, within a couple."""

    couple_id: UUID
    partner_id: UUID
    couple_key: bytes = field(repr=False)


def name_place(couple_id: UUID | None, account_id: UUID) -> Place:
    """Where `account_id` keeps their partner's name."""
    return ("member", "partner_name", couple_id, account_id)


def partners_name(me: Person, sealed: bytes | None) -> str | None:
    """What my partner is called, if there is one."""
    if sealed is None or me.couple_key is None:
        return None
    return unseal(me.couple_key, sealed, name_place(me.couple_id, me.id)).decode()


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
    # What my partner was called when we became a couple, sealed for the two of us. What they call
    # themselves later is for them: a name that changed at once would be a way to write to somebody
    # who takes space.
    partner_name: bytes
    # When what is no phrase last rang here; `may_ring` writes it.
    rang: dict[str, Any] | None = Field(default=None, sa_type=JSONB)


class PairingState(StrEnum):
    """Where I stand. Where two are true, the one that is further down this list counts."""

    ALONE = "alone"
    INVITING = "inviting"  # my code waits to be typed
    JOINING = "joining"  # I typed a code, and wait to be confirmed
    CONFIRMING = "confirming"  # somebody typed my code, and waits for me to confirm
    PAIRED = "paired"


class Leave(Body):
    """Leave, alone and at once."""

    # The only choices with a default: to leave them out is to be silent and to block nobody, and
    # nobody has to stay because of a field.
    tell: StrictBool = Field(
        default=False, description="True: my partner's phone says once that something changed."
    )
    block: StrictBool = Field(
        default=False,
        description="True: neither can take the other's invitation from now on, until I lift it."
        " They are not told.",
    )


class Pairing(SQLModel):
    """Where I stand, and with whom."""

    state: PairingState
    name: str | None = Field(
        description="Confirming: who typed my code. Paired: my partner. Otherwise null."
    )
    expires_at: datetime | None = Field(description="When the invitation runs out.")
    paired_on: date | None = Field(description="By the day in UTC.")


PARTNER_NAME = select(CoupleMember.partner_name).where(
    col(CoupleMember.account_id) == bindparam("me")
)
# With the name in one statement: whoever leaves between two would be seen half gone.
TOGETHER: Select[datetime, bytes] = (
    select(Couple.paired_at, CoupleMember.partner_name)
    .join(CoupleMember, col(CoupleMember.couple_id) == Couple.id)
    .where(col(CoupleMember.account_id) == bindparam("me"), col(Couple.id) == bindparam("couple"))
)
LEAVE = delete(CoupleMember).where(col(CoupleMember.account_id) == bindparam("me"))
