"""Today: the home screen in one call. Shape: mine.

Nothing stands here that another call would not show; it is read in one statement, so that a
phone that is opened has its screen after one round trip.
"""

from api.areas import area
from api.deps import Comes
from api.errors import NotSignedIn
from api.policy import today as policy
from schemas.accounts import name_of
from schemas.opening import within_opening
from schemas.pairing import partners_name
from schemas.short import Short
from schemas.today import TODAY, Screen, Today

router = area("/today", NotSignedIn)

HOME = Short(within_opening(TODAY))


@router.get("", summary="Read my home screen")
async def read_today(comes: Comes) -> Today:
    """My day, my partner's name, space, open check-ins, what waits for me, my next reminder, and
    whether I am about to be deleted.
    """
    me, (mine, partners, screen) = await comes.read(HOME)
    name, partner = name_of(me.id, mine, me.key), partners_name(me, partners)
    return policy.shown_to(me, name, partner, Screen.model_validate_json(screen), comes.now)
