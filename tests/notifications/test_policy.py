from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from notifications.policy import (
    MOST_ATTEMPTS,
    Contact,
    Done,
    Due,
    Facts,
    Later,
    Send,
    judge,
    peace,
    rest,
    settle,
)
from notifications.push import Gone, Outcome, Refused, Retry, Sent, Target, Unsent
from notifications.schedule import SECOND_AFTER, spread
from schemas.base import Locale, new_id
from schemas.boundaries import Boundaries
from schemas.consents import Purpose
from schemas.devices import Platform, TargetKind
from schemas.door import Recipient
from schemas.nudges import Kind
from schemas.phrases import PhraseId
from schemas.space import Mode, Space
from tests.builders import NO_BOUNDARIES
from tests.fakes import NOON

ME, PARTNER, COUPLE, PHONE = (new_id(NOON) for _ in range(4))
TOLD, SILENT = (
    Space(account_id=ME, couple_id=COUPLE, mode=mode, began_at=NOON, ends_at=None) for mode in Mode
)
ANYONE = Recipient("UTC", frozenset(Purpose), None, NO_BOUNDARIES, 0)
TARGET = Target(TargetKind.TOKEN, "token", Platform.IOS, Locale.EN, discreet=False)

SOON = timedelta(seconds=10)


def due(kind: Kind = Kind.PARTNER_NUDGE, **changes: object) -> Due:
    push = Due(new_id(NOON), ME, kind, NOON + timedelta(hours=9), 1, 0, COUPLE, None, NOON - SOON)
    return push._replace(**changes)  # type: ignore[arg-type]


def facts(**changes: object) -> Facts:
    partners_space = changes.pop("partners_space", None)
    contacts, phones = changes.pop("contacts", ()), changes.pop("phones", {PHONE: TARGET})
    couple = changes.pop("couple_id", COUPLE)
    return Facts(replace(ANYONE, **changes), couple, partners_space, contacts, phones)  # type: ignore[arg-type]


def boundaries(**set_: object) -> Boundaries:
    return Boundaries.model_validate(NO_BOUNDARIES.model_dump() | set_)


@pytest.mark.parametrize("kind", Kind)
def test_whatever_it_is_it_is_not_sent_when_its_time_is_over(kind: Kind) -> None:
    theirs = Space(
        account_id=PARTNER, couple_id=COUPLE, mode=Mode.TOLD, began_at=NOON, ends_at=None
    )
    known = facts(partners_space=theirs)

    assert isinstance(judge(due(kind), known, NOON), Send)
    assert judge(due(kind, expires_at=NOON), known, NOON) == Done()


@pytest.mark.parametrize("kind", Kind)
def test_nothing_is_sent_to_somebody_who_is_gone_or_has_no_phone(kind: Kind) -> None:
    assert judge(due(kind), None, NOON) == judge(due(kind), facts(phones={}), NOON) == Done()


@pytest.mark.parametrize("kind", Kind)
def test_what_needs_a_yes_is_not_sent_without_it(kind: Kind) -> None:
    told = Space(account_id=PARTNER, couple_id=COUPLE, mode=Mode.TOLD, began_at=NOON, ends_at=None)

    verdict = judge(due(kind), facts(consents=frozenset(), partners_space=told), NOON)

    assert isinstance(verdict, Send) == (kind.consent is None)


@pytest.mark.parametrize("space", [TOLD, SILENT])
@pytest.mark.parametrize("kind", [k for k in Kind if k.from_partner] + [Kind.CHECKIN_REMINDER])
def test_nothing_of_the_two_reaches_somebody_in_space_now_or_later(
    kind: Kind, space: Space
) -> None:
    assert judge(due(kind), facts(space=space), NOON) == Done()


def test_my_own_reminder_reaches_me_also_in_space() -> None:
    verdict = judge(due(Kind.CHECKIN_REMINDER, couple_id=None), facts(space=TOLD), NOON)

    assert isinstance(verdict, Send)


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize("kind", [Kind.REVEAL, Kind.CHECKIN_REMINDER, Kind.PAIRED])
def test_quiet_hours_hold_until_they_end_shown_or_not(kind: Kind, shown: bool) -> None:  # noqa: FBT001
    quiet = {"start": "11:00", "until": "14:00", "shown": shown}

    verdict = judge(due(kind), facts(boundaries=boundaries(quiet_hours=quiet)), NOON)

    over = NOON + timedelta(hours=2)
    assert verdict == Later(spread(over, COUPLE), attempts=0, reminders_left=0)


def test_a_ring_that_is_not_good_for_much_longer_leaves_as_quiet_hours_end() -> None:
    quiet, over = {"start": "11:00", "until": "14:00", "shown": False}, NOON + timedelta(hours=2)
    known = facts(boundaries=boundaries(quiet_hours=quiet))

    verdict = judge(due(Kind.REVEAL, expires_at=over + timedelta(seconds=1)), known, NOON)

    assert verdict == Later(over, attempts=0, reminders_left=0)


def test_quiet_hours_longer_than_the_ring_is_good_for_close_it() -> None:
    quiet = {"start": "11:00", "until": "10:00", "shown": False}

    verdict = judge(due(Kind.REVEAL), facts(boundaries=boundaries(quiet_hours=quiet)), NOON)

    assert verdict == Done()


