import asyncio

from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.nudges import Kind
from tests.builders import SIX, Two, nudges_of, pushes_of
from tests.fakes import Clock

NO_SPACE = {"mine": None, "partner": None}


async def test_told_space_shows_that_it_is_on_and_when_it_ends(couple: Two) -> None:
    sam, alex = couple

    answer = await sam.takes_space("told", "2026-03-02T20:00:00+02:00")

    assert answer.json() == {"ends_at": SIX, "mode": "told"}
    assert await sam.sees("/space") == {"mine": answer.json(), "partner": None}
    assert await alex.sees("/space") == {"mine": None, "partner": {"ends_at": SIX}}


async def test_silent_space_looks_to_the_partner_exactly_like_no_space(couple: Two) -> None:
    sam, alex = couple
    before = [await alex.get(path) for path in ("/space", "/today", "/nudges", "/checkins")]

    await sam.takes_space("silent")

    after = [await alex.get(path) for path in ("/space", "/today", "/nudges", "/checkins")]
    assert [(each.content, each.headers) for each in after] == [
        (each.content, each.headers) for each in before
    ]
    assert (await sam.sees("/space"))["mine"] == {"ends_at": None, "mode": "silent"}


async def test_told_space_is_told_once_however_often_it_is_changed(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple

    await sam.takes_space("silent")
    assert await nudges_of(alex, db) == []

    for ends_at in (SIX, None, SIX):
        await sam.takes_space("told", ends_at)
    assert await nudges_of(alex, db) == [Kind.SPACE_BEGAN]


async def test_two_phones_of_one_person_never_race(couple: Two, db: AsyncSession) -> None:
    sam, alex = couple

    answers = await asyncio.gather(*(sam.takes_space("told") for _ in range(8)))

    assert {answer.status_code for answer in answers} == {200}
    assert len(await pushes_of(alex, db)) == 1


async def test_only_its_owner_ends_it(couple: Two) -> None:
    sam, alex = couple
    await sam.takes_space("told")

    assert (await alex.delete("/space")).status_code == 204
    assert (await alex.sees("/space"))["partner"] == {"ends_at": None}

    assert (await sam.delete("/space")).status_code == 204
    assert await alex.sees("/space") == NO_SPACE


async def test_space_without_an_end_is_never_over_by_itself(couple: Two, clock: Clock) -> None:
    sam, alex = couple
    await sam.takes_space("told", SIX)
    await alex.takes_space("told")

    clock.forward(days=29)

    assert await sam.sees("/space") == {"mine": None, "partner": {"ends_at": None}}


async def test_space_cannot_be_over_before_it_begins(couple: Two, clock: Clock) -> None:
    sam, _ = couple
    clock.forward(hours=6)

    answer = await sam.takes_space("told", SIX)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/space-already-over")
    assert answer.json()["errors"][0]["pointer"] == "#/ends_at"
    assert await sam.sees("/space") == NO_SPACE


async def test_space_needs_a_partner_to_take_it_from(alone: Two) -> None:
    sam, _ = alone

    answer = await sam.takes_space("told")

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-paired")
