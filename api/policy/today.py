"""How the home screen looks to one person."""

from datetime import datetime

from api.policy import nudges, space
from schemas.base import local_date
from schemas.boundaries import boundaries_of
from schemas.consents import Purpose, allowed
from schemas.door import Recipient
from schemas.pairing import Person
from schemas.today import Screen, Today


def shown_to(me: Person, name: str, partner: str | None, screen: Screen, now: datetime) -> Today:
    """What each area would show by itself, in one piece."""
    recipient = myself(me, screen, now)
    due = screen.deletion_due_at
    reminded = Purpose.REMINDERS in recipient.consents
    return Today(
        date=local_date(now, me.zone),
        name=name,
        partner=partner,
        space=space.shown_to(me, screen.spaces, now),
        checkins=screen.checkins,
        nudges=nudges.shown_to(
            recipient,
            [(each, each.phrase) for each in screen.nudges],
            [(each.id, each.sent_at) for each in screen.contacts],
        ),
        next_reminder_at=screen.next_reminder_at if reminded else None,
        deletion_due_on=due and local_date(due, me.zone),
    )


def myself(me: Person, screen: Screen, now: datetime) -> Recipient:
    return Recipient(
        zone=me.zone,
        consents=frozenset(allowed(screen.consents, me.couple_id, now)),
        space=next((each for each in screen.spaces if each.account_id == me.id), None),
        boundaries=boundaries_of(screen.boundaries),
        contacts_today=0,
    )
