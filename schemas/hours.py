"""When an hour comes, from one date to the next. Pure."""

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache

from schemas.base import date_exists, instant, local_date


class Weekday(StrEnum):
    """As in ISO 8601, the week begins on Monday."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


def next_day(after: date, weekday: Weekday | None) -> date:
    if weekday is None:
        return after + timedelta(days=1)
    wanted = [*Weekday].index(Weekday(weekday))
    return after + timedelta(days=(wanted - after.weekday() - 1) % 7 + 1)


# Kept for a while: many chose the same hour, and their hours come at the same moment.
@lru_cache(maxsize=4096)
def next_hour(
    now: datetime, last: date, weekday: Weekday | None, at: time, zone: str
) -> tuple[date, datetime]:
    """The first date after `last` that there is and whose hour lies after now, and its instant."""
    day, moment = local_date(now, zone) - timedelta(days=1), now
    while moment <= now or day <= last or not date_exists(day, zone):
        day = next_day(day, weekday)
        moment = instant(day, at, zone)
    return day, moment
