"""Deletion, as stored and as shown: who has asked to be gone, and when they will be."""

from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from sqlalchemy import bindparam, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import Field, SQLModel, col, delete, select, update

from schemas.shapes import Mine

GRACE = timedelta(days=7)


class Deletion(Mine, table=True):
    """One person's wish to be gone. Until it is final they may take it back, and nobody else
    can see it.

    Final, it takes along at once, by a trigger, what makes them readable and reachable: their
    data key, their pairing with the key of the two, their invitation, their sessions. Only then
    can the account be deleted, which a policy holds.
    """

    account_id: UUID = Field(primary_key=True, foreign_key="account.id", ondelete="CASCADE")
    asked_at: datetime
    due_at: datetime = Field(index=True)
    final: bool

    @classmethod
    def of(cls, account_id: UUID, now: datetime) -> Self:
        """The row in which this person waits."""
        return cls(account_id=account_id, asked_at=now, due_at=now + GRACE, final=False)


class DeletionPublic(SQLModel):
    """Whether I am about to be deleted. Nobody else can see it."""

    asked_at: datetime | None = Field(description="Null: I did not ask for it.")
    due_at: datetime | None = Field(
        description="Until then everything is as it was, and I may take it back."
    )

    @classmethod
    def of(cls, deletion: Deletion | None) -> Self:
        """How it stands."""
        if deletion is None:
            return cls(asked_at=None, due_at=None)
        return cls(asked_at=deletion.asked_at, due_at=deletion.due_at)


def begun(account_id: UUID, now: datetime) -> ReturningInsert[UUID]:
    """Asked again, it is not put off, and no row comes back."""
    row = Deletion.of(account_id, now).model_dump()
    asked = insert(Deletion).values(row).on_conflict_do_nothing()
    return asked.returning(col(Deletion.account_id))


DELETION = select(Deletion).where(col(Deletion.account_id) == bindparam("me"))
# `final` is read again after waiting for the worker's lock: what has become final meanwhile is not
# taken back.
TAKE_BACK = (
    delete(Deletion)
    .where(col(Deletion.account_id) == bindparam("me"), col(Deletion.final).is_(False))
    .returning(col(Deletion.account_id))
)
DUE = (
    select(Deletion.account_id)
    .where(col(Deletion.due_at) <= bindparam("now"))
    .order_by(col(Deletion.due_at), col(Deletion.account_id))
)
# As whoever writes for the two does: a partner who writes at this moment comes before it or after
# it, and finds what they find when somebody has left.
ALONE = select(func.lock_for_writing(bindparam("who")))
MAKE_FINAL = (
    update(Deletion)
    .where(col(Deletion.account_id) == bindparam("who"))
    .where(col(Deletion.due_at) <= bindparam("now"))
    .values(final=True)
)
