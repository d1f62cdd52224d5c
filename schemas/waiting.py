"""What waits for one person, and all that decides what of it they see, read in one statement."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ScalarSelect
from sqlmodel import col, select

from schemas.boundaries import MINE_SET, BoundarySet
from schemas.consents import LastWord
from schemas.in_json import as_json, in_one, of
from schemas.last_words import MY_LAST_WORDS
from schemas.nudges import NUDGES, Nudge, Waiting
from schemas.partner_nudges import CONTACTS, PartnerNudge
from schemas.space import SPACES, Space, SpaceTaken


class NudgeWaiting(Waiting):
    """What waits for me, with the phrase, where it is one."""

    phrase: str | None


class Contact(BaseModel):
    """That my partner sent a phrase, and when."""

    id: UUID
    sent_at: datetime


class WaitingRows(BaseModel):
    """All that decides what of it is shown, and nothing of anybody else but their space."""

    spaces: list[SpaceTaken]
    nudges: list[NudgeWaiting]
    contacts: list[Contact]
    consents: list[LastWord]
    boundaries: list[BoundarySet]


WAITING: dict[str, ScalarSelect[Any]] = {
    "spaces": as_json(SPACES.with_only_columns(*of(Space, SpaceTaken))),
    "nudges": as_json(NUDGES.with_only_columns(*of(Nudge, NudgeWaiting), col(PartnerNudge.phrase))),
    "contacts": as_json(CONTACTS),
    "consents": as_json(MY_LAST_WORDS),
    "boundaries": MINE_SET,
}
WAITS = select(in_one(WAITING))
