import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.nudges import Kind
from tests.builders import PASSWORD, SIX, Person, Two, a_couple, in_bytes, nudges_of, pushes_of
from tests.fakes import NOON, Clock

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


async def test_taken_again_with_another_end_it_is_the_same_space(couple: Two) -> None:
    sam, alex = couple

    for ends_at in (SIX, None, "2027-01-01T00:00:00Z"):
        answer = await sam.takes_space("told", ends_at)
        assert (answer.status_code, answer.json()["ends_at"]) == (200, ends_at)
        assert (await alex.sees("/space"))["partner"] == {"ends_at": ends_at}


async def test_told_space_that_becomes_silent_looks_like_space_that_is_over(couple: Two) -> None:
    sam, alex = couple
    before = [await alex.get(path) for path in ("/space", "/today")]
    await sam.takes_space("told")
    (told,) = (await alex.sees("/nudges"))["nudges"]
    await alex.dismisses(told["id"])

    await sam.takes_space("silent")

    assert in_bytes(*[await alex.get(path) for path in ("/space", "/today")]) == in_bytes(*before)
    assert (await alex.sends()).status_code == 202


async def test_told_anew_after_it_was_over_it_is_told_anew(couple: Two, clock: Clock) -> None:
    sam, alex = couple
    await sam.takes_space("told", SIX)
    (first,) = (await alex.sees("/nudges"))["nudges"]
    clock.forward(hours=7)

    await sam.takes_space("told")

    (second,) = (await alex.sees("/nudges"))["nudges"]
    assert second["id"] != first["id"]


async def test_the_end_of_space_is_told_to_nobody(couple: Two, db: AsyncSession) -> None:
    sam, alex = couple
    await sam.takes_space("told")
    told = await nudges_of(alex, db)
    sam.clock.forward(hours=1)

    for _ in range(2):
        assert (await sam.delete("/space")).status_code == 204

    assert await nudges_of(alex, db) == told
    assert await sam.sees("/space") == NO_SPACE


async def test_there_is_no_word_for_how_often_somebody_took_space(couple: Two) -> None:
    sam, alex = couple
    for _ in range(3):
        await sam.takes_space("told")
        sam.clock.forward(hours=1)
        await sam.delete("/space")

    assert await alex.sees("/space") == await sam.sees("/space") == NO_SPACE
    assert [each["kind"] for each in (await alex.sees("/nudges"))["nudges"]] == []


@pytest.mark.parametrize(
    "body",
    [
        {"ends_at": None},
        {"mode": "silent"},
        {"mode": "secret", "ends_at": None},
        {"mode": "told", "ends_at": "2026-03-02T18:00:00"},
        {"mode": "told", "ends_at": None, "reason": "none"},
        {"mode": "told", "ends_at": "9999-01-01T00:00:00Z"},
    ],
)
async def test_mode_and_end_are_named_or_nothing_changes(
    couple: Two, body: dict[str, object]
) -> None:
    """A phone that moves the end of silent space and leaves the mode out would tell."""
    sam, alex = couple
    await sam.takes_space("silent", SIX)

    answer = await sam.put("/space", json=body)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")
    assert (await sam.sees("/space"))["mine"] == {"ends_at": SIX, "mode": "silent"}
    assert await alex.sees("/space") == NO_SPACE


async def test_leaving_ends_space(couple: Two) -> None:
    sam, alex = couple
    await sam.takes_space("told")

    await alex.leaves()

    assert (await sam.get("/space")).status_code == 409
    await sam.pairs_with(alex)
    assert await sam.sees("/space") == await alex.sees("/space") == NO_SPACE


# Silent space, seen from the other side, in everything that there is to be seen.


def every_get(app: FastAPI, checkin: str) -> list[str]:
    """Every GET there is, whatever is added later."""
    known = {"checkin_id": checkin, "pack_id": "daily_pulse", "version": "1"}
    paths = [path for path, item in app.openapi()["paths"].items() if "get" in item]
    return [path.removeprefix("/v1").format_map(known) for path in paths]


async def all_that_alex_hears(alex: Person, app: FastAPI) -> list[Response]:
    """Whatever reaches out to Sam, and then everything that can be read."""
    alex.clock.to(NOON)
    checkin = await alex.begins()
    schedule = (await alex.schedules()).json()
    alex.clock.forward(days=1)  # ids of one day come in any order
    terms = {"pack": "daily_pulse", "cadence": "daily", "weekday": None}
    hour = {"at": "09:00", "zone": "America/Denver"}
    return [
        await alex.post("/sessions/current/proof", json={"password": PASSWORD}),
        await alex.post("/checkins", json={"pack": "weekly_checkin", "for_both": True}),
        await alex.answers(checkin, mood=3, closeness=1),
        await alex.releases(checkin, "mood", "closeness"),
        await alex.takes_back(checkin, "closeness"),
        await alex.put(f"/schedules/{schedule['id']}", json=terms | hour),
        await alex.signs(schedule | {"version": 2}),
        await alex.schedules(**terms),
        await alex.sends(),
        await alex.takes_space("told"),
        *[await alex.get(path) for path in every_get(app, checkin)],
    ]


async def test_silent_space_makes_no_difference_to_anything_the_partner_sees_or_sends(
    noise: Two,  # noqa: ARG001
    db: AsyncSession,
    app: FastAPI,
    clock: Clock,
) -> None:
    sam, alex = await a_couple(db, Person("sam", app, clock), Person("alex", app, clock))
    _, other_alex = await a_couple(db, Person("sam", app, clock), Person("alex", app, clock))
    await sam.takes_space("silent")

    here, there = [await all_that_alex_hears(each, app) for each in (alex, other_alex)]

    assert [each.status_code for each in here if not each.is_success] == []
    assert len(here) > 20
    assert in_bytes(*here) == in_bytes(*there)


SENT = {
    "/nudges/sent": (b'{"phrase": ', b'"thinking_of_you"}'),
    "/checkins": (b'{"pack": "daily_pulse", ', b'"for_both": true}'),
}


@pytest.mark.parametrize("path", SENT)
async def test_whoever_sends_slowly_has_not_sent_before_a_space_that_began_meanwhile(
    couple: Two, path: str
) -> None:
    sam, alex = couple
    begins, ends = SENT[path]

    async def slowly() -> AsyncIterator[bytes]:
        yield begins
        sam.clock.forward(seconds=4)
        await sam.takes_space("silent")
        sam.clock.forward(seconds=4)
        yield ends

    head = {"content-type": "application/json"}
    assert (await alex.post(path, content=slowly(), headers=head)).is_success

    screen = await sam.sees("/today")
    assert screen["checkins"] == []
    assert screen["nudges"] == {"nudges": [], "behind_the_door": True}
