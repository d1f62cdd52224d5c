from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import product
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.door import REFUSALS
from schemas.boundaries import (
    Boundaries,
    DailyBudget,
    OffLimitTopics,
    QuietHours,
    UnwantedNudges,
)
from schemas.consents import Purpose
from schemas.door import Approach, Door, Held, Open, Reason, Recipient, Refused, door
from schemas.phrases import PHRASES, Phrase, PhraseId, PhraseKind
from schemas.questionnaires import Topic
from schemas.space import Mode, Space, SpaceTaken
from tests.fakes import NOON

ONE = timedelta(hours=1)
PHRASE = Approach(PHRASES[PhraseId.THANK_YOU])
SOMETHING_ELSE = Approach()
YES = frozenset({Purpose.PARTNER_NUDGES})
UNTIL_THREE = datetime.fromisoformat("2026-03-02T15:00Z")

# For each reason: not there, there and not shown, there and shown.
NONE, UNSHOWN, SHOWN = None, False, True
SETTINGS = {
    Reason.CONSENT: (NONE, UNSHOWN),  # a consent that is missing is never shown
    Reason.SPACE: (NONE, UNSHOWN, SHOWN),
    Reason.QUIET_HOURS: (NONE, UNSHOWN, SHOWN),
    Reason.DAILY_BUDGET: (NONE, UNSHOWN, SHOWN),
    Reason.TOPIC: (NONE, UNSHOWN, SHOWN),
    Reason.KIND: (NONE, UNSHOWN, SHOWN),
}
Set = dict[Reason, bool | None]


def space(mode: Mode, began_at: datetime = NOON, ends_at: datetime | None = None) -> Space:
    private = {"account_id": uuid4(), "couple_id": uuid4(), "began_at": began_at}
    return Space.model_validate({"mode": mode, "ends_at": ends_at} | private)


def somebody(settings: Set) -> Recipient:
    """In Lisbon, at noon, with everything in the way of a thank-you that is set."""
    quiet, budget = settings[Reason.QUIET_HOURS], settings[Reason.DAILY_BUDGET]
    topic, kind = settings[Reason.TOPIC], settings[Reason.KIND]
    taken = settings[Reason.SPACE]
    three, ten = time(15), time(10)
    return Recipient(
        zone="Europe/Lisbon",
        consents=frozenset() if settings[Reason.CONSENT] is UNSHOWN else YES,
        space=None if taken is None else space(Mode.TOLD if taken else Mode.SILENT),
        boundaries=Boundaries(
            quiet_hours=None if quiet is None else QuietHours(shown=quiet, start=ten, until=three),
            daily_budget=None if budget is None else DailyBudget(shown=budget, most=2),
            off_limit_topics=None
            if topic is None
            else OffLimitTopics(shown=topic, topics=[Topic.APPRECIATION]),
            unwanted_nudges=None
            if kind is None
            else UnwantedNudges(shown=kind, kinds=[PhraseKind.THANKS]),
        ),
        contacts_today=2,
    )


def nobody_in_the_way() -> Set:
    return dict.fromkeys(Reason, NONE)


@pytest.mark.parametrize("reason", Reason)
def test_what_is_not_shown_holds_a_phrase_and_what_is_shown_refuses_it(reason: Reason) -> None:
    for shown in SETTINGS[reason]:
        verdict = door(somebody(nobody_in_the_way() | {reason: shown}), PHRASE, NOON)

        expected: Door = Open()
        if shown is UNSHOWN:
            expected = Held(UNTIL_THREE if reason is Reason.QUIET_HOURS else None)
        if shown is SHOWN:
            expected = Refused(reason)
        assert verdict == expected


@pytest.mark.parametrize("shown", [True, False])
def test_a_budget_of_nothing_is_for_whatever_would_ring(shown: bool) -> None:  # noqa: FBT001
    """What stays to be found may be made: it is no phrase, and its maker is told no no."""
    none = DailyBudget(shown=shown, most=0)
    one = somebody(nobody_in_the_way())
    recipient = replace(one, boundaries=one.boundaries.model_copy(update={"daily_budget": none}))

    assert door(recipient, SOMETHING_ELSE, NOON) == Held(None)
    refused: Door = Refused(Reason.DAILY_BUDGET)
    assert door(recipient, PHRASE, NOON) == (refused if shown else Held(None))


EVERY_COMBINATION = [
    dict(zip(SETTINGS, values, strict=True)) for values in product(*SETTINGS.values())
]


