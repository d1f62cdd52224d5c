"""Answers that are kept, so that a request which is sent again is not done again."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints
from sqlmodel import Field

from schemas.sealing import Place
from schemas.shapes import Mine

KEPT_FOR = timedelta(hours=24)

# Visible ASCII: whatever an app makes at random, and nothing that could break a header.
Key = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[!-~]+$")]


class KeptAnswer(Mine, table=True):
    """The first answer to a request that named a key. Neither key nor request stands here: what
    is kept of them recognises them, and tells nothing to whoever has not the person's own key.

    What was answered about the two is answered for as long as they are one: nobody is told again of
    what is over. It hangs on its owner alone, and is swept: where it hung on the pairing, whoever
    kept enough of it made leaving too slow to succeed.
    """

    __tablename__ = "kept_answer"

    account_id: UUID = Field(primary_key=True, foreign_key="account.id", ondelete="CASCADE")
    couple_id: UUID | None = Field(description="Null: it was about me alone.")
    key_hash: bytes = Field(primary_key=True)
    request_hash: bytes
    status: int
    sealed: bytes
    expires_at: datetime = Field(index=True)

    def stands(self, couple_id: UUID | None, now: datetime) -> bool:
        """Is it still what this request is answered with?"""
        return now < self.expires_at and self.couple_id in {None, couple_id}

    @property
    def place(self) -> Place:
        return ("kept_answer", "sealed", self.account_id, self.key_hash.hex())
