"""How many messages may leave in this second, of all workers together. Pure.

FCM asks three things of whoever sends much: no more than a quota a minute, a minute or more to
come up to that from nothing, and, once it has had enough, silence for as long as it says. So each
second has a number of its own. What a second does not use is not saved up for another.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from schemas.sessions import MOST_SESSIONS

PER_MINUTE = 500_000  # FCM's own limit is 600,000 for a project, unless it was asked for more
RAMP = 60  # seconds from nothing to all
SECOND = timedelta(seconds=1)
# In each second there is room for all the phones of one person: else they would wait for ever.
LEAST = MOST_SESSIONS
LEAST_PER_MINUTE = LEAST * 60


class Pace(NamedTuple):
    """As the last second was in which something left."""

    second: datetime
    used: int  # messages
    most: int  # that it had
    peace_until: datetime


def granted(pace: Pace, now: datetime, per_minute: int, wanted: int) -> tuple[int, Pace]:
    """How many of the messages that somebody wants to send may leave, and what is left of it."""
    here = at(pace, now, per_minute)
    if now < here.peace_until:
        return 0, here
    number = max(0, min(wanted, here.most - here.used))
    return number, here._replace(used=here.used + number)


def at(pace: Pace, now: datetime, per_minute: int) -> Pace:
    """Up by a sixtieth of all after a second that was used up, down as steeply after others: a
    worker that stumbles does not send everybody back to the start.
    """
    # Workers ask a little out of order. A clock that was set back by more begins anew.
    passed = (now - pace.second) // SECOND
    if -RAMP < passed <= 0:
        return pace
    full = per_minute // 60
    step = max(full // RAMP, LEAST)
    most = min(max(pace.used, pace.most - 2 * step) + step, full)
    idle = passed - 1 if passed > 0 else RAMP
    second = now.replace(microsecond=0)
    return Pace(second, 0, max(most - idle * step, step), pace.peace_until)


def hushed(pace: Pace, now: datetime, peace: timedelta) -> Pace:
    """From now on nobody sends anything, and afterwards all begin at the bottom again."""
    until = max(pace.peace_until, now + peace)
    return Pace(max(pace.second, now.replace(microsecond=0)), 0, 0, until)
