"""Pages of check-ins, newest day first."""

from datetime import date
from typing import Annotated, NamedTuple, Self
from uuid import UUID

from sqlalchemy import Date, Uuid, bindparam, tuple_
from sqlmodel import Field, SQLModel, col, select

from schemas.base import Text
from schemas.checkins import MINE_TO_SEE, NOT_KEPT_BACK, Checkin, CheckinPublic
from schemas.paging import PAGE, a_place, packed, unpacked


class CheckinPage(SQLModel):
    """Newest day first."""

    checkins: list[CheckinPublic]
    next: str | None = Field(description="Send as `after` for the next page; null: no more.")


class Cursor(NamedTuple):
    """Where a page ended: a day and an id, neither of which tells an hour."""

    date: date
    id: UUID

    def __str__(self) -> str:
        place = self.date.toordinal().to_bytes(4) + self.id.bytes
        return packed(place)

    @classmethod
    def of(cls, row: Checkin) -> Self:
        """Of the last on a page."""
        return cls(row.date, row.id)

    @classmethod
    def read(cls, text: str) -> Self:
        """ValueError for anything that no page ended with."""
        place = unpacked(text)
        return cls(date.fromordinal(int.from_bytes(place[:4])), UUID(bytes=place[4:]))


After = Annotated[Text, Field(max_length=40), a_place(Cursor.read)]
FIRST_PAGE = Cursor(date.max, UUID(int=(1 << 128) - 1))
CHECKINS = (
    select(Checkin)
    .where(MINE_TO_SEE, NOT_KEPT_BACK)
    .where(
        tuple_(col(Checkin.date), col(Checkin.id))
        < tuple_(bindparam("date", type_=Date), bindparam("id", type_=Uuid))
    )
    .order_by(col(Checkin.date).desc(), col(Checkin.id).desc())
    .limit(PAGE + 1)
)
