from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import ZONES, instant, local_date
from schemas.hours import Weekday, next_day
from schemas.schedules import Hour, HourFields, Schedule, ScheduleWrite
from tests.builders import asking

START = datetime(2026, 1, 1, tzinfo=UTC)
TWO_YEARS = timedelta(days=730)

zones = st.sampled_from(sorted(ZONES))
hours = st.times().map(lambda at: at.replace(second=0, microsecond=0))
weekdays = st.none() | st.sampled_from(Weekday)
moments = st.timedeltas(timedelta(0), TWO_YEARS).map(lambda since: START + since)
SAM = asking()


def a_schedule(weekday: Weekday | None, zone: str = "UTC") -> Schedule:
    terms = {"pack": "daily_pulse", "cadence": "weekly" if weekday else "daily"}
    mine = {"weekday": weekday, "at": "20:00", "zone": zone, "for_both": False}
    return Schedule.of(SAM, ScheduleWrite.model_validate(terms | mine), START)


def an_hour(schedule: Schedule, at: time, zone: str, now: datetime) -> Hour:
    return Hour.of(SAM, schedule, HourFields(at=at, zone=zone), now)


def days_of(schedule: Schedule, first: date, last: date) -> list[date]:
    """Counted one by one, as a calendar would."""
    days = [first + timedelta(days=day) for day in range((last - first).days + 1)]
    return [day for day in days if schedule.weekday in {None, day.strftime("%A").lower()}]


@given(after=st.dates(), weekday=weekdays)
def test_the_next_day_is_the_first_that_fits_and_later(
    after: date, weekday: Weekday | None
) -> None:
    schedule = a_schedule(weekday)
    if after > date.max - timedelta(days=7):
        return

    found = next_day(after, weekday)

    assert days_of(schedule, after + timedelta(days=1), found) == [found]


@settings(max_examples=300)
@given(
    zone=zones,
    at=hours,
    weekday=weekdays,
    now=moments,
    late=st.timedeltas(timedelta(0), timedelta(days=20)),
)
def test_each_occurrence_is_the_first_after_now_that_the_calendar_has(
    zone: str, at: time, weekday: Weekday | None, now: datetime, late: timedelta
) -> None:
    schedule = a_schedule(weekday)
    hour = an_hour(schedule, at, zone, now)

    for _ in range(8):
        fits = days_of(schedule, local_date(now, zone), hour.next_on)
        assert [day for day in fits if instant(day, at, zone) > now] == [hour.next_on]
        assert hour.next_at == instant(hour.next_on, at, zone) > now
        before, now = hour.next_on, hour.next_at + late
        hour.move_on(schedule, now)
        assert hour.next_on > before


@pytest.mark.parametrize(
    "zone",
    [
        *("Europe/Lisbon", "America/Denver", "Australia/Lord_Howe", "Pacific/Apia"),
        *("Africa/Casablanca", "America/Asuncion", "Africa/Cairo", "Asia/Beirut"),
        *("America/Havana", "America/Nuuk", "Asia/Kathmandu", "Pacific/Chatham"),
        *("Antarctica/Troll", "America/St_Johns", "Europe/Dublin", "Pacific/Kiritimati"),
    ],
)
@pytest.mark.parametrize("at", [time(0), time(0, 30), time(1, 45), time(2, 15), time(23, 45)])
def test_through_two_years_every_local_date_comes_exactly_once(zone: str, at: time) -> None:
    daily = a_schedule(None)
    hour = an_hour(daily, at, zone, START)
    came = []

    while hour.next_at < START + TWO_YEARS:
        came.append((hour.next_on, hour.next_at))
        hour.move_on(daily, hour.next_at)

    dates = [day for day, _ in came]
    assert dates == days_of(daily, dates[0], dates[-1])
    assert len(dates) in {729, 730, 731}
    # In an hour that is left out it comes later, by as much as was left out.
    shown = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for _, moment in came]
    late_by = [on - datetime.combine(day, at) for day, on in zip(dates, shown, strict=True)]
    assert all(timedelta(0) <= by <= timedelta(hours=2) for by in late_by)
    assert sum(by > timedelta(0) for by in late_by) <= 4


def test_an_hour_that_comes_twice_means_the_first() -> None:
    daily = a_schedule(None)
    now = datetime(2026, 10, 24, 12, tzinfo=UTC)

    hour = an_hour(daily, time(1, 30), "Europe/Lisbon", now)
    assert hour.next_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    hour.move_on(daily, hour.next_at)
    assert hour.next_at == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_an_hour_that_is_left_out_comes_later_that_day() -> None:
    daily = a_schedule(None)
    now = datetime(2026, 3, 28, 12, tzinfo=UTC)

    hour = an_hour(daily, time(1, 30), "Europe/Lisbon", now)
    assert hour.next_on == date(2026, 3, 29)
    assert hour.next_at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # 02:30 by the new time


def test_a_day_that_a_country_left_out_rings_no_second_time_at_the_same_moment() -> None:
    """Samoa had no 30 December 2011: its evening is that of the 31st."""
    daily = a_schedule(None)
    hour = an_hour(daily, time(20), "Pacific/Apia", datetime(2011, 12, 30, tzinfo=UTC))
    moments = []

    for _ in range(3):
        moments.append(hour.next_at)
        hour.move_on(daily, hour.next_at)

    assert moments == [datetime(2011, 12, 30, 6, tzinfo=UTC) + timedelta(days=n) for n in range(3)]


def test_what_was_missed_is_not_made_up_for() -> None:
    sundays = a_schedule(Weekday.SUNDAY)
    hour = an_hour(sundays, time(20), "Europe/Lisbon", START)
    assert hour.next_on == date(2026, 1, 4)

    hour.move_on(sundays, datetime(2026, 2, 1, 20, tzinfo=UTC))

    assert hour.next_on == date(2026, 2, 8)


@settings(max_examples=200)
@given(here=zones, there=zones, at=hours, now=moments)
def test_a_change_of_zone_brings_no_date_twice(
    here: str, there: str, at: time, now: datetime
) -> None:
    """The date line may be crossed either way between two reminders."""
    daily = a_schedule(None)
    hour = an_hour(daily, at, here, now)
    before, rang_at = hour.next_on, hour.next_at

    hour.zone = there
    hour.move_on(daily, rang_at)

    assert hour.next_on > before
    assert hour.next_at > rang_at
    assert hour.next_at - rang_at < timedelta(days=3)
