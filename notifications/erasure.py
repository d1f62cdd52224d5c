"""Deletion, when its grace is over: the keys first, and then everything else.

Two committed steps for each person. After the first, what they wrote is noise, they are paired
with nobody and signed in nowhere; the second takes the account, and the cascade takes the rest.
Killed in between, a worker finds the same person due again. Nobody is told: to a partner it looks
as if somebody had left in silence, also while it happens.
"""

import logging
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col, delete

from schemas.accounts import Account
from schemas.database import transaction
from schemas.privacy import ALONE, DUE, MAKE_FINAL

# The database lets nobody be erased whose deletion is not final.
ERASE = delete(Account).where(col(Account.id) == bindparam("who"))

log = logging.getLogger(__name__)


async def erase(engine: AsyncEngine, now: datetime) -> None:
    """All whose grace is over: however many cannot be erased at present, they hold up nobody."""
    async with transaction(engine) as db:
        due = (await db.exec(DUE, params={"now": now})).all()
    for who in due:
        await erase_one(engine, who, now)


async def erase_one(engine: AsyncEngine, who: UUID, now: datetime) -> None:
    """Where somebody is busy with a row of theirs, the next sweep tries again."""
    this = {"who": who, "now": now}
    try:
        async with transaction(engine) as db:
            await db.exec(ALONE, params=this)
            await db.exec(MAKE_FINAL, params=this)
        async with transaction(engine) as db:
            await db.exec(ERASE, params=this)
    except DBAPIError as error:
        log.warning("a deletion is put off: %s", type(error).__name__)
