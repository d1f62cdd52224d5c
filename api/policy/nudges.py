"""What waits for me, and what of it my door let in."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from schemas.boundaries import boundaries_of
from schemas.consents import Purpose, allowed
from schemas.door import Recipient, closed_to
from schemas.nudges import NudgesPublic, Waiting, shown_nudge
from schemas.pairing import Person
from schemas.partner_nudges import places_in_the_day
from schemas.phrases import PHRASES, PhraseId
from schemas.space import SpaceTaken
from schemas.waiting import NudgeWaiting, WaitingRows

Row = tuple[Waiting, str | None]
Contact = tuple[UUID, datetime]


def shown_of(me: Person, rows: WaitingRows, now: datetime) -> NudgesPublic:
    """What waits for me, of what was read in one statement."""
    return shown_to(
        myself(me, rows, now),
        [(each, each.phrase) for each in rows.nudges],
        [(each.id, each.sent_at) for each in rows.contacts],
    )


def myself(me: Person, rows: WaitingRows, now: datetime) -> Recipient:
    return Recipient(
        zone=me.zone,
        consents=frozenset(allowed(rows.consents, me.couple_id, now)),
        space=space_of(me, rows),
        boundaries=boundaries_of(rows.boundaries),
        contacts_today=0,
    )


def space_of(me: Person, rows: WaitingRows) -> SpaceTaken | None:
    return next((each for each in rows.spaces if each.account_id == me.id), None)


def behind_the_door(me: Person, rows: WaitingRows) -> list[NudgeWaiting]:
    """What came while I took space, and was not looked at since."""
    my_space = space_of(me, rows)
    return [each for each in rows.nudges if each.behind_the_door(my_space)]


def shown_to(
    recipient: Recipient, rows: Iterable[Row], contacts: Iterable[Contact]
) -> NudgesPublic:
    """Newest first. What came into space is behind the door; what my boundaries keep out is not
    listed at all.

    Asked with my settings of now: what I no longer allow is gone with the next look.
    """
    listed, behind = [], False
    for nudge, phrase in let_in(recipient, rows, contacts):
        if nudge.behind_the_door(recipient.space):
            behind = True
        else:
            listed.append(shown_nudge(nudge, phrase))
    return NudgesPublic(nudges=listed[::-1], behind_the_door=behind)


def let_in(recipient: Recipient, rows: Iterable[Row], contacts: Iterable[Contact]) -> Iterable[Row]:
    """From the oldest on: of each day's contacts, as many as the budget has room for."""
    places = places_in_the_day(contacts, recipient.zone)
    for nudge, phrase in sorted(rows, key=lambda row: (row[0].made_at, row[0].id)):
        before = places.get(nudge.about, 0) if nudge.about else 0
        if not nudge.kind.from_partner or wanted(phrase, recipient, before):
            yield nudge, phrase


def wanted(phrase: str | None, recipient: Recipient, before: int) -> bool:
    """From my partner, on a day with so many contacts before it."""
    if Purpose.PARTNER_NUDGES not in recipient.consents:
        return False
    return phrase is None or not any(
        closed_to(PHRASES[PhraseId(phrase)], recipient.boundaries, before)
    )
