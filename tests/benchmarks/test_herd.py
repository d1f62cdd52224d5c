"""The day of the herd in short: what it would find, it finds."""

from datetime import timedelta
from random import Random
from statistics import median

import pytest

from notifications.policy import Send
from notifications.schedule import REMINDS_FOR
from schemas.base import instant
from schemas.consents import Purpose
from tests.benchmarks import herd_day
from tests.benchmarks.herd import SUNDAY, busiest, lived, near_a_quarter, told
from tests.benchmarks.herd_day import Day, Fcm, Way, amiss
from tests.benchmarks.herd_people import DEVICES, TARGET, Ring, rings
from tests.fakes import NOON

WEIGHT, SPEED, BUCKET, QUOTA = 10, 10_000, 1_200, 1_500


@pytest.fixture(scope="module")
def crowd() -> list[Ring]:
    return [*rings(Random(7), 3000, SUNDAY)]


def a_way(per_minute: int | None = BUCKET) -> Way:
    return Way("a way", WEIGHT, QUOTA, SPEED, per_minute=per_minute)


def test_a_herd_at_our_pace_is_never_refused_and_nobody_is_asked_amiss(crowd: list[Ring]) -> None:
    day = lived(a_way(), crowd, seed=1)

    assert day.wrong == []
    fastest = max(day.fcm.seconds.values())
    assert fastest == BUCKET // 60, "else nobody had to wait"
    assert (day.fcm.refused, day.lost) == (0, 0)
    rang = [each for each in crowd if each.facts.phones]
    assert 0.5 * len(rang) < len(day.waits) < len(rang)


def test_a_herd_without_spread_and_bucket_is_refused_and_comes_beside_the_hour(
    crowd: list[Ring],
) -> None:
    hour = busiest(crowd)
    at_once = [each for each in crowd if each.hour == hour]
    assert WEIGHT * len(at_once) > 2 * QUOTA

    day = lived(Way("", WEIGHT, QUOTA, SPEED, spread=False), at_once, seed=1)

    assert day.fcm.refused > 0
    beside = [*filter(near_a_quarter, day.fcm.seconds)]
    assert beside


def test_most_hours_are_twenty_o_clock_where_somebody_lives(crowd: list[Ring]) -> None:
    at_eight = [
        each
        for each in crowd
        if instant(each.hour.date(), herd_day.wall(each.hour, zone(each)), zone(each)) == each.hour
        and herd_day.wall(each.hour, zone(each)).hour == 20
    ]

    assert len(at_eight) > 0.4 * len(crowd)
    assert all(SUNDAY <= each.hour < SUNDAY + timedelta(days=1) for each in crowd)


def zone(ring: Ring) -> str:
    return ring.facts.recipient.zone


@pytest.mark.parametrize("what", ["quiet hours", "space", "consent", "its hour", "its time"])
def test_a_worker_that_holds_nothing_back_would_be_found_out(
    what: str, crowd: list[Ring], monkeypatch: pytest.MonkeyPatch
) -> None:
    everywhere = dict.fromkeys(DEVICES[:1], TARGET)
    monkeypatch.setattr(herd_day, "judge", lambda *_: Send(everywhere))
    day = Day(a_way(None), [each.anew() for each in crowd], Random(1))
    for _, _, ring in day.waiting[:1]:
        day.wrong += amiss(ring, ring.hour - timedelta(seconds=1))
        day.wrong += amiss(ring, ring.hour + 2 * REMINDS_FOR)
    day.run()

    found = [each for each in day.wrong if what in each]
    assert found


def test_fcm_takes_a_quota_in_each_minute_and_says_when_the_next_begins() -> None:
    fcm = Fcm(quota=100, random=Random(1))
    answers = [fcm.answer(NOON + timedelta(seconds=10), 1) for _ in range(120)]

    refused = [each for each in answers if each.status == 429]
    assert (len(refused), fcm.refused, {each.retry_after for each in refused}) == (20, 20, {"50"})
    assert fcm.answer(NOON + timedelta(minutes=1), 1).status in {200, 503}


def test_what_is_told_says_how_many_and_how_long(crowd: list[Ring]) -> None:
    day = lived(a_way(), crowd, seed=1)

    section = told([day], crowd, WEIGHT, 60)

    assert f"{WEIGHT * len(crowd):,} reminders" in section.says[0]
    [[_, busiest, took, refused, *_]] = section.tables[0].rows
    assert (busiest, refused) == (took, "0")
    assert median(day.waits) > 120
    assert [len(plot.curves) for plot in section.plots] == [1, 2]


def test_some_have_withdrawn_some_have_no_phone_and_some_take_space(crowd: list[Ring]) -> None:
    for many in (
        [each for each in crowd if Purpose.REMINDERS not in each.facts.recipient.consents],
        [each for each in crowd if not each.facts.phones],
        [each for each in crowd if each.facts.recipient.space],
        [each for each in crowd if each.facts.recipient.boundaries.quiet_hours],
    ):
        assert 0.01 * len(crowd) < len(many) < 0.5 * len(crowd)
