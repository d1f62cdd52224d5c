from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.boundaries import BoundaryKind
from schemas.nudges import Kind
from tests.builders import Person, Two, in_bytes, nudges_of, run_as
from tests.conftest import Engines
from tests.fakes import Clock

NONE: dict[str, Any] = dict.fromkeys(BoundaryKind)
# Each of them stands in the way of a thank-you in Lisbon at noon.
IN_THE_WAY: dict[str, dict[str, Any]] = {
    "quiet_hours": {"start": "11:00", "until": "15:00"},
    "daily_budget": {"most": 0},
    "off_limit_topics": {"topics": ["appreciation"]},
    "unwanted_nudges": {"kinds": ["thanks"]},
}
SAYS = {
    "quiet_hours": "/problems/partners-quiet-hours",
    "daily_budget": "/problems/partners-daily-budget",
    "off_limit_topics": "/problems/partners-topics",
    "unwanted_nudges": "/problems/partners-kinds",
}
SCREENS = ("/boundaries", "/today", "/nudges", "/pairing", "/space", "/nudges/sent", "/consents")


def boundary(kind: str, *, shown: bool, **setting: object) -> dict[str, Any]:
    return {kind: IN_THE_WAY[kind] | {"shown": shown} | setting}


async def screens(person: Person) -> object:
    return in_bytes(*[await person.get(path) for path in SCREENS])


async def test_nobody_has_boundaries_that_they_did_not_set(alone: Two) -> None:
    sam, alex = alone
    assert await sam.sees("/boundaries") == {"mine": NONE, "partner": None}

    await sam.pairs_with(alex)

    assert await sam.sees("/boundaries") == {"mine": NONE, "partner": NONE}


@pytest.mark.parametrize("kind", BoundaryKind)
async def test_one_that_is_shown_is_seen_as_it_stands(kind: str, couple: Two) -> None:
    sam, alex = couple

    answer = await alex.sets(**boundary(kind, shown=True))

    stands = NONE | boundary(kind, shown=True)
    assert answer.json() == await alex.sees("/boundaries") == {"mine": stands, "partner": NONE}
    assert await sam.sees("/boundaries") == {"mine": NONE, "partner": stands}


@pytest.mark.parametrize("kind", BoundaryKind)
async def test_one_that_is_not_shown_looks_to_the_partner_like_none(kind: str, couple: Two) -> None:
    sam, alex = couple
    before = await screens(sam)

    await alex.sets(**boundary(kind, shown=False))

    assert await screens(sam) == before
    assert (await alex.sees("/boundaries"))["mine"][kind]["shown"] is False


async def test_one_may_be_shown_beside_another_that_is_not(couple: Two) -> None:
    sam, alex = couple

    await alex.sets(
        **boundary("daily_budget", shown=True), **boundary("off_limit_topics", shown=False)
    )

    assert (await sam.sees("/boundaries"))["partner"] == NONE | boundary("daily_budget", shown=True)


async def test_setting_them_sets_all_of_them_anew(couple: Two) -> None:
    sam, alex = couple
    await alex.sets(**boundary("quiet_hours", shown=True))

    await alex.sets(**boundary("daily_budget", shown=True))
    assert (await sam.sees("/boundaries"))["partner"] == NONE | boundary("daily_budget", shown=True)

    await alex.sets(**boundary("daily_budget", shown=False))
    assert (await sam.sees("/boundaries"))["partner"] == NONE

    await alex.sets()
    assert (await alex.sees("/boundaries"))["mine"] == NONE


@pytest.mark.parametrize("kind", BoundaryKind)
async def test_none_is_taken_away_by_being_left_out(kind: str, couple: Two) -> None:
    sam, _ = couple
    rest = {each: None for each in BoundaryKind if each != kind}

    answer = await sam.put("/boundaries", json=rest)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"#/{kind}"


@pytest.mark.parametrize(
    ("kind", "setting", "pointer"),
    [
        ("quiet_hours", {"until": "11:00"}, "until"),
        ("quiet_hours", {"start": "24:00"}, "start"),
        ("quiet_hours", {"zone": "Europe/Lisbon"}, "zone"),
        ("daily_budget", {"most": -1}, "most"),
        ("daily_budget", {"most": 21}, "most"),
        ("daily_budget", {"most": None}, "most"),
        ("off_limit_topics", {"topics": ["politics"]}, "topics/0"),
        ("off_limit_topics", {"topics": "money"}, "topics"),
        ("unwanted_nudges", {"kinds": ["thanks", "orders"]}, "kinds/1"),
        ("unwanted_nudges", {"shown": None}, "shown"),
    ],
)
async def test_what_cannot_be_meant_is_refused_where_it_stands(
    kind: str, setting: dict[str, Any], pointer: str, couple: Two
) -> None:
    sam, _ = couple

    answer = await sam.sets(**{kind: boundary(kind, shown=False)[kind] | setting})

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [f"#/{kind}/{pointer}"]
    assert (await sam.sees("/boundaries"))["mine"] == NONE


