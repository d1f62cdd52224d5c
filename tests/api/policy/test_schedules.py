from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import pytest

from api.deps import paired
from api.policy.schedules import shown_to
from schemas.pairing import Member
from schemas.schedules import Hour, Schedule, ScheduleWrite, Signature
from tests.builders import asking
from tests.fakes import NOON

ME, PARTNER, COUPLE = uuid4(), uuid4(), uuid4()
I_AM = paired(replace(asking(couple_id=COUPLE, partner_id=PARTNER), id=ME))
THEY_ARE = paired(replace(asking(couple_id=COUPLE, partner_id=ME), id=PARTNER))
WEEKLY = ScheduleWrite.model_validate(
    {
        "pack": "weekly_checkin",
        "cadence": "weekly",
        "weekday": "sunday",
        "at": "20:00",
        "zone": "Europe/Lisbon",
        "for_both": True,
    }
)


def signed(schedule: Schedule, by: Member, version: int) -> Signature:
    signature = Signature.of(by, schedule)
    signature.version = version
    return signature


@pytest.mark.parametrize(
    ("signatures", "in_force", "mine"),
    [
        ([], False, False),
        ([(I_AM, 2)], False, True),
        ([(THEY_ARE, 2)], False, False),
        ([(I_AM, 2), (THEY_ARE, 2)], True, True),
        ([(I_AM, 2), (THEY_ARE, 1)], False, True),
        ([(I_AM, 1), (THEY_ARE, 2)], False, False),
        ([(I_AM, 1), (THEY_ARE, 1)], False, False),
    ],
)
def test_it_is_in_force_only_while_both_sign_the_version_that_stands(
    signatures: Sequence[tuple[Member, int]], *, in_force: bool, mine: bool
) -> None:
    schedule = Schedule.of(I_AM, WEEKLY, NOON)
    schedule.propose(THEY_ARE, WEEKLY, NOON)

    shown = shown_to(I_AM, schedule, [signed(schedule, *each) for each in signatures], None)

    assert (shown.in_force, shown.signed, shown.version) == (in_force, mine, 2)


def test_alone_one_signature_is_enough_and_only_my_own_hour_shows() -> None:
    schedule = Schedule.of(I_AM, WEEKLY.model_copy(update={"for_both": False}), NOON)
    hour = Hour.of(I_AM, schedule, WEEKLY, NOON)

    shown = shown_to(I_AM, schedule, [Signature.of(I_AM, schedule)], hour)

    assert (shown.in_force, shown.for_both) == (True, False)
    assert shown.model_dump(mode="json")["my_hour"] == {"at": "20:00", "zone": "Europe/Lisbon"}
