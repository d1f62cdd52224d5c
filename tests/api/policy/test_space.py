from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from api.deps import paired
from api.policy.schedules import kept_back
from api.policy.space import began_at, begins_for_partner, may_end_at, shown_to
from schemas.pairing import Member
from schemas.schedules import Schedule, ScheduleWrite
from schemas.space import Mode, Space, SpaceWrite
from tests.builders import asking
from tests.fakes import NOON

HOUR = timedelta(hours=1)
ME, PARTNER, COUPLE = uuid4(), uuid4(), uuid4()
I_AM = paired(replace(asking(couple_id=COUPLE, partner_id=PARTNER), id=ME))
THEY_ARE = paired(replace(asking(couple_id=COUPLE, partner_id=ME), id=PARTNER))


def space(
    whose: Member, mode: Mode, ends_at: datetime | None, began: datetime = NOON - HOUR
) -> Space:
    return Space.of(whose, SpaceWrite(mode=mode, ends_at=ends_at), began)


@pytest.mark.parametrize(
    ("ends_at", "may"),
    [(None, True), (NOON + HOUR, True), (NOON, False), (NOON - HOUR, False)],
)
def test_space_ends_in_the_future_or_never(ends_at: datetime | None, *, may: bool) -> None:
    assert may_end_at(ends_at, NOON) is may


@pytest.mark.parametrize(
    ("before", "mode", "told"),
    [
        (None, Mode.TOLD, True),
        (None, Mode.SILENT, False),
        (space(I_AM, Mode.TOLD, None), Mode.TOLD, False),
        (space(I_AM, Mode.TOLD, NOON), Mode.TOLD, True),
        (space(I_AM, Mode.TOLD, None), Mode.SILENT, False),
        (space(I_AM, Mode.SILENT, None), Mode.TOLD, True),
        (space(I_AM, Mode.SILENT, NOON), Mode.SILENT, False),
    ],
)
def test_the_partner_is_told_when_told_space_begins_for_them(
    before: Space | None, mode: Mode, *, told: bool
) -> None:
    assert begins_for_partner(before, SpaceWrite(mode=mode, ends_at=None), NOON) is told


def test_changed_while_it_is_on_it_counts_from_its_beginning() -> None:
    assert began_at(space(I_AM, Mode.TOLD, NOON + HOUR), NOON) == NOON - HOUR
    assert began_at(space(I_AM, Mode.TOLD, NOON), NOON) == NOON
    assert began_at(None, NOON) == NOON


def test_of_the_partners_space_only_told_space_that_is_on_shows() -> None:
    for theirs, shown in [
        (space(THEY_ARE, Mode.TOLD, NOON + HOUR), True),
        (space(THEY_ARE, Mode.TOLD, NOON), False),
        (space(THEY_ARE, Mode.SILENT, None), False),
    ]:
        seen = shown_to(I_AM, [theirs], NOON)
        assert (seen.mine, seen.partner is not None) == (None, shown)


MY_SPACE = space(I_AM, Mode.SILENT, NOON + HOUR)


@pytest.mark.parametrize(
    ("begun_by", "begun_at", "my_space", "kept"),
    [
        (THEY_ARE, NOON, MY_SPACE, True),
        (THEY_ARE, NOON - HOUR, MY_SPACE, True),
        (THEY_ARE, NOON - 2 * HOUR, MY_SPACE, False),
        (THEY_ARE, NOON, None, False),
        (THEY_ARE, NOON - HOUR, space(I_AM, Mode.SILENT, NOON), False),
        (I_AM, NOON, MY_SPACE, False),
    ],
)
def test_what_the_partner_began_during_my_space_is_kept_back_while_it_lasts(
    begun_by: Member, begun_at: datetime, my_space: Space | None, *, kept: bool
) -> None:
    terms = {"pack": "daily_pulse", "cadence": "daily", "weekday": None}
    body = ScheduleWrite.model_validate(terms | {"at": "20:00", "zone": "UTC", "for_both": True})
    schedule = Schedule.of(begun_by, body, begun_at)

    assert kept_back(schedule, I_AM, my_space, NOON) is kept
