"""Today: the home screen in one call. Shape: mine.

Nothing stands here that another call would not show; it is read in one statement, so that a
phone that is opened has its screen after one round trip.
"""

from api.areas import area
from api.deps import Db, Me, Now
from api.errors import NotSignedIn
from api.policy import today as policy
from schemas.accounts import name_of
from schemas.pairing import partners_name
from schemas.short import Short
from schemas.today import TODAY, Screen, Today

router = area("/today", NotSignedIn)

HOME = Short(TODAY)


@router.get("", summary="Read my home screen")
async def read_today(me: Me, db: Db, now: Now) -> Today:
    """My day, my partner's name, space, open check-ins, what waits for me, my next reminder, and
    whether I am about to be deleted.
    """
    row = await HOME.one(db, **me.scope, now=now)
    name, partner = name_of(me.id, row[0], me.key), partners_name(me, row[1])
    return policy.shown_to(me, name, partner, Screen.model_validate_json(row[2]), now)
