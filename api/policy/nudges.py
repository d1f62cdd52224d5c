"""What waits for me, and what of it my door let in."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from schemas.base import local_date
from schemas.consents import Purpose
from schemas.door import Approach, Recipient, closed_to
from schemas.nudges import Kind, Nudge, NudgesPublic, shown_nudge
from schemas.phrases import PHRASES, PhraseId

Row = tuple[Nudge, str | None]


def shown_to(recipient: Recipient, rows: Iterable[Row]) -> NudgesPublic:
    """Newest first. What came into space is behind the door; so is what my boundaries keep out.

    Asked with my settings of now: what I no longer allow is gone with the next look.
    """
    listed, behind = [], False
    for nudge, phrase in let_in(recipient, rows):
        if nudge.behind_the_door(recipient.space):
            behind = True
        else:
            listed.append(shown_nudge(nudge, phrase))
    return NudgesPublic(nudges=listed[::-1], behind_the_door=behind)


def let_in(recipient: Recipient, rows: Iterable[Row]) -> Iterable[Row]:
    """From the oldest on: of each day's contacts, as many as the budget has room for."""
    contacts: dict[date, int] = {}
    for nudge, phrase in sorted(rows, key=lambda row: (row[0].made_at, row[0].id)):
        day = local_date(nudge.made_at, recipient.zone)
        so_far = replace(recipient, contacts_today=contacts.get(day, 0))
        if phrase:
            contacts[day] = so_far.contacts_today + 1
        if wanted(nudge.kind, phrase, so_far):
            yield nudge, phrase


def wanted(kind: Kind, phrase: str | None, recipient: Recipient) -> bool:
    if not kind.from_partner:
        return True
    approach = Approach(PHRASES[PhraseId(phrase)] if phrase else None)
    return Purpose.PARTNER_NUDGES in recipient.consents and not (
        approach.phrase and [*closed_to(approach.phrase, recipient)]
    )