async def test_to_show_one_needs_somebody_to_show_it_to(alone: Two) -> None:
    sam, _ = alone

    answer = await sam.sets(**boundary("daily_budget", shown=True))
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-paired")

    assert (await sam.sets(**boundary("daily_budget", shown=False))).status_code == 200


async def test_what_i_set_alone_holds_for_whoever_comes_and_is_not_shown_to_them(
    alone: Two, db: AsyncSession
) -> None:
    sam, alex = alone
    await alex.sets(**boundary("unwanted_nudges", shown=False))

    await sam.pairs_with(alex)
    await alex.allows("partner_nudges")

    assert (await sam.sees("/boundaries"))["partner"] == NONE
    assert (await sam.sends("thank_you")).status_code == 202
    waits = (await alex.sees("/nudges"))["nudges"]
    assert [each["kind"] for each in waits] == [Kind.PAIRED]
    assert Kind.PARTNER_NUDGE in await nudges_of(alex, db)


async def test_after_leaving_mine_still_hold_and_nobody_sees_them(couple: Two, alone: Two) -> None:
    sam, alex = couple
    pat, _ = alone
    await alex.sets(**boundary("daily_budget", shown=True))

    await sam.leaves()
    await pat.pairs_with(alex)

    mine = NONE | boundary("daily_budget", shown=False)
    assert (await alex.sees("/boundaries"))["mine"] == mine
    assert (await sam.sees("/boundaries"))["partner"] is None
    assert (await pat.sees("/boundaries"))["partner"] == NONE


# At the door.


