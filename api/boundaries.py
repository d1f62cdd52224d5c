"""Boundaries: how, when and about what I may be reached. Shape: mine.

A boundary needs nobody's approval. The server holds every one of them, shown or not: what is
shown turns my partner away in words, what is not shown holds without a sign.
"""

from sqlmodel.ext.asyncio.session import AsyncSession

from api.areas import area
from api.deps import Db, Me, MeWriting
from api.errors import NotPaired, NotSignedIn, documented
from schemas.boundaries import (
    BOUNDARIES,
    BoundariesPublic,
    BoundariesWrite,
    boundaries_of,
    rows_of,
)
from schemas.pairing import Person

router = area("/boundaries", NotSignedIn)


@router.get("", summary="See boundaries")
async def read_boundaries(me: Me, db: Db) -> BoundariesPublic:
    """Mine, and of my partner's those that they show me."""
    return await both(me, db)


async def both(me: Person, db: AsyncSession) -> BoundariesPublic:
    rows = (await db.exec(BOUNDARIES, params=me.scope)).all()
    mine = boundaries_of(row for row in rows if row.account_id == me.id)
    theirs = boundaries_of(row for row in rows if row.account_id == me.partner_id)
    return BoundariesPublic(mine=mine, partner=theirs if me.partner_id else None)


@router.put("", summary="Set my boundaries", responses=documented(NotPaired))
async def set_boundaries(body: BoundariesWrite, me: MeWriting, db: Db) -> BoundariesPublic:
    """All of them, as they shall be; null takes one away. To show one needs somebody to see it."""
    if body.any_shown() and not me.couple_id:
        raise NotPaired
    for row in await db.exec(BOUNDARIES, params=me.scope | {"partner": None}):
        await db.delete(row)
    await db.flush()
    db.add_all(rows_of(me, body))
    await db.flush()
    return await both(me, db)
