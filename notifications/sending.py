"""The pace of all workers, in the row that they share.

Whoever claims looks first, without waiting for anybody, and takes last: the row is locked from
then to the end of that transaction and for nothing else, so workers hardly meet at it.
"""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, func
from sqlmodel import select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications.pace import Pace, granted, hushed
from schemas.sending import Sending
from schemas.short import Short

PACE = select(Sending.second, Sending.used, Sending.most, Sending.peace_until)
LOOK = Short(PACE)
# A worker that stands still with the row in its hands would hold up all the others: it loses it.
LET_GO = func.set_config("idle_in_transaction_session_timeout", "2s", True)  # noqa: FBT003
LOCK = Short(PACE.add_columns(LET_GO).with_for_update())
KEEP = Short(update(Sending).values({name: bindparam(name) for name in Pace._fields}))


async def room(db: AsyncSession, now: datetime, per_minute: int, wanted: int) -> int:
    """How many messages might leave at this moment. Others may take them before we do."""
    return granted(await look(db), now, per_minute, wanted)[0]


async def look(db: AsyncSession) -> Pace:
    return Pace(*await LOOK.one(db))


async def take(db: AsyncSession, now: datetime, per_minute: int, wanted: int) -> int:
    """How many of these may leave. Until this transaction ends, nobody else is told."""
    if not wanted:
        return 0
    number, pace = granted(await lock(db), now, per_minute, wanted)
    await KEEP.do(db, **pace._asdict())
    return number


async def lock(db: AsyncSession) -> Pace:
    *pace, _ = await LOCK.one(db)
    return Pace(*pace)


async def hush(db: AsyncSession, now: datetime, peace: timedelta) -> None:
    """What FCM told one worker holds for all of them."""
    if peace:
        await KEEP.do(db, **hushed(await lock(db), now, peace)._asdict())
