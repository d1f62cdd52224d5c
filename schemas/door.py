"""The door: may this reach that person now?

One pure question, asked when an offer is made and again as a push is about to leave. What the
recipient shows, refuses; what they keep to themselves, holds, and looks to the sender exactly
like delivery. A sender's session does not even see what is not shown: asked from there, the
door is open or it refuses.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from schemas.boundaries import Boundaries
from schemas.consents import Purpose
from schemas.phrases import Phrase
from schemas.space import SpaceTaken


class Reason(StrEnum):
    """What closes the door."""

    CONSENT = "consent"
    SPACE = "space"
    QUIET_HOURS = "quiet_hours"
    DAILY_BUDGET = "daily_budget"
    TOPIC = "topic"
    KIND = "kind"


@dataclass(frozen=True, slots=True)
class Open:
    """Come in."""


@dataclass(frozen=True, slots=True)
class Held:
    """Taken in and kept back; whoever sent it never learns. `until`: it may be asked again."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Turned away, by what the recipient shows."""

    reason: Reason


Door = Open | Held | Refused


@dataclass(frozen=True, slots=True)
class Recipient:
    """All that the door may depend on: what one person has set for themselves, and their day."""

    zone: str
    consents: frozenset[Purpose]
    space: SpaceTaken | None
    boundaries: Boundaries
    contacts_today: int  # how often the partner has reached out before, on this local date

    def after(self, contacts: int) -> "Recipient":
        """The same person, on a day with so many contacts."""
        return replace(self, contacts_today=contacts)


@dataclass(frozen=True, slots=True)
class Approach:
    """What would reach them."""

    phrase: Phrase | None = None  # a phrase also counts as a contact


@dataclass(frozen=True, slots=True)
class Closed:
    """One thing that closes the door."""

    reason: Reason
    shown: bool
    until: datetime | None = None


def door(recipient: Recipient, approach: Approach, now: datetime) -> Door:
    """What is shown comes first: a refusal must not depend on anything that is not."""
    closed = [*closed_by(recipient, approach, now)]
    for each in closed:
        if each.shown:
            return Refused(each.reason)
    return held(closed)


def bell(recipient: Recipient, approach: Approach, now: datetime) -> Open | Held:
    """May what was let in ring now? Whether what closes the door is shown makes no difference."""
    return held([*closed_by(recipient, approach, now)])


def held(closed: Sequence[Closed]) -> Open | Held:
    if not closed:
        return Open()
    ends = [each.until for each in closed]
    return Held(None if None in ends else max(end for end in ends if end))


def closed_by(recipient: Recipient, approach: Approach, now: datetime) -> Iterator[Closed]:
    """Every reason there is. Only quiet hours are waited for: the rest is never made up for."""
    space, quiet = recipient.space, recipient.boundaries.quiet_hours
    if Purpose.PARTNER_NUDGES not in recipient.consents:
        yield Closed(Reason.CONSENT, shown=False)
    if space and space.covers(now):
        yield Closed(Reason.SPACE, shown=space.told(now))
    if quiet and (until := quiet.over_at(now, recipient.zone)):
        # A phrase is nothing but its ring; what stays to be found may wait to ring.
        yield Closed(Reason.QUIET_HOURS, quiet.shown and approach.phrase is not None, until)
    if approach.phrase:
        yield from closed_to(approach.phrase, recipient.boundaries, recipient.contacts_today)
    elif recipient.boundaries.no_contact():
        # What stays to be found may be made, and is found without a ring.
        yield Closed(Reason.DAILY_BUDGET, shown=False)


def closed_to(phrase: Phrase, boundaries: Boundaries, contacts: int) -> Iterator[Closed]:
    """By boundaries alone, after so many contacts on that day."""
    budget = boundaries.daily_budget
    topics, kinds = boundaries.off_limit_topics, boundaries.unwanted_nudges
    if budget and contacts >= budget.most:
        yield Closed(Reason.DAILY_BUDGET, budget.shown)
    if topics and phrase.topic in topics.topics:
        yield Closed(Reason.TOPIC, topics.shown)
    if kinds and phrase.kind in kinds.kinds:
        yield Closed(Reason.KIND, kinds.shown)
