"""What is kept, of whom, how long and why: every table there is, and nothing else is kept.

The worker sweeps by this, PRIVACY.md is written from it, and a test fails for a table that is not
here. What has no time of its own (`retention_tables.py`) goes with its owner's account, by the
database's own cascade.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Delete, bindparam, func
from sqlmodel import SQLModel, UTCDateTime, col, delete, select

from schemas.idempotency import KeptAnswer
from schemas.identities import IdentityNonce
from schemas.invitations import Invitation
from schemas.links import Link
from schemas.nudges import KEPT as NUDGE_KEPT
from schemas.nudges import Nudge
from schemas.partner_nudges import PartnerNudge
from schemas.retention_tables import UNSWEPT, Kept
from schemas.security import KEPT as EVENTS_KEPT
from schemas.security import SecurityEvent
from schemas.sessions import RefreshToken, Session
from schemas.space import Space

# Longer than anything asks about what was sent: a budget looks at 16 days.
SENT_KEPT = timedelta(days=90)
# Whatever came into a space that is over has run out by then, and nothing asks for the space.
SPACE_KEPT = NUDGE_KEPT
AT_ONCE = timedelta(0)
MOST = 1000  # rows that one statement sweeps, so that nobody waits behind it
NOW = bindparam("now", type_=UTCDateTime)

SWEPT: Mapping[str, Kept] = {
    "identity_nonce": Kept(
        what="hashes of tokens that were shown once",
        whose="its owner's",
        how_long="as long as the token would be good",
        why="none is taken twice",
        over=(IdentityNonce, IdentityNonce.expires_at, AT_ONCE),
    ),
    "invitation": Kept(
        what="the hash of a code, and who typed it",
        whose="its inviter's",
        how_long="24 hours",
        why="to become a couple",
        over=(Invitation, Invitation.expires_at, AT_ONCE),
    ),
    "kept_answer": Kept(
        what="an answer to a request that may be sent again, sealed",
        whose="its owner's",
        how_long="24 hours",
        why="what was done is not done twice",
        over=(KeptAnswer, KeptAnswer.expires_at, AT_ONCE),
    ),
    "link": Kept(
        what="what a mailed token opens, sealed with it",
        whose="its recipient's",
        how_long="an hour; a day to sign up",
        why="to show that a mailbox is theirs",
        over=(Link, Link.expires_at, AT_ONCE),
        outlives="to an address of no account, sealed, until it runs out",
    ),
    "nudge": Kept(
        what="what waits for somebody: its kind and day",
        whose="its recipient's",
        how_long="14 days, or until dismissed",
        why="a lost push loses nothing",
        over=(Nudge, Nudge.expires_at, AT_ONCE),
    ),
    "partner_nudge": Kept(
        what="which phrase was sent when",
        whose="its sender's, and its recipient's",
        how_long="90 days, or until either leaves",
        why="budgets, and what its sender sees",
        over=(PartnerNudge, PartnerNudge.sent_at, SENT_KEPT),
    ),
    "refresh_token": Kept(
        what="hashes of the tokens that renew a session",
        whose="its owner's",
        how_long="60 days, or as long as its session",
        why="a stolen one is recognised",
        over=(RefreshToken, RefreshToken.expires_at, AT_ONCE),
    ),
    "security_event": Kept(
        what="what happened to the ways into an account",
        whose="its owner's",
        how_long="90 days",
        why="its owner notices somebody else's hand",
        over=(SecurityEvent, SecurityEvent.at, EVENTS_KEPT),
    ),
    "session": Kept(
        what="a phone that is signed in: since when, last renewed",
        whose="its owner's",
        how_long="60 days after it was last renewed",
        why="to stay signed in",
        over=(Session, Session.expires_at, AT_ONCE),
    ),
    "space": Kept(
        what="the space somebody took last",
        whose="its owner's",
        how_long="until the next, or 14 days after its end",
        why="the door holds to it",
        over=(Space, Space.ends_at, SPACE_KEPT),
    ),
}
# In the order of the database, in which PRIVACY.md tells them.
TABLES: Mapping[str, Kept] = dict(sorted({**UNSWEPT, **SWEPT}.items()))


def sweep_of(table: type[SQLModel], time: datetime | None, after: timedelta) -> Delete:
    """Those whose time is over, the longest first, up to about the thousandth. By their time
    alone, since there are tables of which the worker may read nothing else.
    """
    ends = col(time)
    over = select(ends).where(ends <= NOW - after).order_by(ends).limit(MOST).subquery()
    return delete(table).where(ends <= select(func.max(over.c[0])).scalar_subquery())


SWEEPS = tuple(sweep_of(*kept.over) for kept in TABLES.values() if kept.over)
