"""Today: the home screen in one call. Shape: mine.

Nothing stands here that another call would not show; it is read in one statement, so that a
phone that is opened has its screen after one round trip.
"""

from fastapi import APIRouter

from api.deps import Db, Me, Now
from api.errors import NotSignedIn, documented
from api.policy import today as policy
from schemas.today import TODAY, Screen, Today

router = APIRouter(prefix="/today", tags=["today"], responses=documented(NotSignedIn))


@router.get("", summary="Read my home screen")
async def read_today(me: Me, db: Db, now: Now) -> Today:
    """My day, my partner's name, space, open check-ins, what waits for me, my next reminder, and
    whether I am about to be deleted.
    """
    row = (await db.exec(TODAY, params=me.scope | {"now": now})).one()
    return policy.shown_to(me, Screen.of(me, row), now)
