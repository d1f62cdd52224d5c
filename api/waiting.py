"""What waits for whoever asks, read within a transaction; by itself: `api/nudges.py`."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.pairing import Person
from schemas.short import Short
from schemas.waiting import WAITS, WaitingRows

WAITING = Short(WAITS)


async def waiting(me: Person, db: AsyncSession, now: datetime) -> WaitingRows:
    """With all that decides what of it they see."""
    [found] = await WAITING.one(db, **me.scope, now=now)
    return WaitingRows.model_validate_json(found)
