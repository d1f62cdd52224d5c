"""Pages of what somebody said yes and no to, newest first."""

from datetime import datetime
from typing import Annotated, NamedTuple, Self

from sqlalchemy import bindparam
from sqlmodel import Field, SQLModel, col, select

from schemas.base import Text
from schemas.consents import Consent, Purpose
from schemas.paging import PAGE, a_place, packed, unpacked

BYTES = 4  # as the column has


class ConsentPast(SQLModel):
    """One entry of my history, which nobody else can read."""

    number: int
    purpose: Purpose
    given: bool
    text_version: int
    expires_at: datetime | None
    said_at: datetime


class ConsentHistory(SQLModel):
    """Newest first."""

    entries: list[ConsentPast]
    next: str | None = Field(description="Send as `after` for the next page; null: no more.")


class Cursor(NamedTuple):
    """Where a page ended: what is said is numbered from one on."""

    number: int

    def __str__(self) -> str:
        return packed(self.number.to_bytes(BYTES))

    @classmethod
    def of(cls, row: Consent) -> Self:
        """Of the last on a page."""
        return cls(row.number)

    @classmethod
    def read(cls, text: str) -> Self:
        """ValueError for anything that no page ended with."""
        place = unpacked(text)
        number = int.from_bytes(place, signed=True)
        if len(place) != BYTES or number < 1:
            raise ValueError
        return cls(number)


After = Annotated[Text, Field(max_length=40), a_place(Cursor.read)]
FIRST_PAGE = Cursor(2 ** (8 * BYTES - 1) - 1)
HISTORY = (
    select(Consent)
    .where(col(Consent.account_id) == bindparam("me"), col(Consent.number) < bindparam("number"))
    .order_by(col(Consent.number).desc())
    .limit(PAGE + 1)
)
