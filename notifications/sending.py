"""The pace of all workers, in the row that they share.

Whoever claims looks first, without waiting for anybody, and takes last: the row is locked from
then to the end of that transaction and for nothing else, so workers hardly meet at it.
"""

from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications.pace import Pace, granted, hushed
from schemas.sending import Sending

LOOK = select(Sending.second, Sending.used, Sending.most, Sending.peace_until)
LOCK = LOOK.with_for_update()
# A worker that stands still with the row in its hands would hold up all the others: it loses it.
LET_GO = select(func.set_config("idle_in_transaction_session_timeout", "2s", True))  # noqa: FBT003


async def room(db: AsyncSession, now: datetime, per_minute: int, wanted: int) -> int:
    """How many messages might leave at this moment. Others may take them before we do."""
    return granted(await look(db), now, per_minute, wanted)[0]


async def look(db: AsyncSession) -> Pace:
    return Pace(*(await db.exec(LOOK)).one())


async def take(db: AsyncSession, now: datetime, per_minute: int, wanted: int) -> int:
    """How many of these may leave. Until this transaction ends, nobody else is told."""
    if not wanted:
        return 0
    number, pace = granted(await lock(db), now, per_minute, wanted)
    await db.exec(update(Sending).values(pace._asdict()))
    return number


async def lock(db: AsyncSession) -> Pace:
    await db.exec(LET_GO)
    return Pace(*(await db.exec(LOCK)).one())


async def hush(db: AsyncSession, now: datetime, peace: timedelta) -> None:
    """What FCM told one worker holds for all of them."""
    if peace:
        pace = hushed(await lock(db), now, peace)
        await db.exec(update(Sending).values(pace._asdict()))
