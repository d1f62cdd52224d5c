"""How the home screen looks to one person."""

from datetime import datetime

from api.policy import nudges, space
from schemas.base import local_date
from schemas.consents import Purpose, allowed
from schemas.pairing import Person
from schemas.today import Screen, Today


def shown_to(me: Person, name: str, partner: str | None, screen: Screen, now: datetime) -> Today:
    """What each area would show by itself, in one piece."""
    due = screen.deletion_due_at
    reminded = Purpose.REMINDERS in allowed(screen.consents, me.couple_id, now)
    return Today(
        date=local_date(now, me.zone),
        name=name,
        partner=partner,
        space=space.shown_to(me, screen.spaces, now),
        checkins=screen.checkins,
        nudges=nudges.shown_of(me, screen, now),
        next_reminder_at=screen.next_reminder_at if reminded else None,
        deletion_due_on=due and local_date(due, me.zone),
    )
