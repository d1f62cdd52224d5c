"""Privacy: all that is kept of me, to take along and to have deleted. Shape: mine.

The export is all that I wrote or set, and nothing of my partner's. It is the answer itself, to
whoever has just proved to be me: no link that a mail could carry to somebody else.

Deletion begins with a week in which everything stays as it is, I may take it back, and nobody
else can see it. Then it is final: see `notifications/erasure.py`. Being paired is no hindrance,
and my partner is not told. The way without the app is in `api/deletion_page.py`.
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from fastapi.responses import StreamingResponse
from sqlalchemy import text

from api.areas import area
from api.deps import Asks, Db, Fresh, House, Me, MeWriting, Now, fresh, limited
from api.errors import NotProved, NotSignedIn, documented
from api.export import written
from api.policy.limits import EXPORT
from schemas.export import Export
from schemas.pairing import Person
from schemas.privacy import DELETION, TAKE_BACK, DeletionPublic, begun
from schemas.security import SecurityEvent, SecurityEventKind

router = area("/privacy", NotSignedIn)

# SQLAlchemy's option for it stays with the connection when the next request borrows it.
ONE_SNAPSHOT = text("set transaction isolation level repeatable read")
# A name that says nothing to whoever looks over a shoulder at a list of downloads.
ATTACHED = 'attachment; filename="export.json"'


async def in_turn(asks: Asks, house: House) -> AsyncIterator[None]:
    """Before any connection is taken: whoever takes much along keeps nobody from taking space."""
    async with house.crowd.enter_to_export(asks.claims.account_id):
        yield


async def fresh_snapshot(asks: Asks, db: Db, now: Now) -> Person:
    """`Fresh` without a lock, which a partner's requests would wait for, and feel. All that
    follows is read as it was at one moment.
    """
    await (await db.connection()).execute(ONE_SNAPSHOT)
    return await fresh(await asks.open(db, lock=False), now)


@router.get(
    "/export",
    summary="Take everything along",
    response_model=Export,
    responses=documented(NotProved),
    dependencies=[limited(EXPORT), Depends(in_turn, scope="function")],
)
async def export(
    me: Annotated[Person, Depends(fresh_snapshot)], db: Db, now: Now
) -> StreamingResponse:
    """All that I wrote or set, in one document. What my partner wrote, did or is called is not in
    it.
    """
    spool = await written(me, db, now)
    return StreamingResponse(
        spool.read(),
        media_type="application/json",
        headers={"content-disposition": ATTACHED, "content-length": str(spool.length)},
    )


@router.get("/deletion", summary="See whether I am about to be deleted")
async def read_deletion(me: Me, db: Db) -> DeletionPublic:
    """Whoever asked, with my phone or by mail: I see it here, and may take it back."""
    return DeletionPublic.of((await db.exec(DELETION, params=me.scope)).one_or_none())


@router.post(
    "/deletion", status_code=202, summary="Delete my account", responses=documented(NotProved)
)
async def ask_for_deletion(me: Fresh, db: Db, now: Now) -> DeletionPublic:
    """In seven days, for ever. Until then nothing changes, for nobody, and I may take it back.
    Asked again, it is not put off.
    """
    if (await db.exec(begun(me.id, now))).first():
        db.add(SecurityEvent.by(me, SecurityEventKind.DELETION_ASKED, now))
    return DeletionPublic.of((await db.exec(DELETION, params=me.scope)).one())


@router.delete("/deletion", status_code=204, summary="Stay")
async def take_deletion_back(me: MeWriting, db: Db, now: Now) -> None:
    """Everything stays as it is. Where I did not ask, nothing happens."""
    if (await db.exec(TAKE_BACK, params=me.scope)).first():
        db.add(SecurityEvent.by(me, SecurityEventKind.DELETION_STOPPED, now))
