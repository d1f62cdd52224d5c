"""Deletion, when its grace is over: the keys first, and then everything else.

Two committed steps for each person. After the first, what they wrote is noise, they are paired
with nobody and signed in nowhere; the second takes the account, and the cascade takes the rest.
Killed in between, a worker finds the same person due again. Nobody is told: to a partner it looks
as if somebody had left in silence.
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
from schemas.privacy import DUE, MAKE_FINAL

MOST = 20  # people in one step: pushes wait meanwhile
# The database lets nobody be erased whose deletion is not final.
ERASE = delete(Account).where(col(Account.id) == bindparam("who"))

log = logging.getLogger(__name__)


async def erase(engine: AsyncEngine, now: datetime) -> bool:
    """Up to `MOST` of those whose grace is over. Are there more?"""
    async with transaction(engine) as db:
        due = (await db.exec(DUE, params={"now": now, "most": MOST})).all()
    erased = [await erased_one(engine, who, now) for who in due]
    return len(due) == MOST and any(erased)


async def erased_one(engine: AsyncEngine, who: UUID, now: datetime) -> bool:
    """False: somebody is busy with a row of theirs, and the next step tries again."""
    this = {"who": who, "now": now}
    try:
        for step in (MAKE_FINAL, ERASE):
            async with transaction(engine) as db:
                await db.exec(step, params=this)
    except DBAPIError as error:
        log.warning("a deletion is put off: %s", type(error).__name__)
        return False
    return True
