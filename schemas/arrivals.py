"""That a scheduled check-in is there for somebody, as stored. The worker alone says so."""

from uuid import UUID

from sqlmodel import Field

from schemas.shapes import Mine


class Arrival(Mine, table=True):
    """Its owner's own hour for this check-in has come. Nothing else makes it theirs to see:
    neither that an hour was moved, nor that it was passed over, nor that a schedule is left.
    """

    __tablename__ = "checkin_arrival"

    account_id: UUID = Field(primary_key=True, foreign_key="account.id", ondelete="CASCADE")
    checkin_id: UUID = Field(
        primary_key=True, index=True, foreign_key="checkin.id", ondelete="CASCADE"
    )