@pytest.mark.parametrize("approach", [PHRASE, SOMETHING_ELSE])
def test_any_one_that_is_shown_refuses_any_one_that_is_not_holds_and_none_lets_in(
    approach: Approach,
) -> None:
    assert len(EVERY_COMBINATION) == 2 * 3**5
    for settings in EVERY_COMBINATION:
        counts = set(Reason) if approach.phrase else {Reason.CONSENT, Reason.SPACE}
        # Quiet hours are about ringing: what stays to be found may be made, and waits to ring.
        stands = {r for r, shown in settings.items() if shown is not NONE}
        stands &= counts | {Reason.QUIET_HOURS}
        refuses = {r for r in stands & counts if settings[r] is SHOWN}

        verdict = door(somebody(settings), approach, NOON)

        match verdict:
            case Refused(reason):
                assert reason in refuses
            case Held(until):
                assert stands
                assert not refuses
                # Only quiet hours are waited for: what else was missed is not made up for.
                assert until == (UNTIL_THREE if stands == {Reason.QUIET_HOURS} else None)
            case Open():
                assert not stands


def test_of_several_that_are_shown_always_the_same_one_speaks() -> None:
    spoken: dict[frozenset[Reason], Reason] = {}
    for settings in EVERY_COMBINATION:
        verdict = door(somebody(settings), PHRASE, NOON)
        if isinstance(verdict, Refused):
            shown = frozenset(r for r, value in settings.items() if value is SHOWN)
            assert spoken.setdefault(shown, verdict.reason) is verdict.reason


def test_every_reason_that_can_be_shown_has_its_words() -> None:
    assert REFUSALS.keys() == {r for r, values in SETTINGS.items() if SHOWN in values}
    assert len({refusal.type for refusal in REFUSALS.values()}) == len(REFUSALS)
    assert {refusal.status for refusal in REFUSALS.values()} == {409}


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("ends_at", "at", "on"),
    [
        (None, NOON, True),
        # The row is there, so it has begun: a clock that is slow does not let anybody in.
        (None, NOON - timedelta(seconds=2), True),
        (None, NOON + timedelta(days=3650), True),
        (NOON + ONE, NOON + ONE - timedelta(microseconds=1), True),
        (NOON + ONE, NOON + ONE, False),
    ],
)
def test_space_closes_it_until_its_end(
    mode: Mode,
    ends_at: datetime | None,
    at: datetime,
    on: bool,  # noqa: FBT001
) -> None:
    who = somebody(nobody_in_the_way())
    taken = replace(who, space=space(mode, NOON, ends_at))

    for approach in (PHRASE, SOMETHING_ELSE):
        closed = Refused(Reason.SPACE) if mode is Mode.TOLD else Held(None)
        assert door(taken, approach, at) == (closed if on else Open())


@pytest.mark.parametrize(
    ("most", "before", "room"),
    [(0, 0, False), (1, 0, True), (1, 1, False), (20, 19, True), (20, 20, False), (3, 7, False)],
)
@pytest.mark.parametrize("shown", [True, False])
def test_a_budget_has_room_for_as_many_as_it_says(
    most: int,
    before: int,
    room: bool,  # noqa: FBT001
    shown: bool,  # noqa: FBT001
) -> None:
    none = somebody(nobody_in_the_way())
    budget = DailyBudget(shown=shown, most=most)
    who = replace(none, boundaries=none.boundaries.model_copy(update={"daily_budget": budget}))

    verdict = door(who.after(before), PHRASE, NOON)

    full = Refused(Reason.DAILY_BUDGET) if shown else Held(None)
    assert verdict == (Open() if room else full)
    # Whatever is no phrase is not counted, but where nothing at all is to ring.
    assert door(who.after(before), SOMETHING_ELSE, NOON) == (Open() if most else Held(None))


@pytest.mark.parametrize("phrase", PHRASES.values(), ids=PHRASES)
def test_a_topic_or_a_kind_closes_it_to_its_own_phrases_alone(phrase: Phrase) -> None:
    none = somebody(nobody_in_the_way())
    for each in PHRASES.values():
        topic = OffLimitTopics(shown=True, topics=[each.topic])
        kind = UnwantedNudges(shown=True, kinds=[each.kind])
        for closed, refuses in (
            ({"off_limit_topics": topic}, each.topic == phrase.topic),
            ({"unwanted_nudges": kind}, each.kind == phrase.kind),
        ):
            boundaries = none.boundaries.model_copy(update=closed)
            verdict = door(replace(none, boundaries=boundaries), Approach(phrase), NOON)
            assert isinstance(verdict, Refused) == refuses


