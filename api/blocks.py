"""Blocks: former partners with whom I do not become a couple again. Shape: mine.

One blocks in leaving (`POST /pairing/leave`), when it is known whom. From then on neither can type
the other's code: the answer is that of a code that does not exist, and nobody is told anything.
"""

from uuid import UUID

from api.areas import area
from api.deps import Db, Me, MeWriting
from api.errors import NotFound, NotSignedIn, documented
from schemas.blocks import BLOCKS, LIFT, BlockPublic

router = area("/blocks", NotSignedIn)


@router.get("", summary="See whom I blocked")
async def read_blocks(me: Me, db: Db) -> list[BlockPublic]:
    """Newest day first. Only I see them."""
    return [row.public(me.key) for row in await db.exec(BLOCKS, params=me.scope)]


@router.delete(
    "/{block_id}", status_code=204, summary="Lift a block", responses=documented(NotFound)
)
async def lift(block_id: UUID, me: MeWriting, db: Db) -> None:
    """From now on our codes work for each other again, unless they blocked me. Nobody is told."""
    lifted = await db.exec(LIFT, params={**me.scope, "block": block_id})
    if lifted.one_or_none() is None:
        raise NotFound
