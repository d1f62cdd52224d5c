import asyncio
import re
from base64 import urlsafe_b64decode
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.base import new_id
from schemas.checkins import Checkin
from schemas.nudges import Kind
from tests.builders import SIX, Person, Two, in_bytes, nudges_of
from tests.fakes import NOON, Clock


async def listed(person: Person) -> list[str]:
    return [each["id"] for each in (await person.sees("/checkins"))["checkins"]]


async def test_for_both_it_is_there_for_both_and_looks_the_same(couple: Two) -> None:
    sam, alex = couple

    checkin = await sam.begins()

    assert await listed(alex) == [checkin]
    for path in ("/checkins", f"/checkins/{checkin}/answers"):
        assert in_bytes(await sam.get(path)) == in_bytes(await alex.get(path))


async def test_for_me_alone_it_is_there_for_nobody_else(couple: Two) -> None:
    sam, alex = couple

    checkin = await sam.begins(for_both=False)

    assert await listed(sam) == [checkin]
    assert await listed(alex) == []
    assert (await alex.get(f"/checkins/{checkin}/answers")).status_code == 404


async def test_begun_again_by_either_it_is_the_same(couple: Two) -> None:
    sam, alex = couple

    first = await sam.post("/checkins", json={"pack": "daily_pulse", "for_both": True})
    again = await sam.post("/checkins", json={"pack": "daily_pulse", "for_both": True})
    theirs = await alex.post("/checkins", json={"pack": "daily_pulse", "for_both": True})

    assert first.content == again.content == theirs.content
    assert first.status_code == again.status_code == theirs.status_code == 201
    assert await listed(sam) == await listed(alex) == [first.json()["id"]]


async def test_begun_by_both_at_once_it_is_one(couple: Two) -> None:
    sam, alex = couple

    begun = await asyncio.gather(*(person.begins() for person in [sam, alex] * 4))

    assert len({*begun}) == 1


async def test_another_pack_another_day_or_alone_is_another_checkin(
    couple: Two, clock: Clock
) -> None:
    sam, _ = couple
    begun = {await sam.begins(), await sam.begins("weekly_checkin")}
    begun |= {await sam.begins(for_both=False)}
    clock.forward(days=1)
    begun |= {await sam.begins()}

    assert len(begun) == 4
    assert set(await listed(sam)) == begun


@pytest.mark.parametrize("pack", ["for_myself", "no_such_pack"])
async def test_only_a_pack_for_two_can_be_begun_for_both(couple: Two, pack: str) -> None:
    sam, alex = couple

    answer = await sam.post("/checkins", json={"pack": pack, "for_both": True})

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/unknown-pack")
    assert answer.json()["errors"][0]["pointer"] == "#/pack"
    assert await listed(sam) == await listed(alex) == []


async def test_for_both_needs_a_partner(alone: Two) -> None:
    sam, _ = alone

    answer = await sam.post("/checkins", json={"pack": "daily_pulse", "for_both": True})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-paired")
    assert await listed(sam) == []


