from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from notifications.schedule import GRACE, spread, still_in_time
from tests.fakes import NOON

QUARTER = 15 * 60
SECONDS_OF_A_DAY = st.integers(0, 86_399)


@given(SECONDS_OF_A_DAY, st.uuids(version=4))
def test_reminders_leave_later_than_the_hour_and_away_from_the_full_quarters(
    second: int, whose: UUID
) -> None:
    at = NOON + timedelta(seconds=second)

    leaves = spread(at, whose)

    assert timedelta(0) <= leaves - at < timedelta(minutes=9)
    into = (leaves - NOON).total_seconds() % QUARTER
    assert min(into, QUARTER - into) >= 120
    assert leaves == spread(at, whose)


@given(st.uuids(version=4))
def test_who_chose_a_full_hour_is_asked_within_seven_minutes(whose: UUID) -> None:
    assert timedelta(minutes=2) <= spread(NOON, whose) - NOON < timedelta(minutes=7)


@given(SECONDS_OF_A_DAY, SECONDS_OF_A_DAY, st.uuids(version=4))
def test_of_two_hours_of_one_couple_the_later_leaves_no_earlier(
    one: int, other: int, whose: UUID
) -> None:
    first, second = [NOON + timedelta(seconds=each) for each in sorted((one, other))]

    assert spread(first, whose) <= spread(second, whose)


def test_a_crowd_is_spread_evenly() -> None:
    leave = [spread(NOON, UUID(int=7919 * n)) - NOON for n in range(5000)]
    minutes = [int(each.total_seconds() // 60) for each in leave]

    for minute in range(2, 7):
        assert 800 < minutes.count(minute) < 1200


def test_a_reminder_is_good_for_its_grace() -> None:
    assert still_in_time(NOON, NOON + GRACE - timedelta(seconds=1))
    assert not still_in_time(NOON, NOON + GRACE)
