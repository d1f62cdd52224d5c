from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from schemas.checkins import OPEN_FOR, Checkin
from schemas.questionnaires import NEWEST
from tests.builders import asking


@pytest.mark.parametrize("zone", ["Europe/Lisbon", "Etc/GMT+12", "Pacific/Kiritimati"])
def test_a_checkin_is_the_same_at_whatever_hour_of_its_day_it_was_begun(zone: str) -> None:
    me = asking(zone, couple_id=uuid4(), partner_id=uuid4())
    pack = NEWEST["daily_pulse"]
    told: dict[object, set[object]] = {}

    for hour in range(24 * 3):
        now = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=hour)
        row = Checkin.of(me, pack, now, for_both=True)
        shown = row.public().model_dump(exclude={"id"})
        dated = row.id.int >> 80
        told.setdefault(row.date, set()).add((dated, *map(str, shown.values())))
        assert row.closes_at >= now + OPEN_FOR

    assert len(told) >= 3
    assert {len(each) for each in told.values()} == {1}
