"""When a reminder is due, and how long it is good for. Pure."""

from datetime import datetime, timedelta
from uuid import UUID

from schemas.base import EARLIEST
from schemas.schedules import Cadence

# Later than this it is not sent: a worker that was away does not ring at night for the evening.
GRACE = timedelta(hours=2)
# One reminder for an item and at most one more, which replaces the first on the screen.
SECOND_AFTER = timedelta(hours=3)
REMINDS_FOR = SECOND_AFTER + GRACE

# The whole world's clocks strike at once, and FCM asks senders to keep two minutes away from
# that, on both sides of each full quarter. Every zone's quarters are also UTC's.
QUARTER = timedelta(minutes=15)
AWAY = timedelta(minutes=2)
CALM = QUARTER - 2 * AWAY  # of each quarter
SPREAD_SECONDS = 5 * 60

OPEN_FOR = {Cadence.DAILY: timedelta(hours=36), Cadence.WEEKLY: timedelta(days=7)}


def spread(at: datetime, whose: UUID) -> datetime:
    """Later by up to five minutes of calm, always as late for one couple or person: nobody is
    asked before the hour they chose.
    """
    quarters, into = divmod(at - EARLIEST, QUARTER)
    # The last bits of an id are random, whatever its version.
    later = timedelta(seconds=whose.int % SPREAD_SECONDS)
    calm = min(max(into - AWAY, timedelta(0)), CALM) + later
    return EARLIEST + (quarters + calm // CALM) * QUARTER + AWAY + calm % CALM


def still_in_time(occurred_at: datetime, now: datetime) -> bool:
    """May a reminder for this hour still ring?"""
    return now < occurred_at + GRACE