def contact(minutes: int, phrase: PhraseId = PhraseId.THANK_YOU) -> Contact:
    return Contact(new_id(NOON), phrase, NOON + timedelta(minutes=minutes))


def test_a_phrase_that_was_let_in_waits_for_quiet_hours_that_are_shown() -> None:
    """While they are on, none is let in; this one came just before."""
    quiet = {"start": "12:00", "until": "14:00", "shown": True}
    came = contact(-1)
    known = facts(contacts=(came,), boundaries=boundaries(quiet_hours=quiet))

    verdict = judge(due(about=came.id), known, NOON)

    over = NOON + timedelta(hours=2)
    assert verdict == Later(spread(over, COUPLE), attempts=0, reminders_left=0)


@pytest.mark.parametrize(("most", "rings"), [(0, []), (1, [0]), (2, [0, 1]), (3, [0, 1, 2])])
def test_of_a_days_contacts_the_first_ring(most: int, rings: list[int]) -> None:
    sent = tuple(contact(minutes) for minutes in range(3))
    budget = boundaries(daily_budget={"most": most, "shown": False})
    known = facts(contacts=sent, boundaries=budget)

    verdicts = [judge(due(about=each.id), known, NOON) for each in sent]

    assert [place for place, each in enumerate(verdicts) if isinstance(each, Send)] == rings


def test_the_day_is_the_recipients() -> None:
    """Noon in UTC is one minute to midnight in a zone twelve hours ahead, less a minute."""
    sent = (contact(-1), contact(1))
    budget = boundaries(daily_budget={"most": 1, "shown": False})
    known = facts(contacts=sent, boundaries=budget, zone="Etc/GMT-12")

    verdicts = [judge(due(about=each.id), known, NOON) for each in sent]

    assert all(isinstance(each, Send) for each in verdicts)


def test_unwanted_kinds_and_topics_do_not_ring() -> None:
    flirt = contact(0, PhraseId.YOU_LOOKED_LOVELY)
    for closed in (
        boundaries(unwanted_nudges={"kinds": ["flirt"], "shown": False}),
        boundaries(off_limit_topics={"topics": ["intimacy"], "shown": True}),
    ):
        known = facts(contacts=(flirt,), boundaries=closed)
        assert judge(due(about=flirt.id), known, NOON) == Done()


DEVICES = [new_id(NOON) for _ in range(2)]


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ((), Done()),
        ((Sent(), Retry(SOON)), Done()),
        ((Sent(), Gone()), Done()),
        ((Gone(),), Done()),
        ((Refused(),), Done()),
        ((Retry(SOON), Gone()), Later(NOON + SOON, 1, 0)),
        ((Retry(SOON), Unsent(2 * SOON)), Later(NOON + SOON, 1, 0)),
        ((Unsent(SOON), Gone()), Later(NOON + SOON, 0, 0)),  # nothing was tried
        ((Retry(SOON), Retry(2 * SOON)), Later(NOON + 2 * SOON, 1, 0)),
    ],
)
def test_one_phone_is_enough_and_only_a_busy_provider_is_asked_again(
    outcomes: tuple[Outcome, ...], expected: Done | Later
) -> None:
    assert settle(due(), by_device(outcomes), NOON) == expected


def by_device(outcomes: tuple[Outcome, ...]) -> Mapping[UUID, Outcome]:
    return dict(zip(DEVICES, outcomes, strict=False))


def test_each_try_waits_longer_and_the_last_is_the_last() -> None:
    busy = by_device((Retry(SOON),))
    waits = [settle(due(attempts=n + 1), busy, NOON) for n in range(MOST_ATTEMPTS)]

    assert waits == [Later(NOON + SOON, 1, 0), Later(NOON + 2 * SOON, 2, 0), Done()]


def test_what_workers_died_over_three_times_is_left_alone() -> None:
    assert isinstance(judge(due(attempts=MOST_ATTEMPTS), facts(), NOON), Send)
    assert judge(due(attempts=MOST_ATTEMPTS + 1), facts(), NOON) == Done()


def test_a_reminder_comes_once_more_and_then_never() -> None:
    first = due(Kind.CHECKIN_REMINDER, reminders_left=1)

    again = settle(first, by_device((Sent(),)), NOON)
    assert again == Later(NOON + SECOND_AFTER, 0, 0)

    assert settle(first._replace(reminders_left=0), by_device((Sent(),)), NOON) == Done()
    too_late = first._replace(expires_at=NOON + SECOND_AFTER)
    assert settle(too_late, by_device((Sent(),)), NOON) == Done()


def test_only_a_quota_makes_everybody_wait_and_a_closed_door_whoever_stands_before_it() -> None:
    minute, none = timedelta(minutes=1), timedelta(0)

    for outcomes, everybody, itself in (
        ([by_device((Retry(minute), Sent()))], none, none),
        ([by_device((Retry(minute, everybody=True), Sent())), {}], minute, none),
        ([by_device((Unsent(minute),))], none, minute),
    ):
        assert (peace(outcomes), rest(outcomes)) == (everybody, itself)


@pytest.mark.parametrize("now_with", [None, UUID(int=7)])
@pytest.mark.parametrize("kind", Kind)
def test_what_belongs_to_a_pairing_that_was_left_is_not_sent(
    kind: Kind, now_with: UUID | None
) -> None:
    assert judge(due(kind), facts(couple_id=now_with), NOON) == Done()