# What a refusal may depend on, with everything else as it happens to be.

TIMES = st.builds(time, st.integers(0, 23), st.integers(0, 59))
SHOWN_OR_NOT = st.booleans()
MINUTES = st.integers(min_value=0, max_value=365 * 24 * 60)
MOMENTS = st.builds(lambda minutes: NOON + timedelta(minutes=minutes), MINUTES)


@st.composite
def quiet_hours(draw: st.DrawFn) -> QuietHours:
    start = draw(TIMES)
    until = draw(TIMES.filter(lambda each: each != start))
    return QuietHours(shown=draw(SHOWN_OR_NOT), start=start, until=until)


BOUNDARIES = st.builds(
    Boundaries,
    quiet_hours=st.none() | quiet_hours(),
    daily_budget=st.none()
    | st.builds(DailyBudget, shown=SHOWN_OR_NOT, most=st.integers(min_value=0, max_value=20)),
    off_limit_topics=st.none()
    | st.builds(
        OffLimitTopics, shown=SHOWN_OR_NOT, topics=st.lists(st.sampled_from(Topic), max_size=5)
    ),
    unwanted_nudges=st.none()
    | st.builds(
        UnwantedNudges, shown=SHOWN_OR_NOT, kinds=st.lists(st.sampled_from(PhraseKind), max_size=3)
    ),
)
SPACES = st.none() | st.builds(space, st.sampled_from(Mode), MOMENTS, st.none() | MOMENTS)
CONSENTS = st.frozensets(st.sampled_from(Purpose))
APPROACHES = st.builds(Approach, st.none() | st.sampled_from([*PHRASES.values()]))


def shown_by(each: SpaceTaken | None) -> bool:
    return each is not None and each.mode is Mode.TOLD


def mixed(shown: Boundaries, other: Boundaries) -> Boundaries:
    """What is shown of the one; in every other place what is not shown of the other."""
    places = {}
    for (kind, mine), (_, theirs) in zip(shown, other, strict=True):
        keeps = mine if mine and mine.shown else None
        places[kind] = keeps or (theirs if theirs and not theirs.shown else None)
    return Boundaries.model_validate(places)


RECIPIENTS = st.builds(
    Recipient,
    zone=st.sampled_from(["Europe/Lisbon", "America/Denver", "Australia/Lord_Howe"]),
    consents=CONSENTS,
    space=SPACES,
    boundaries=BOUNDARIES,
    contacts_today=st.integers(min_value=0, max_value=25),
)


def alike(shown: Recipient, other: Recipient) -> Recipient:
    """The first to look at, and the other in whatever cannot be looked at."""
    silent = None if shown_by(other.space) else other.space
    return Recipient(
        zone=shown.zone,
        consents=other.consents,
        space=shown.space if shown_by(shown.space) else silent,
        boundaries=mixed(shown.boundaries, other.boundaries),
        contacts_today=shown.contacts_today,
    )


def to_the_sender(who: Recipient, approach: Approach, now: datetime) -> Refused | None:
    verdict = door(who, approach, now)
    return verdict if isinstance(verdict, Refused) else None


@given(one=RECIPIENTS, other=RECIPIENTS, approach=APPROACHES, now=MOMENTS)
def test_a_refusal_never_depends_on_anything_that_is_not_shown(
    one: Recipient, other: Recipient, approach: Approach, now: datetime
) -> None:
    refusal = to_the_sender(one, approach, now)

    assert to_the_sender(alike(one, other), approach, now) == refusal


@given(who=RECIPIENTS, approach=APPROACHES, now=MOMENTS)
def test_who_shows_nothing_refuses_nothing(
    who: Recipient, approach: Approach, now: datetime
) -> None:
    unshown = Boundaries.model_validate(
        {kind: each and each.model_copy(update={"shown": False}) for kind, each in who.boundaries}
    )
    silent = None if shown_by(who.space) else who.space

    shows_nothing = replace(who, space=silent, boundaries=unshown)

    assert to_the_sender(shows_nothing, approach, now) is None


@given(who=RECIPIENTS, approach=APPROACHES, now=MOMENTS)
def test_what_is_held_until_a_moment_comes_in_at_that_moment(
    who: Recipient, approach: Approach, now: datetime
) -> None:
    verdict = door(who, approach, now)

    if isinstance(verdict, Held) and verdict.until:
        assert verdict.until > now
        assert door(who, approach, verdict.until) == Open()
