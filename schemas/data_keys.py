"""Data keys: under which everything is sealed that people write, as stored. See `sealing`."""

from typing import Self
from uuid import UUID

from sqlalchemy import LargeBinary, UniqueConstraint, bindparam, func
from sqlmodel import Field, select
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.sealing import Keyring, Place
from schemas.shapes import Mine, within_pairing


class DataKey(Mine, table=True):
    """A person's own key, or their couple's, wrapped for each of the two and gone with the pairing.

    Whoever goes takes their key along, and with it whatever a backup still holds of them.
    """

    __tablename__ = "data_key"
    __table_args__ = (
        within_pairing(),
        UniqueConstraint("account_id", "couple_id", postgresql_nulls_not_distinct=True),
    )

    id: UUID = Field(primary_key=True)
    couple_id: UUID | None = Field(description="Null: a person's own.")
    wrapped: bytes

    @classmethod
    def of(
        cls, key: bytes, keyring: Keyring, row_id: UUID, account_id: UUID, couple_id: UUID | None
    ) -> Self:
        """The row in which this person keeps this key."""
        wrapped = keyring.wrap(key, place(account_id, couple_id))
        return cls(id=row_id, account_id=account_id, couple_id=couple_id, wrapped=wrapped)


def place(account_id: UUID, couple_id: UUID | None) -> Place:
    return ("data_key", "wrapped", account_id, couple_id)


OLD = (
    select(DataKey)
    .where(
        func.substr(DataKey.wrapped, 1, bindparam("length")) != bindparam("mark", type_=LargeBinary)
    )
    .limit(bindparam("most"))
    .with_for_update()
)


async def rewrap(db: AsyncSession, keyring: Keyring, most: int) -> int:
    """Wrap up to `most` keys with the first key of the settings that another one has wrapped, and
    say how many those were. What is sealed under them stays as it is.
    """
    asked = {"mark": keyring.mark, "length": len(keyring.mark), "most": most}
    rows = (await db.exec(OLD, params=asked)).all()
    for row in rows:
        where = place(row.account_id, row.couple_id)
        row.wrapped = keyring.wrap(keyring.unwrap(row.wrapped, where), where)
    return len(rows)
