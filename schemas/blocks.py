"""Blocks: whose invitations are not taken any more, as stored and as shown."""

from datetime import date
from typing import Self
from uuid import UUID

from sqlalchemy import UniqueConstraint, bindparam
from sqlmodel import Field, SQLModel, col, delete, select

from schemas.pairing import Member
from schemas.sealing import Place, seal, unseal
from schemas.shapes import Mine


class Block(Mine, table=True):
    """One former partner, by their account; sealed, what their blocker knew them as.

    Whoever deletes their account stays in the list, as a name: that it is gone would tell when.
    """

    __table_args__ = (UniqueConstraint("account_id", "blocked_id"),)

    id: UUID = Field(primary_key=True)
    blocked_id: UUID | None = Field(index=True, foreign_key="account.id", ondelete="SET NULL")
    name: bytes
    blocked_on: date = Field(description="By the day in my zone.")

    @classmethod
    def of(cls, me: Member, name: str, row_id: UUID, today: date) -> Self:
        """The row that this member's leaving asks for."""
        sealed = seal(me.key, name.encode(), place(me.id, row_id))
        return cls(
            id=row_id, account_id=me.id, blocked_id=me.partner_id, name=sealed, blocked_on=today
        )

    def public(self, key: bytes) -> "BlockPublic":
        name = unseal(key, self.name, place(self.account_id, self.id)).decode()
        return BlockPublic(id=self.id, name=name, blocked_on=self.blocked_on)


def place(account_id: UUID, block_id: UUID) -> Place:
    return ("block", "name", account_id, block_id)


class BlockPublic(SQLModel):
    """Somebody whom I blocked."""

    id: UUID
    name: str = Field(description="As they were called when we became a couple.")
    blocked_on: date


BLOCKS = (
    select(Block)
    .where(col(Block.account_id) == bindparam("me"))
    .order_by(col(Block.blocked_on).desc(), col(Block.id))
)
LIFT = (
    delete(Block)
    .where(col(Block.account_id) == bindparam("me"), col(Block.id) == bindparam("block"))
    .returning(col(Block.id))
)
