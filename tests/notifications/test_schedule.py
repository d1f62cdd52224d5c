from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from notifications.schedule import GRACE, spread, still_in_time
from tests.fakes import NOON

QUARTER = 15 * 60


@given(st.uuids(version=4))
def test_reminders_leave_later_than_the_hour_and_away_from_the_full_quarters(whose: UUID) -> None:
    seconds = spread(whose).total_seconds()

    assert 120 <= seconds < 420
    assert min(seconds % QUARTER, QUARTER - seconds % QUARTER) >= 120
    assert spread(whose) == spread(whose)


def test_a_crowd_is_spread_evenly() -> None:
    minutes = [int(spread(UUID(int=7919 * n)).total_seconds() // 60) for n in range(5000)]

    for minute in range(2, 7):
        assert 800 < minutes.count(minute) < 1200


def test_a_reminder_is_good_for_its_grace() -> None:
    assert still_in_time(NOON, NOON + GRACE - timedelta(seconds=1))
    assert not still_in_time(NOON, NOON + GRACE)
