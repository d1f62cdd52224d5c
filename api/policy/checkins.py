"""Which check-ins somebody sees."""

from datetime import datetime

from schemas.checkins import Checkin
from schemas.pairing import Person
from schemas.space import Space


def kept_back(checkin: Checkin, me: Person, my_space: Space | None, now: datetime) -> bool:
    """Did my partner begin it during the space that I am in?"""
    theirs = checkin.begun_by is not None and checkin.begun_by != me.id
    return bool(
        theirs and my_space and my_space.covers(now) and my_space.came_during(checkin.begun_at)
    )
