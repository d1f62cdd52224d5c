from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from httpx import Response

from tests.builders import SIX, Person, Two
from tests.fakes import Clock

WEEKLY = {"pack": "weekly_checkin", "for_both": True}


async def without_answered(person: Person) -> list[dict[str, Any]]:
    today = await person.sees("/today")
    return [{k: v for k, v in each.items() if k != "answered"} for each in today["checkins"]]


async def test_the_home_screen_in_one_piece(couple: Two) -> None:
    sam, alex = couple
    checkin = await sam.begins()
    await sam.answers(checkin, mood=3, closeness=None)
    await alex.answers(checkin, mood=3)
    await alex.takes_space("told", SIX)

    assert await sam.sees("/today") == {
        "date": "2026-03-02",
        "name": "Sam",
        "partner": "Alex",
        "space": {"mine": None, "partner": {"ends_at": SIX}},
        "checkins": [
            {
                "id": checkin,
                "pack": "daily_pulse",
                "version": 1,
                "for_both": True,
                "date": "2026-03-02",
                "closes_at": "2026-03-11T00:00:00Z",
                "answered": 2,
            }
        ],
        "nudges": await sam.sees("/nudges"),
        "next_reminder_at": None,
        "deletion_due_on": None,
    }


async def test_alone_it_holds_what_is_mine(alone: Two) -> None:
    sam, _ = alone
    await sam.allows("reminders")
    checkin = await sam.begins("for_myself", for_both=False)
    await sam.schedules(pack="for_myself", for_both=False)

    shown = await sam.sees("/today")

    assert shown["partner"] is None
    assert shown["space"] == {"mine": None, "partner": None}
    assert [each["id"] for each in shown["checkins"]] == [checkin]
    assert shown["nudges"] == await sam.sees("/nudges")
    assert shown["next_reminder_at"] == "2026-03-08T20:00:00Z"


@pytest.mark.parametrize("mode", ["told", "silent"])
async def test_every_part_is_what_its_own_endpoint_shows(
    couple: Two, clock: Clock, mode: str
) -> None:
    sam, alex = couple
    await alex.sets(daily_budget={"most": 2, "shown": False})
    for phrase in ("thank_you", "good_night", "i_noticed"):
        await sam.sends(phrase)
        clock.forward(hours=7)
    await sam.begins()
    await sam.schedules()
    clock.forward(hours=1)
    await alex.takes_space(mode, "2026-03-05T00:00:00Z")
    clock.forward(hours=1)
    for refused in (sam.post("/checkins", json=WEEKLY), sam.sends()):
        assert (await refused).is_success == (mode == "silent")

    for _ in range(3):
        for person in couple:
            today = await person.sees("/today")
            assert today["space"] == await person.sees("/space")
            assert today["nudges"] == await person.sees("/nudges")
            assert await without_answered(person) == (await person.sees("/checkins"))["checkins"]
        clock.forward(days=1)
    assert (await alex.sees("/nudges"))["behind_the_door"] == (mode == "silent")


async def test_what_is_closed_is_in_the_list_and_not_on_the_screen(
    couple: Two, clock: Clock
) -> None:
    sam, _ = couple
    checkin = await sam.begins()
    clock.to(clock.now.replace(day=10, hour=23, minute=59))
    assert await without_answered(sam) != []

    clock.forward(minutes=1)

    assert await without_answered(sam) == []
    assert [each["id"] for each in (await sam.sees("/checkins"))["checkins"]] == [checkin]


async def test_what_ended_with_the_two_is_not_on_the_screen(couple: Two) -> None:
    sam, _ = couple
    checkin = await sam.begins()
    await sam.answers(checkin, mood=1)

    await sam.leaves()

    assert await without_answered(sam) == []
    assert len((await sam.sees("/checkins"))["checkins"]) == 1


async def test_my_day_begins_at_my_own_midnight(couple: Two, clock: Clock) -> None:
    sam, alex = couple
    await alex.moves_to("Pacific/Kiritimati")
    clock.forward(hours=1)

    assert (await sam.sees("/today"))["date"] == "2026-03-02"
    assert (await alex.sees("/today"))["date"] == "2026-03-03"


async def test_whoever_allows_no_reminders_has_no_next_one(couple: Two) -> None:
    sam, alex = couple
    await sam.schedules(for_both=False)
    assert (await sam.sees("/today"))["next_reminder_at"] is not None

    await sam.withdraws("reminders")

    assert (await sam.sees("/today"))["next_reminder_at"] is None
    assert (await alex.sees("/today"))["next_reminder_at"] is None


async def test_the_next_reminder_needs_every_signature_that_a_schedule_needs(
    couple: Two,
) -> None:
    """The rule stands in `Agreement.in_force`, and in SQL for this screen: they must agree."""
    sam, alex = couple
    ours = (await sam.schedules()).json()
    terms = {"pack": "daily_pulse", "cadence": "daily", "weekday": None}
    hour = {"at": "08:00", "zone": "Europe/Lisbon"}
    steps: list[Callable[[], Awaitable[Response]]] = [
        lambda: alex.signs(ours),
        lambda: sam.put(f"/schedules/{ours['id']}", json=terms | hour),
        lambda: sam.signs(ours | {"version": 2}),
        lambda: alex.signs(ours | {"version": 2}),
        lambda: sam.delete(f"/schedules/{ours['id']}/signature"),
        lambda: sam.schedules(for_both=False),
    ]
    for step in steps:
        assert (await step()).status_code < 300
        for person in couple:
            in_force = any(each["in_force"] for each in await person.sees("/schedules"))
            next_at = (await person.sees("/today"))["next_reminder_at"]
            assert (next_at is not None) == in_force


async def test_what_my_partner_begins_in_my_space_takes_no_place_of_what_is_mine(
    couple: Two, clock: Clock
) -> None:
    sam, alex = couple
    mine = await sam.begins("for_myself", for_both=False)
    before = [each["id"] for each in (await sam.sees("/today"))["checkins"]]
    clock.forward(seconds=1)
    await sam.takes_space("silent")

    for day in range(17):
        for pack in ("daily_pulse", "weekly_checkin", "how_we_talk"):
            await alex.begins(pack)
        clock.forward(days=1)
        if day == 7:
            assert [each["id"] for each in (await sam.sees("/today"))["checkins"]] == before
    page = await sam.sees("/checkins")
    assert (mine in before, page["next"]) == (True, None)
    assert [each["id"] for each in page["checkins"]] == before
