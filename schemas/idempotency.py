"""Answers that are kept, so that a request which is sent again is not done again."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints
from sqlmodel import Field

from schemas.sealing import Place
from schemas.shapes import Mine, within_pairing

KEPT_FOR = timedelta(hours=24)

# Visible ASCII: whatever an app makes at random, and nothing that could break a header.
Key = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[!-~]+$")]


class KeptAnswer(Mine, table=True):
    """The first answer to a request that named a key. Neither key nor request stands here: what
    is kept of them recognises them, and tells nothing to whoever has not the person's own key.

    What was answered about the two goes with the pairing: nobody is told again of what is over.
    """

    __tablename__ = "kept_answer"
    __table_args__ = (within_pairing(),)

    account_id: UUID = Field(primary_key=True, foreign_key="account.id", ondelete="CASCADE")
    couple_id: UUID | None = Field(description="Null: it was about me alone.")
    key_hash: bytes = Field(primary_key=True)
    request_hash: bytes
    status: int
    sealed: bytes
    expires_at: datetime = Field(index=True)

    @property
    def place(self) -> Place:
        return ("kept_answer", "sealed", self.account_id, self.key_hash.hex())
