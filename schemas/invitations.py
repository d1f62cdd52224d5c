"""The invitation that leads to a couple: a code, and who typed it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator
from sqlalchemy import ARRAY, CheckConstraint, LargeBinary, bindparam, func
from sqlmodel import Boolean, Field, SQLModel, Uuid, col, column, delete, select
from sqlmodel.sql.expression import Select

from schemas import pairing
from schemas.base import Body, Text, new_id
from schemas.data_keys import DataKey
from schemas.pairing import PairingState
from schemas.sealing import Keyring, Place, new_key, seal, unseal

INVITATION_LASTS = timedelta(hours=24)


class Invitation(SQLModel, table=True):
    """One person's only waiting invitation. Its code is stored as a hash.

    It has a key of its own, under which whoever types the code leaves their name for the inviter:
    neither of the two ever needs a key of the other's.
    """

    __table_args__ = (
        CheckConstraint("(joiner_id is null) = (joiner_name is null)", name="joiner_is_named"),
    )

    account_id: UUID = Field(primary_key=True, foreign_key="account.id", ondelete="CASCADE")
    code_hash: bytes = Field(unique=True)
    expires_at: datetime
    joiner_id: UUID | None = Field(unique=True, foreign_key="account.id", ondelete="CASCADE")
    joiner_name: bytes | None
    wrapped: bytes

    @classmethod
    def of(cls, account_id: UUID, code_hash: bytes, keyring: Keyring, now: datetime) -> Self:
        """An invitation that nobody has typed yet."""
        return cls(
            account_id=account_id,
            code_hash=code_hash,
            expires_at=now + INVITATION_LASTS,
            joiner_id=None,
            joiner_name=None,
            wrapped=keyring.wrap(new_key(), ("invitation", "wrapped", account_id)),
        )

    def who_waits(self, keyring: Keyring) -> str | None:
        """The name that the joiner left for me."""
        if self.joiner_name is None:
            return None
        key = keyring.unwrap(self.wrapped, ("invitation", "wrapped", self.account_id))
        return unseal(key, self.joiner_name, name_place(self.account_id)).decode()

    def state_of(self, who: UUID) -> PairingState:
        """Where it puts one of its people, while it can still lead to a couple."""
        if self.joiner_id == who:
            return PairingState.JOINING
        return PairingState.CONFIRMING if self.joiner_id else PairingState.INVITING


def name_for(inviter: UUID, wrapped: bytes, name: str, keyring: Keyring) -> bytes:
    """My name, for the eyes of whoever invited me."""
    key = keyring.unwrap(wrapped, ("invitation", "wrapped", inviter))
    return seal(key, name.encode(), name_place(inviter))


def name_place(inviter: UUID) -> Place:
    return ("invitation", "joiner_name", inviter)


def to_share(
    couple_id: UUID, names: Mapping[UUID, str], keyring: Keyring, now: datetime
) -> dict[str, list[UUID] | list[bytes]]:
    """For each of two who become a couple: the key of what they will share, and under it what
    they are to call the other.
    """
    key = new_key()
    rows = [DataKey.of(key, keyring, new_id(now), who, couple_id) for who in names]
    sealed = [
        seal(key, name.encode(), pairing.name_place(couple_id, who)) for who, name in names.items()
    ]
    return {"ids": [r.id for r in rows], "keys": [r.wrapped for r in rows], "names": sealed}


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


class InvitationPublic(SQLModel):
    """The only time that the code is shown."""

    code: str = Field(description="60 random bits, in groups to be read aloud.")
    expires_at: datetime


# Mine, and the one that I typed.
INVITATIONS = select(Invitation).where(
    bindparam("me").in_([col(Invitation.account_id), col(Invitation.joiner_id)]),
    col(Invitation.expires_at) > bindparam("now"),
)
SOMEBODY_WAITS = select(Invitation).where(
    col(Invitation.account_id) == bindparam("me"), col(Invitation.joiner_id).is_not(None)
)
DROP_INVITATION = delete(Invitation).where(col(Invitation.account_id) == bindparam("me"))
_invited = func.invitation_of_code(bindparam("hash"), bindparam("now")).table_valued(
    column("inviter", Uuid), column("wrapped", LargeBinary)
)
INVITED: Select[UUID, bytes] = select(*_invited.c)
_redeemed = func.redeem_invitation(
    bindparam("hash"), bindparam("now"), bindparam("name", type_=LargeBinary)
).table_valued(column("inviter", Uuid), column("anew", Boolean))
REDEEM: Select[UUID, bool] = select(*_redeemed.c)
STEP_BACK = select(func.step_back())
FOUND_COUPLE = select(
    func.found_couple(
        bindparam("couple", type_=Uuid),
        bindparam("now"),
        bindparam("joiner", type_=Uuid),
        bindparam("ids", type_=ARRAY(Uuid)),
        bindparam("keys", type_=ARRAY(LargeBinary)),
        bindparam("names", type_=ARRAY(LargeBinary)),
        type_=Boolean,
    )
)
