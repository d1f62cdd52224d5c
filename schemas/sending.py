"""How fast all workers together send at present, as stored: one row, and nobody's."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel


class Sending(SQLModel, table=True):
    """What `notifications/pace.py` goes by from one second to the next."""

    __table_args__ = (CheckConstraint("id = 1", name="one"),)

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    second: datetime = Field(description="The last one in which something left.")
    used: int = Field(description="Messages that left in it.")
    most: int = Field(description="Messages that might have.")
    peace_until: datetime = Field(description="Until then FCM wants to hear nothing.")
