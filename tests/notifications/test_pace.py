from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.pace import LEAST, LEAST_PER_MINUTE, PER_MINUTE, RAMP, Pace, granted, hushed
from schemas.base import EARLIEST
from tests.fakes import NOON

SILENT = Pace(EARLIEST, 0, 0, EARLIEST)
SECOND = timedelta(seconds=1)
FULL = PER_MINUTE // 60
STEP = FULL // RAMP

PER_MINUTES = st.integers(LEAST_PER_MINUTE, 10_000_000)
# Whoever asks: how long after the one before, by a clock that may be a little behind, and for what.
ASKED = st.lists(st.tuples(st.floats(-0.5, 3), st.integers(0, 200_000)), min_size=1, max_size=150)


def left(asked: Sequence[tuple[float, int]], per_minute: int) -> Counter[int]:
    """How many messages left in each second after noon."""
    seconds: Counter[int] = Counter()
    pace, now = SILENT, NOON
    for later, wanted in asked:
        now = max(now + timedelta(seconds=later), NOON)
        number, pace = granted(pace, now, per_minute, wanted)
        assert 0 <= number <= wanted
        seconds[int((pace.second - NOON) / SECOND)] += number
    return seconds


@given(ASKED, PER_MINUTES)
def test_in_no_minute_does_more_leave_than_may(
    asked: list[tuple[float, int]], per_minute: int
) -> None:
    seconds = left(asked, per_minute)

    assert max(seconds.values()) <= per_minute // 60
    for start in seconds:
        assert sum(seconds[each] for each in range(start, start + 60)) <= per_minute


@given(ASKED, PER_MINUTES)
def test_from_silence_it_takes_a_minute_to_come_up_to_all(
    asked: list[tuple[float, int]], per_minute: int
) -> None:
    seconds = left(asked, per_minute)
    first, step = min(seconds), max(per_minute // 60 // RAMP, LEAST)

    for second, number in seconds.items():
        assert number <= step * (second - first + 1)


def until_all_leaves(pace: Pace, now: datetime) -> int:
    """Seconds, where more waits than may leave."""
    for second in range(2 * RAMP):
        number, pace = granted(pace, now + second * SECOND, PER_MINUTE, 10 * FULL)
        if number == FULL:
            return second
    raise AssertionError


def test_where_much_waits_all_that_may_leave_does_after_a_minute() -> None:
    assert RAMP <= until_all_leaves(SILENT, NOON) + 1 <= RAMP + 1


def a_minute_of_all() -> tuple[Pace, datetime]:
    pace, now = SILENT, NOON
    for _ in range(2 * RAMP):
        now += SECOND
        _, pace = granted(pace, now, PER_MINUTE, 10 * FULL)
    return pace, now


@pytest.mark.parametrize("in_between", [0, 10])
def test_a_second_that_is_missed_does_not_send_everybody_back_to_the_start(
    in_between: int,
) -> None:
    pace, now = a_minute_of_all()
    if in_between:
        _, pace = granted(pace, now + SECOND, PER_MINUTE, in_between)

    number, _ = granted(pace, now + 2 * SECOND, PER_MINUTE, 10 * FULL)

    assert number == FULL - STEP


def test_after_a_minute_without_anything_it_begins_at_the_bottom() -> None:
    pace, now = a_minute_of_all()

    number, _ = granted(pace, now + (RAMP + 1) * SECOND, PER_MINUTE, 10 * FULL)

    assert number == STEP


def test_who_sends_a_little_all_day_has_not_come_up_to_all() -> None:
    pace, now = SILENT, NOON
    for _ in range(5 * RAMP):
        now += SECOND
        _, pace = granted(pace, now, PER_MINUTE, 10)

    number, _ = granted(pace, now + SECOND, PER_MINUTE, 10 * FULL)

    assert number <= 10 + 2 * STEP


@given(st.integers(1, 3600), st.floats(0, 7200))
def test_while_fcm_wants_peace_nothing_leaves_and_then_a_little(peace: int, later: float) -> None:
    pace, now = a_minute_of_all()
    pace = hushed(pace, now, timedelta(seconds=peace))
    then = now + timedelta(seconds=later)

    number, _ = granted(pace, then, PER_MINUTE, 10 * FULL)

    assert number == (STEP if then >= now + timedelta(seconds=peace) else 0)


def test_after_peace_of_a_second_all_begin_at_the_bottom_too() -> None:
    pace, now = a_minute_of_all()

    number, _ = granted(hushed(pace, now, SECOND), now + SECOND, PER_MINUTE, 10 * FULL)

    assert number == STEP


def test_the_longer_peace_counts() -> None:
    long = hushed(SILENT, NOON, timedelta(minutes=10))

    assert hushed(long, NOON, SECOND).peace_until == NOON + timedelta(minutes=10)


def test_a_clock_that_is_set_back_begins_anew() -> None:
    pace, now = a_minute_of_all()

    number, _ = granted(pace, now - timedelta(hours=1), PER_MINUTE, 10 * FULL)

    assert number == STEP
