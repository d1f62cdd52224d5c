"""The four shapes of sharing, as columns. Say which one a table has, and most rules are given.

mine       one person's own: `account_id`. Row-level security shows it to nobody else.
offer      from one of a couple (`from_id`) to the other (`account_id`). The sender reads that it
           was sent; what the recipient does with it stands elsewhere, in a row of theirs.
agreement  terms with a `version`, in force only while both have signed that one.
reveal     each answers alone, and chooses what is `released`. The other's answer is read through
           one function of the database, `revealed_answers`, and in no other way.

What exists only within a pairing refers to its owner's row in `member` (`within_pairing`). Leaving
deletes that row, and the database takes along whatever hung on it: nothing of a pairing can
outlive it by being forgotten.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlmodel import Field, SQLModel


class Mine(SQLModel):
    """Belongs to one account and leaves with it."""

    account_id: UUID = Field(index=True, foreign_key="account.id", ondelete="CASCADE")


class Offer(SQLModel):
    """From one of a couple to the other, who never shows having seen it."""

    account_id: UUID = Field(index=True)
    couple_id: UUID = Field(index=True)
    from_id: UUID


class Agreement(SQLModel):
    """Terms that count only while everybody concerned has signed this very version."""

    version: int = Field(ge=1)

    def in_force(self, signed: Collection[int], needed: int) -> bool:
        """Has each of the `needed` people signed the version that stands?"""
        return [*signed].count(self.version) == needed


class Reveal(SQLModel):
    """One person's part of something that both answer alone."""

    released: bool
    # Words that were released once are not rewritten, whoever has or has not read them: what a
    # partner once read stays what was said, and a later edit never tells whether it was read.
    final: bool
    # My partner has released theirs too: nothing takes mine back any more, whether or not anybody
    # has read it. It is written down as it happens, since what is allowed at another moment says
    # nothing of it.
    revealed: bool


def within_pairing() -> ForeignKeyConstraint:
    """For `__table_args__`: this row ends with its owner's membership of the couple."""
    mine, theirs = ["account_id", "couple_id"], ["member.account_id", "member.couple_id"]
    return ForeignKeyConstraint(mine, theirs, ondelete="CASCADE")
