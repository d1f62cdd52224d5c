"""Security: what happened to the ways into my account. Shape: mine.

Only I read it. It says what and when, and which of my sessions did it: not from where, and not on
what phone. Kept for ninety days.
"""

from typing import Annotated

from fastapi import Query

from api.areas import area
from api.deps import Db, Me
from api.errors import NotSignedIn
from schemas.security import (
    EVENTS,
    FIRST_PAGE,
    PAGE,
    After,
    Cursor,
    SecurityEventPublic,
    SecurityPage,
)

router = area("/security", NotSignedIn)


@router.get("", summary="See what happened to my account")
async def read_security(
    me: Me, db: Db, after: Annotated[After | None, Query()] = None
) -> SecurityPage:
    """Newest first: signing in and out, proofs that failed, changes that were asked for, stopped
    or done, identities that were linked or unlinked. What I do not recognise was somebody else.
    Kept for ninety days.
    """
    end = Cursor.read(after) if after else FIRST_PAGE
    rows = (await db.exec(EVENTS, params=me.scope | end._asdict())).all()
    shown = rows[:PAGE]
    more = str(Cursor(shown[-1].at, shown[-1].id)) if len(rows) > PAGE else None
    return SecurityPage(events=[*map(SecurityEventPublic.model_validate, shown)], next=more)
