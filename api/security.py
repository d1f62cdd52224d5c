"""Security: what happened to the ways into my account. Shape: mine.

Only I read it. It says what and when, and which of my sessions did it: not from where, and not on
what phone. Kept for ninety days.
"""

from api.areas import area
from api.deps import Db, Me
from api.errors import NotSignedIn
from schemas.paging import paged
from schemas.security import (
    EVENTS,
    FIRST_PAGE,
    After,
    Cursor,
    SecurityEventPublic,
    SecurityPage,
)

router = area("/security", NotSignedIn)


@router.get("", summary="See what happened to my account")
async def read_security(me: Me, db: Db, after: After | None = None) -> SecurityPage:
    """Newest first: signing in and out, proofs that failed, changes that were asked for, stopped
    or done, identities that were linked or unlinked. What I do not recognise was somebody else.
    Kept for ninety days.
    """
    end = Cursor.read(after) if after else FIRST_PAGE
    rows, more = paged((await db.exec(EVENTS, params=me.scope | end._asdict())).all(), Cursor.of)
    return SecurityPage(events=[*map(SecurityEventPublic.model_validate, rows)], next=more)
