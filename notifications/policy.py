"""May this push be sent now, and what follows from how that went? Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from notifications.push import Outcome, Retry, Sent, Target, Unsent
from notifications.schedule import SECOND_AFTER, spread
from schemas.base import local_date
from schemas.door import Approach, Held, Open, Recipient, bell
from schemas.nudges import Kind
from schemas.phrases import PHRASES, PhraseId
from schemas.space import SpaceTaken

MOST_ATTEMPTS = 3


class Due(NamedTuple):
    """A push whose time has come."""

    id: UUID
    account_id: UUID
    kind: Kind
    expires_at: datetime
    attempts: int  # with this one
    reminders_left: int
    couple_id: UUID | None
    about: UUID | None
    # When the newest came that it rings for and that is not behind the door; None: all of it is.
    newest_at: datetime | None


class Contact(NamedTuple):
    """A phrase that was sent to somebody."""

    id: UUID
    phrase: PhraseId
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the verdict may depend on, for one recipient, as it is now."""

    recipient: Recipient
    couple_id: UUID | None
    partners_space: SpaceTaken | None
    contacts: tuple[Contact, ...]
    phones: Mapping[UUID, Target]  # by device


@dataclass(frozen=True, slots=True)
class Send:
    """Now is a good moment."""

    phones: Mapping[UUID, Target]


@dataclass(frozen=True, slots=True)
class Later:
    """Ask again then."""

    at: datetime
    attempts: int
    reminders_left: int


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do."""


Verdict = Send | Later | Done
Settled = Later | Done


def judge(push: Due, facts: Facts | None, now: datetime) -> Verdict:
    """Too late is never sent, nor what its recipient does not allow; then the door has the word."""
    if facts is None or not facts.phones or worn_out(push, now) or stale(push, facts, now):
        return Done()
    consent = push.kind.consent
    if consent and consent not in facts.recipient.consents:
        return Done()
    match admitted(push, facts, now):
        case Open():
            return Send(facts.phones)
        case Held(until) if until and until < push.expires_at:
            return Later(after(until, push), push.attempts - 1, push.reminders_left)  # not tried
        case Held():
            # Nothing that was missed is made up for, and nobody learns of it.
            return Done()


def worn_out(push: Due, now: datetime) -> bool:
    """Is its time over, or was it tried often enough by workers that died over it?"""
    return push.expires_at <= now or push.attempts > MOST_ATTEMPTS


def stale(push: Due, facts: Facts, now: datetime) -> bool:
    """Has what it tells of passed? Nothing is told of a pairing or of space that is over."""
    if push.couple_id not in {None, facts.couple_id}:
        return True
    theirs = facts.partners_space
    return push.kind is Kind.SPACE_BEGAN and not (theirs and theirs.told(now))


def admitted(push: Due, facts: Facts, now: datetime) -> Open | Held:
    """What the partner does goes through the door; so does a check-in of both, during space.

    What answers a step of one's own, or one's own reminder, waits for quiet hours to end.
    """
    recipient, space = facts.recipient, facts.recipient.space
    if push.kind.from_partner:
        knocking = [each for each in ringing(push, facts) if not came_into_space(push, each, space)]
        return widest([bell(before(each, facts), approach(each), now) for each in knocking])
    if push.couple_id and push.kind is Kind.CHECKIN_REMINDER and space and space.covers(now):
        return Held(None)
    quiet = recipient.boundaries.quiet_hours
    until = quiet.over_at(now, recipient.zone) if quiet else None
    return Held(until) if until else Open()


def came_into_space(push: Due, contact: Contact | None, space: SpaceTaken | None) -> bool:
    """What is behind the door does not ring, also not when space is over."""
    at = contact.sent_at if contact else push.newest_at
    return at is None or (space is not None and space.came_during(at))


def after(until: datetime, push: Due) -> datetime:
    """Many a night ends on the full hour: what waited for that is spread like what begins then."""
    spread_out = spread(until, push.couple_id or push.account_id)
    return spread_out if spread_out < push.expires_at else until


def ringing(push: Due, facts: Facts) -> list[Contact | None]:
    """The phrase that it was made for, and those that came since and found it waiting."""
    first = next((each for each in facts.contacts if each.id == push.about), None)
    if first is None:
        return [None]
    return [each for each in facts.contacts if each.sent_at >= first.sent_at]


def widest(verdicts: Sequence[Open | Held]) -> Open | Held:
    """One that is let in is enough; one that may be let in later is waited for."""

    def width(verdict: Open | Held) -> tuple[bool, bool]:
        return isinstance(verdict, Open), isinstance(verdict, Held) and verdict.until is not None

    return max(verdicts, key=width, default=Held(None))


def approach(contact: Contact | None) -> Approach:
    return Approach(PHRASES[contact.phrase] if contact else None)


def before(contact: Contact | None, facts: Facts) -> Recipient:
    """The recipient as this contact met them: what came earlier that day, by their clock."""
    zone = facts.recipient.zone
    earlier = sum(
        local_date(each.sent_at, zone) == local_date(contact.sent_at, zone)
        and (each.sent_at, each.id) < (contact.sent_at, contact.id)
        for each in facts.contacts
        if contact
    )
    return facts.recipient.after(earlier)


def settle(push: Due, outcomes: Mapping[UUID, Outcome], now: datetime) -> Settled:
    """One phone that took it is enough; where there is no phone there is nothing to wait for."""
    if any(isinstance(outcome, Sent) for outcome in outcomes.values()):
        again = now + SECOND_AFTER
        if push.reminders_left and again < push.expires_at:
            return Later(again, 0, push.reminders_left - 1)
        return Done()
    waits = [outcome.after for outcome in outcomes.values() if isinstance(outcome, Retry)]
    unsent = [each.after for each in outcomes.values() if isinstance(each, Unsent)]
    if unsent and not waits:
        return Later(now + max(unsent), push.attempts - 1, push.reminders_left)
    if not waits or push.attempts >= MOST_ATTEMPTS:
        return Done()
    # Each time twice as long, as FCM asks.
    wait = max(waits) * 2 ** (push.attempts - 1)
    return Later(now + wait, push.attempts, push.reminders_left)


def peace(outcomes: Iterable[Mapping[UUID, Outcome]]) -> timedelta:
    """How long nobody may send anything at all, since FCM has had enough."""
    every = (outcome for phones in outcomes for outcome in phones.values())
    asked = [each.after for each in every if isinstance(each, Retry) and each.everybody]
    return max(asked, default=timedelta(0))


def rest(outcomes: Iterable[Mapping[UUID, Outcome]]) -> timedelta:
    """How long one worker has nothing to try, since it is not let in; another may well be."""
    every = (outcome for phones in outcomes for outcome in phones.values())
    asked = [each.after for each in every if isinstance(each, Unsent)]
    return max(asked, default=timedelta(0))
