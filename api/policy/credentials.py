"""When a new password is good that somebody chose by way of the mailbox."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from schemas.sessions import Session

# Whoever signs a phone out, to be alone with its mailbox, is not alone yet.
LATELY = timedelta(days=1)


def nobody_is_there(sessions: Iterable[Session], now: datetime, *, ended_lately: bool) -> bool:
    """Is there nobody who could see it coming, and stop it?"""
    return not ended_lately and not any(session.live(now) for session in sessions)
