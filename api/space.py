"""Space: stepping back for a while. Shape: mine.

Space belongs to whoever takes it; only they end it, and it may last as long as they need.
Told, the partner sees that it is on and hears of it once. Silent, the partner sees what
they would see without it. Nothing here touches what waits: the door asks for the space when
something is about to reach its owner, so all that is written is one row, and one nudge.
"""

from api.areas import area
from api.deps import Db, Now, Reader, Writer
from api.errors import NotPaired, NotSignedIn, Refusal, documented
from api.policy import space as policy
from notifications import outbox
from schemas.nudges import KEEP_BEHIND_THE_DOOR, Kind
from schemas.space import SPACES, Space, SpaceMine, SpacePublic, SpaceWrite

router = area("/space", NotSignedIn, NotPaired)


class SpaceAlreadyOver(Refusal):
    type = "/problems/space-already-over"
    status = 422
    detail = "Space ends in the future, or has no end."
    pointer = "#/ends_at"


@router.get("", summary="See space")
async def read_space(me: Reader, db: Db, now: Now) -> SpacePublic:
    """My space, and my partner's if they let me know."""
    spaces = await db.exec(SPACES, params=me.scope)
    return policy.shown_to(me, spaces, now)


@router.put("", summary="Take space", responses=documented(SpaceAlreadyOver))
async def take_space(body: SpaceWrite, me: Writer, db: Db, now: Now) -> SpaceMine:
    """Take space, or change the space that is on. From the answer on, nothing from my partner
    reaches my phone, whatever was queued before. Sent again, it tells nobody again.
    """
    if not policy.may_end_at(body.ends_at, now):
        raise SpaceAlreadyOver

    before = await db.get(Space, me.id)
    if before and not before.covers(now):
        came = {"began": before.began_at, "ended": before.ends_at}
        await db.exec(KEEP_BEHIND_THE_DOOR, params=me.scope | came)
    if policy.begins_for_partner(before, body, now):
        await outbox.tell(db, me.partner_id, me.couple_id, Kind.SPACE_BEGAN, now)

    space = Space.of(me, body, policy.began_at(before, now))
    if before:
        await db.merge(space)
    else:
        db.add(space)
    return SpaceMine.model_validate(space)


@router.delete("", status_code=204, summary="End my space")
async def end_space(me: Writer, db: Db, now: Now) -> None:
    """End my own space now. To end what is not on changes nothing."""
    space = await db.get(Space, me.id)
    if space and space.covers(now):
        space.ends_at = now