async def test_the_partner_is_told_once_and_only_of_what_is_for_both(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple

    await sam.begins(for_both=False)
    assert await nudges_of(alex, db) == []

    await sam.begins()
    await sam.begins()
    await alex.begins()
    assert await nudges_of(alex, db) == [Kind.CHECKIN_OPENED]
    assert await nudges_of(sam, db) == []


async def test_somebody_elses_checkin_is_not_found(couple: Two, noise: Two) -> None:
    sam, _ = couple
    kim, _ = noise
    theirs, nobodys = (await listed(kim))[0], new_id(NOON)

    said = {"answers": [{"question": "mood", "value": 1}]}
    for found in (theirs, nobodys):
        path = f"/checkins/{found}/answers"
        answers = [
            await sam.get(path),
            await sam.put(path, json=said),
            await sam.releases(str(found), "mood"),
            await sam.takes_back(str(found), "mood"),
        ]
        assert [(each.status_code, each.json()["type"]) for each in answers] == [
            (404, "/problems/not-found")
        ] * 4


# During space.


async def test_told_space_turns_a_checkin_for_both_away(couple: Two) -> None:
    sam, alex = couple
    await alex.takes_space("told")

    answer = await sam.post("/checkins", json={"pack": "daily_pulse", "for_both": True})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/partner-takes-space")
    assert await listed(sam) == await listed(alex) == []
    assert await sam.begins(for_both=False)


async def test_whoever_takes_space_may_begin_one(couple: Two) -> None:
    sam, alex = couple
    await alex.takes_space("told")

    checkin = await alex.begins()

    assert await listed(sam) == [checkin]


async def test_what_was_begun_during_my_silent_space_is_left_out_until_it_is_over(
    couple: Two, clock: Clock
) -> None:
    sam, alex = couple
    before = await sam.begins("weekly_checkin")
    clock.forward(hours=1)
    await alex.takes_space("silent", SIX)
    clock.forward(hours=1)

    checkin = await sam.begins()

    assert checkin in await listed(sam)
    assert await listed(alex) == [before]
    clock.forward(hours=8)
    assert set(await listed(alex)) == {before, checkin}


async def test_what_i_begin_too_during_my_space_is_not_kept_from_me(
    couple: Two, clock: Clock
) -> None:
    sam, alex = couple
    await alex.takes_space("silent")
    await sam.takes_space("silent")
    clock.forward(hours=1)
    checkin = await sam.begins()
    before = [await sam.get(path) for path in ("/checkins", "/today")]

    assert await alex.begins() == checkin

    assert await listed(alex) == [checkin]
    after = [await sam.get(path) for path in ("/checkins", "/today")]
    assert in_bytes(*after) == in_bytes(*before)


# After leaving.


async def test_leaving_takes_all_but_those_in_which_i_answered(couple: Two) -> None:
    sam, alex = couple
    answered, alone = await sam.begins(), await sam.begins(for_both=False)
    await sam.begins("weekly_checkin")
    await sam.answers(answered, mood=3)

    await alex.leaves()

    assert set(await listed(sam)) == {answered, alone}
    assert await listed(alex) == []


# Paging, and what can be read out of it.


async def many(couple: Two, db: AsyncSession) -> list[Checkin]:
    """120 of the two, three on each of forty days."""
    sam, _ = couple
    ours = await db.get_one(Checkin, UUID(await sam.begins()))
    packs = ["daily_pulse", "weekly_checkin", "how_we_talk"]
    rows = [
        Checkin(**ours.model_dump() | {
            "id": new_id(NOON - timedelta(days=day)),
            "pack": pack,
            "date": ours.date - timedelta(days=day),
        })
        for day in range(1, 41)
        for pack in packs
    ]  # fmt: skip
    db.add_all(rows)
    await db.delete(ours)
    await db.commit()
    return rows


async def pages(person: Person) -> list[dict[str, Any]]:
    found = [await person.sees("/checkins")]
    while found[-1]["next"]:
        assert len(found) < 10
        found.append(await person.sees(f"/checkins?after={found[-1]['next']}"))
    return found


async def test_pages_hold_everything_once_newest_day_first(couple: Two, db: AsyncSession) -> None:
    sam, alex = couple
    rows = await many(couple, db)

    found = await pages(sam)

    assert [len(page["checkins"]) for page in found] == [50, 50, 20]
    shown = [each for page in found for each in page["checkins"]]
    assert {each["id"] for each in shown} == {str(row.id) for row in rows}
    dates = [each["date"] for each in shown]
    assert dates == sorted(dates, reverse=True)
    assert await pages(alex) == found


async def test_what_is_kept_back_breaks_no_page(
    couple: Two, db: AsyncSession, clock: Clock
) -> None:
    _, alex = couple
    rows = await many(couple, db)
    clock.forward(hours=1)
    await alex.takes_space("silent")
    for row in rows[:60]:
        row.begun_at = clock.now
    await db.commit()

    found = await pages(alex)

    shown = [each["id"] for page in found for each in page["checkins"]]
    assert sorted(shown) == sorted(str(row.id) for row in rows[60:])


async def test_a_page_that_ends_exactly_has_no_next(couple: Two, db: AsyncSession) -> None:
    sam, _ = couple
    rows = await many(couple, db)
    for row in rows[50:]:
        await db.delete(row)
    await db.commit()

    assert [len(page["checkins"]) for page in await pages(sam)] == [50]


@pytest.mark.parametrize(
    "after",
    [
        *("", "A", "AAAA", "not!base64", "ç", "A" * 26, "A" * 27, "A" * 28, "A" * 41),
        *("_" * 27, "%00", "%ED%A0%80", "=" * 27, "QUFB" * 9),
    ],
)
async def test_what_no_page_ended_with_is_no_cursor(couple: Two, after: str) -> None:
    sam, _ = couple

    answer = await sam.get(f"/checkins?after={after}")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "query/after"


async def test_a_checkin_shows_a_day_and_no_hour(couple: Two, clock: Clock) -> None:
    sam, alex = couple
    await sam.moves_to("America/Denver")
    clock.forward(hours=14, minutes=34)  # the evening of Monday where Sam is

    await sam.begins()

    shown = (await alex.sees("/checkins"))["checkins"][0]
    assert set(shown) == {"id", "pack", "version", "for_both", "date", "closes_at"}
    assert shown["date"] == "2026-03-02"
    assert day_of(shown["id"]) == datetime(2026, 3, 2, tzinfo=UTC)
    assert shown["closes_at"] == "2026-03-11T00:00:00Z"


def day_of(checkin: str) -> datetime:
    return datetime.fromtimestamp((UUID(checkin).int >> 80) / 1000, UTC)


async def test_a_cursor_says_a_day_and_an_id(couple: Two, db: AsyncSession) -> None:
    sam, alex = couple
    await many(couple, db)

    page = await sam.sees("/checkins")

    last = page["checkins"][-1]
    assert page["next"] == (await alex.sees("/checkins"))["next"]
    assert re.fullmatch(r"[\w-]{27}", page["next"])
    packed = urlsafe_b64decode(page["next"] + "=")
    assert date.fromordinal(int.from_bytes(packed[:4])).isoformat() == last["date"]
    assert packed[4:] == UUID(last["id"]).bytes