@pytest.mark.parametrize("kind", BoundaryKind)
async def test_one_that_is_shown_turns_a_phrase_away_in_words(
    kind: str, couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple
    await alex.sets(**boundary(kind, shown=True))

    answer = await sam.sends("thank_you")

    assert (answer.status_code, answer.json()["type"]) == (409, SAYS[kind])
    assert await sam.sees("/nudges/sent") == []
    assert await nudges_of(alex, db) == []


@pytest.mark.parametrize("kind", BoundaryKind)
async def test_one_that_is_not_shown_holds_without_a_sign(
    kind: str, couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple

    async def sends() -> object:
        seen = in_bytes(await sam.sends("thank_you"), await sam.get("/nudges/sent"))
        await (await db.connection()).execute(
            text("delete from partner_nudge where from_id = :me"), {"me": sam.id}
        )
        await (await db.connection()).execute(
            text("delete from nudge where account_id = :me"), {"me": alex.id}
        )
        await db.commit()
        return seen

    without = await sends()
    await alex.sets(**boundary(kind, shown=False))

    assert await sends() == without
    await sam.sends("thank_you")
    waits = (await alex.sees("/nudges"))["nudges"]
    # It stays to be found during quiet hours, and does not ring; the others keep it out.
    assert len(waits) == (1 if kind == "quiet_hours" else 0)


@pytest.mark.parametrize(("kind", "hidden"), [*permutations(BoundaryKind, 2)])
async def test_what_is_said_never_depends_on_one_that_is_not_shown(
    kind: str, hidden: str, couple: Two
) -> None:
    sam, alex = couple
    await alex.sets(**boundary(kind, shown=True))
    without = in_bytes(await sam.sends("thank_you"), await sam.sends("good_night"))

    await alex.sets(**boundary(kind, shown=True), **boundary(hidden, shown=False))

    assert in_bytes(await sam.sends("thank_you"), await sam.sends("good_night")) == without


@pytest.mark.parametrize("kind", ["off_limit_topics", "unwanted_nudges"])
@pytest.mark.parametrize("shown", [True, False])
async def test_a_topic_or_a_kind_stands_in_the_way_of_nothing_else(
    kind: str,
    shown: bool,  # noqa: FBT001
    couple: Two,
) -> None:
    sam, alex = couple
    await alex.sets(**boundary(kind, shown=shown))

    assert (await sam.sends("good_night")).status_code == 202

    [waits] = (await alex.sees("/nudges"))["nudges"]
    assert waits["phrase"] == "good_night"


async def test_shown_quiet_hours_keep_no_checkin_and_no_schedule_from_being_made(
    couple: Two, clock: Clock
) -> None:
    sam, alex = couple
    await alex.sets(**boundary("quiet_hours", shown=True))

    await sam.begins()
    assert (await sam.schedules()).status_code == 201

    # Until fifteen o'clock, by Alex's clock.
    clock.forward(hours=3, seconds=-1)
    assert (await sam.sends()).status_code == 409
    clock.forward(seconds=1)
    assert (await sam.sends()).status_code == 202


async def test_quiet_hours_follow_their_owner_into_another_zone(couple: Two) -> None:
    sam, alex = couple
    await alex.sets(**boundary("quiet_hours", shown=True))

    await alex.moves_to("America/Denver")  # 05:00
    assert (await sam.sends()).status_code == 202

    await alex.moves_to("Europe/Athens")  # 14:00
    assert (await sam.sends()).status_code == 409


async def test_a_budget_counts_by_the_day_of_whoever_set_it(couple: Two, clock: Clock) -> None:
    sam, alex = couple
    await alex.moves_to("America/Denver")
    await alex.sets(**boundary("daily_budget", shown=True, most=2))
    assert [(await sam.sends()).status_code for _ in range(3)] == [202, 202, 409]

    # Midnight in Lisbon, and then in Denver.
    clock.forward(hours=18)
    assert (await sam.sends()).status_code == 409
    clock.forward(hours=1, seconds=-1)
    assert (await sam.sends()).status_code == 409
    clock.forward(seconds=1)
    assert [(await sam.sends()).status_code for _ in range(3)] == [202, 202, 409]


async def test_a_budget_that_is_not_shown_lets_in_as_many_as_it_says(couple: Two) -> None:
    sam, alex = couple
    await alex.sets(**boundary("daily_budget", shown=False, most=2))

    assert [(await sam.sends()).status_code for _ in range(5)] == [202] * 5

    assert len((await alex.sees("/nudges"))["nudges"]) == 2


async def test_what_a_budget_kept_out_is_not_poured_out_the_next_day(
    couple: Two, clock: Clock
) -> None:
    sam, alex = couple
    await alex.sets(**boundary("daily_budget", shown=False, most=1))
    for _ in range(3):
        await sam.sends()

    clock.forward(days=1)
    await sam.sends("good_night")

    waits = [each["phrase"] for each in (await alex.sees("/nudges"))["nudges"]]
    assert waits == ["good_night", "thinking_of_you"]


async def test_my_boundaries_stand_in_nobodys_way_but_my_partners(couple: Two) -> None:
    _, alex = couple
    every = {kind: {**setting, "shown": True} for kind, setting in IN_THE_WAY.items()}
    await alex.sets(**every)

    assert (await alex.sends("thank_you")).status_code == 202


# The wall.


async def test_the_database_itself_shows_a_partner_what_is_shown_and_nothing_else(
    couple: Two, engines: Engines
) -> None:
    sam, alex = couple
    await alex.sets(
        **boundary("daily_budget", shown=True),
        **boundary("quiet_hours", shown=False),
        **boundary("unwanted_nudges", shown=False),
    )

    seen = await run_as(engines["api"], sam, "select kind from boundary")

    assert seen == ["daily_budget"]


async def test_nobody_takes_away_the_boundaries_of_somebody_else(
    couple: Two, engines: Engines
) -> None:
    sam, alex = couple
    await alex.sets(**boundary("daily_budget", shown=True))

    await run_as(engines["api"], sam, "delete from boundary")

    stands = NONE | boundary("daily_budget", shown=True)
    assert (await alex.sees("/boundaries"))["mine"] == stands


async def test_nobody_shows_a_boundary_to_another_couple(
    couple: Two, noise: Two, engines: Engines
) -> None:
    sam, _ = couple
    kim, _ = noise
    [theirs] = await run_as(engines["api"], kim, "select couple_id from member")

    with pytest.raises(ProgrammingError, match="row-level security"):
        await run_as(engines["api"], sam, SHOW_IT_TO, me=sam.id, couple=theirs)


SHOW_IT_TO = """
insert into boundary (account_id, kind, setting, shown_in)
values (:me, 'daily_budget', '{"most": 1}', :couple) returning kind
"""


async def test_a_budget_of_none_is_a_number_and_no_budget_is_not(couple: Two, clock: Clock) -> None:
    sam, alex = couple
    await alex.sets(**boundary("daily_budget", shown=True, most=0))
    for _ in range(3):
        assert (await sam.sends()).status_code == 409
        clock.now += timedelta(days=1)

    await alex.sets()
    assert (await sam.sends()).status_code == 202


async def test_a_whole_number_may_be_written_with_a_point_and_a_fraction_may_not(
    couple: Two,
) -> None:
    sam, _ = couple

    whole = await sam.sets(daily_budget={"most": 3.0, "shown": True})
    fraction = await sam.sets(daily_budget={"most": 3.5, "shown": True})

    assert (whole.status_code, whole.json()["mine"]["daily_budget"]["most"]) == (200, 3)
    assert fraction.status_code == 422
