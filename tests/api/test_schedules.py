from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from httpx import Response
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications.plan import plan
from schemas.base import new_id
from schemas.database import transaction
from schemas.nudges import Kind
from tests.builders import SIX, Person, Two, in_bytes, nudges_of
from tests.conftest import Engines
from tests.fakes import NOON, Clock

DAILY = {"pack": "daily_pulse", "cadence": "daily", "weekday": None}
OTHER_TERMS = DAILY | {"at": "07:30", "zone": "Europe/Lisbon"}


async def agreed(couple: Two, **terms: object) -> dict[str, Any]:
    """Proposed by Sam, signed by Alex."""
    sam, alex = couple
    answer = await sam.schedules(**terms)
    assert answer.status_code == 201, answer.text
    signed = await alex.signs(answer.json())
    assert signed.status_code == 200, signed.text
    schedule: dict[str, Any] = signed.json()
    return schedule


async def seen(person: Person) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = await person.sees("/schedules")
    return shown


async def in_force(person: Person) -> list[bool]:
    return [each["in_force"] for each in await seen(person)]


# An agreement.


async def test_a_schedule_is_in_force_once_both_have_signed_it(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple

    proposed = (await sam.schedules()).json()
    assert (proposed["in_force"], proposed["signed"]) == (False, True)
    (theirs,) = await seen(alex)
    assert (theirs["in_force"], theirs["signed"], theirs["my_hour"]) == (False, False, None)
    assert await nudges_of(alex, db) == [Kind.SCHEDULE_PROPOSED]

    signed = (await alex.signs(proposed)).json()
    assert (signed["in_force"], signed["signed"]) == (True, True)
    assert signed["my_hour"] == {"at": "09:00", "zone": "America/Denver"}
    assert await in_force(sam) == [True]
    assert (await seen(sam))[0]["my_hour"] == {"at": "20:00", "zone": "Europe/Lisbon"}
    assert await nudges_of(sam, db) == []


async def test_a_proposal_replaces_the_terms_and_needs_both_again(couple: Two) -> None:
    sam, alex = couple
    schedule = await agreed(couple)

    proposed = (await alex.put(f"/schedules/{schedule['id']}", json=OTHER_TERMS)).json()

    assert proposed["version"] == 2
    for person, signed in ((sam, False), (alex, True)):
        (shown,) = await seen(person)
        assert (shown["in_force"], shown["signed"]) == (False, signed)
        assert {name: shown[name] for name in DAILY} == DAILY

    assert (await sam.signs(proposed)).json()["in_force"]
    assert await in_force(alex) == [True]


@pytest.mark.parametrize("version", [1, 3])
async def test_only_the_version_that_stands_can_be_signed(couple: Two, version: int) -> None:
    sam, alex = couple
    schedule = await agreed(couple)
    await sam.put(f"/schedules/{schedule['id']}", json=OTHER_TERMS)

    answer = await alex.signs(schedule | {"version": version})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/other-version")
    assert await in_force(alex) == [False]


@pytest.mark.parametrize("who", [0, 1])
async def test_either_withdraws_alone_and_at_once(couple: Two, who: int) -> None:
    leaver, other = couple[who], couple[1 - who]
    schedule = await agreed(couple)

    assert (await withdraws(leaver, schedule)).status_code == 204

    assert await in_force(other) == await in_force(leaver) == [False]
    assert [each["my_hour"] for each in await seen(leaver)] == [None]
    assert (await leaver.signs(schedule)).json()["in_force"]


async def withdraws(person: Person, schedule: dict[str, Any]) -> Response:
    return await person.delete(f"/schedules/{schedule['id']}/signature")


async def declines(person: Person, schedule: dict[str, Any]) -> Response:
    said = {"version": schedule["version"]}
    return await person.put(f"/schedules/{schedule['id']}/declined", json=said)


async def test_signed_by_nobody_it_is_gone(couple: Two) -> None:
    sam, alex = couple
    schedule = await agreed(couple)

    await withdraws(sam, schedule)
    await withdraws(alex, schedule)

    assert await seen(sam) == await seen(alex) == []
    assert (await withdraws(sam, schedule)).status_code == 404


@pytest.mark.parametrize("withdrew", [True, False])
async def test_a_proposal_that_is_taken_back_is_gone_whatever_its_recipient_did(
    couple: Two, *, withdrew: bool
) -> None:
    sam, alex = couple
    schedule = await agreed(couple)
    await sam.put(f"/schedules/{schedule['id']}", json=OTHER_TERMS)
    if withdrew:
        await withdraws(alex, schedule)

    await withdraws(sam, schedule)

    assert await seen(sam) == await seen(alex) == []


async def test_to_decline_a_proposal_looks_like_leaving_it(couple: Two) -> None:
    sam, alex = couple
    schedule = (await sam.schedules()).json()
    before = [await sam.get(path) for path in ("/schedules", "/today", "/nudges")]

    assert (await declines(alex, schedule)).status_code == 204

    after = [await sam.get(path) for path in ("/schedules", "/today", "/nudges")]
    assert in_bytes(*after) == in_bytes(*before)


async def test_what_i_declined_is_gone_for_me_and_looks_to_its_proposer_like_being_left(
    couple: Two, noise: Two, db: AsyncSession
) -> None:
    """Also when they propose it again, propose other terms, and take it back."""
    declining, ignoring = couple, noise
    worlds = []
    for sam, alex in (declining, ignoring):
        await sam.allows("partner_nudges")
        await sam.delete("/space")
        await alex.delete("/space")
        await sam.sets()
        await alex.sets()
        for each in await seen(sam):
            await withdraws(sam, each)
        schedule = (await sam.schedules()).json()
        if (sam, alex) == declining:
            assert (await declines(alex, schedule)).status_code == 204
            assert await seen(alex) == []
            assert await nudges_of(alex, db) == []
        again = {"pack": "weekly_checkin", "cadence": "weekly", "weekday": "sunday"}
        at = {"at": "20:00", "zone": "Europe/Lisbon"}
        where = f"/schedules/{schedule['id']}"
        answers = [await sam.put(where, json=again | at), await sam.get("/schedules")]
        assert len(await seen(alex)) == ((sam, alex) == ignoring)
        answers += [await sam.put(where, json=OTHER_TERMS), await sam.get("/schedules")]
        assert [each["version"] for each in await seen(alex)] == [2]
        answers += [await withdraws(sam, schedule), await sam.get("/schedules")]
        worlds.append(answers)
    here, there = worlds
    assert in_bytes(*here) == in_bytes(*there)


async def test_what_i_declined_i_may_sign_after_all(couple: Two) -> None:
    sam, alex = couple
    schedule = (await sam.schedules()).json()
    await declines(alex, schedule)
    await declines(alex, schedule)

    assert (await alex.signs(schedule)).json()["in_force"]
    assert await in_force(alex) == await in_force(sam) == [True]

    await declines(alex, schedule)
    assert (await in_force(alex), await in_force(sam)) == ([], [False])


async def test_a_withdrawal_that_is_sent_again_declines_nothing(couple: Two) -> None:
    sam, alex = couple
    schedule = await agreed(couple)

    for _ in range(2):
        assert (await withdraws(alex, schedule)).status_code == 204

    assert await in_force(alex) == await in_force(sam) == [False]


async def test_terms_that_i_was_not_shown_are_not_declined(couple: Two) -> None:
    sam, alex = couple
    schedule = (await sam.schedules()).json()
    await sam.put(f"/schedules/{schedule['id']}", json=OTHER_TERMS)

    answer = await declines(alex, schedule)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/other-version")
    assert [each["version"] for each in await seen(alex)] == [2]


async def test_my_own_proposal_that_i_decline_is_gone(couple: Two) -> None:
    sam, alex = couple
    schedule = (await sam.schedules()).json()

    await declines(sam, schedule)

    assert await seen(sam) == await seen(alex) == []


async def test_the_same_terms_again_are_the_same_version(couple: Two, db: AsyncSession) -> None:
    sam, alex = couple
    schedule = await agreed(couple)
    proposed = [
        (await sam.put(f"/schedules/{schedule['id']}", json=OTHER_TERMS)).json() for _ in range(3)
    ]
    assert [each["version"] for each in proposed] == [2, 2, 2]
    assert await nudges_of(alex, db) == [Kind.SCHEDULE_PROPOSED]

    theirs = await alex.put(f"/schedules/{schedule['id']}", json=OTHER_TERMS | {"at": "09:00"})

    assert (theirs.json()["version"], theirs.json()["in_force"]) == (2, True)
    assert theirs.json()["my_hour"]["at"] == "09:00"
    assert await nudges_of(alex, db) == []


async def test_alone_it_is_in_force_with_my_own_word(alone: Two) -> None:
    sam, alex = alone

    schedule = (await sam.schedules(pack="for_myself", for_both=False)).json()

    assert schedule["in_force"]
    assert await seen(sam) == [schedule]
    assert await seen(alex) == []
    assert (await sam.put(f"/schedules/{schedule['id']}", json=OTHER_TERMS)).json()["in_force"]
    await withdraws(sam, schedule)
    assert await seen(sam) == []


async def test_what_i_schedule_for_myself_my_partner_never_sees(couple: Two) -> None:
    sam, alex = couple
    everywhere = ("/schedules", "/today", "/nudges", "/checkins")
    before = [await alex.get(path) for path in everywhere]

    schedule = (await sam.schedules(for_both=False)).json()

    assert in_bytes(*[await alex.get(path) for path in everywhere]) == in_bytes(*before)
    assert (await alex.signs(schedule)).status_code == 404


async def test_leaving_ends_what_was_agreed_and_keeps_what_is_mine(couple: Two) -> None:
    sam, alex = couple
    await agreed(couple)
    mine = (await sam.schedules(for_both=False)).json()

    await alex.leaves()

    assert await seen(sam) == [mine]
    assert await seen(alex) == []


# My own hour.


async def test_my_hour_moves_without_a_trace_for_my_partner(
    couple: Two, db: AsyncSession, clock: Clock
) -> None:
    sam, alex = couple
    schedule = await agreed(couple)
    clock.forward(hours=1)
    everywhere = ("/schedules", "/today", "/nudges", "/checkins", "/nudges/sent", "/space")
    before = [await alex.get(path) for path in everywhere]
    told = await nudges_of(alex, db)

    for hour in ({"at": "06:15", "zone": "Asia/Tokyo"}, {"at": "23:59", "zone": "America/Denver"}):
        moved = (await sam.signs(schedule, **hour)).json()
        assert (moved["my_hour"], moved["in_force"], moved["version"]) == (hour, True, 1)
        after = [await alex.get(path) for path in everywhere]
        assert [(each.content, each.headers) for each in after] == [
            (each.content, each.headers) for each in before
        ]
    assert await nudges_of(alex, db) == told


async def test_what_a_schedule_opens_tells_nobody_at_which_hour_the_other_is_reminded(
    couple: Two, engines: Engines, clock: Clock
) -> None:
    """Sam's hour opens it, fifteen hours before Alex is reminded; then Alex's does."""
    sam, alex = couple
    told = []
    for at, zone in [("00:10", "Europe/Lisbon"), ("23:50", "America/Denver")]:
        clock.to(NOON)
        await agreed(couple, **DAILY, at=at, zone=zone)
        for _ in range(4):
            clock.forward(hours=12)
            async with transaction(engines["worker"]) as db:
                await plan(db, clock.now, 100)
        shown = {each["date"]: each for each in (await alex.sees("/checkins"))["checkins"]}
        tuesdays = shown["2026-03-03"]
        told.append(tuesdays | {"id": UUID(tuesdays["id"]).int >> 80})
        await sam.leaves()
        await sam.pairs_with(alex)
    assert told[0] == told[1]


@pytest.mark.parametrize("at", ["10:00", "16:00"])
async def test_terms_that_change_by_day_do_not_tell_whose_hour_had_come(
    couple: Two, engines: Engines, clock: Clock, at: str
) -> None:
    """At one o'clock, between the two hours that Alex may have."""
    sam, alex = couple
    made = (await sam.schedules(**DAILY, at="20:00", zone="UTC")).json()
    await alex.signs(made, at=at, zone="UTC")
    clock.forward(days=1)
    for _ in range(8):
        clock.forward(hours=1)
        if clock.now.hour == 13:
            terms = {"pack": made["pack"], "cadence": "weekly", "weekday": "tuesday"}
            hour = {"at": "20:00", "zone": "UTC"}
            changed = await sam.put(f"/schedules/{made['id']}", json=terms | hour)
            assert (await alex.signs(changed.json(), at=at, zone="UTC")).json()["in_force"]
        async with transaction(engines["worker"]) as db:
            await plan(db, clock.now, 100)

    shown = [each["date"] for each in (await sam.sees("/checkins"))["checkins"]]
    assert "2026-03-03" not in shown


async def test_the_next_reminder_is_that_of_the_hour_that_comes_first(couple: Two) -> None:
    sam, alex = couple
    await agreed(couple)
    await sam.schedules(**DAILY, at="19:00", zone="Europe/Lisbon", for_both=False)

    assert (await sam.sees("/today"))["next_reminder_at"] == "2026-03-02T19:00:00Z"
    assert (await alex.sees("/today"))["next_reminder_at"] == "2026-03-08T15:00:00Z"


async def test_what_is_not_in_force_reminds_of_nothing(couple: Two) -> None:
    sam, _ = couple
    await agreed(couple)
    schedule = (await sam.schedules(**DAILY)).json()
    assert not schedule["in_force"]

    assert (await sam.sees("/today"))["next_reminder_at"] == "2026-03-08T20:00:00Z"


# What is refused.


@pytest.mark.parametrize("pack", ["for_myself", "no_such_pack"])
async def test_only_a_pack_for_two_can_be_scheduled_for_both(couple: Two, pack: str) -> None:
    sam, _ = couple
    ours = (await sam.schedules()).json()

    made = await sam.schedules(pack=pack)
    changed = await sam.put(f"/schedules/{ours['id']}", json=OTHER_TERMS | {"pack": pack})

    for answer in (made, changed):
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/unknown-pack")
        assert answer.json()["errors"][0]["pointer"] == "#/pack"
    assert await seen(sam) == [ours]


@pytest.mark.parametrize(
    "terms",
    [
        {"cadence": "weekly", "weekday": None},
        {"cadence": "daily", "weekday": "monday"},
        {"weekday": "someday"},
        {"at": "24:00"},
        {"at": "20:00:30"},
        {"at": "20:00+01:00"},
        {"zone": "Europe/Atlantis"},
        {"zone": "../../etc/passwd"},
        {"shown": True},
    ],
)
async def test_terms_that_do_not_fit_are_refused(couple: Two, terms: dict[str, object]) -> None:
    sam, alex = couple

    answer = await sam.schedules(**terms)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")
    assert await seen(sam) == await seen(alex) == []


async def test_ten_schedules_are_enough(couple: Two) -> None:
    sam, alex = couple
    made = [await sam.schedules(for_both=bool(number % 2)) for number in range(10)]

    answer = await sam.schedules(for_both=False)

    assert {each.status_code for each in made} == {201}
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/too-many-schedules")
    await withdraws(sam, made[0].json())
    assert (await sam.schedules(for_both=False)).status_code == 201
    assert (await alex.schedules(for_both=False)).status_code == 201


async def test_my_own_schedules_take_nothing_from_my_partners_ten(couple: Two) -> None:
    sam, alex = couple
    for _ in range(10):
        assert (await sam.schedules(for_both=False)).status_code == 201

    made = [await alex.schedules() for _ in range(10)]

    assert {each.status_code for each in made} == {201}
    assert len(await seen(sam)) == 20


async def test_for_both_needs_a_partner(alone: Two) -> None:
    sam, _ = alone

    answer = await sam.schedules()

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-paired")


Call = Callable[[Person, str], Awaitable[Response]]
CALLS: list[Call] = [
    lambda person, found: person.put(f"/schedules/{found}", json=OTHER_TERMS),
    lambda person, found: person.signs({"id": found, "version": 1}),
    lambda person, found: person.delete(f"/schedules/{found}/signature"),
]


@pytest.mark.parametrize("call", CALLS)
async def test_somebody_elses_schedule_is_not_found(couple: Two, noise: Two, call: Call) -> None:
    sam, _ = couple
    kim, _ = noise
    before = await seen(kim)

    answers = [await call(sam, found) for found in (before[0]["id"], str(new_id(NOON)))]

    for answer in answers:
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    assert in_bytes(answers[0]) == in_bytes(answers[1])
    assert await seen(kim) == before


# During space.


async def test_told_space_turns_proposals_away_and_lets_me_sign_and_withdraw(couple: Two) -> None:
    sam, alex = couple
    schedule = await agreed(couple)
    await alex.takes_space("told")
    before = await seen(sam)

    made = await sam.schedules()
    changed = await sam.put(f"/schedules/{schedule['id']}", json=OTHER_TERMS)

    for answer in (made, changed):
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/partner-takes-space")
    assert await seen(sam) == before
    assert (await sam.signs(schedule)).status_code == 200
    assert (await withdraws(sam, schedule)).status_code == 204


async def test_what_was_proposed_during_my_silent_space_is_left_out_until_it_is_over(
    couple: Two, clock: Clock
) -> None:
    sam, alex = couple
    before = (await sam.schedules()).json()
    clock.forward(hours=1)
    await alex.takes_space("silent", SIX)
    clock.forward(hours=1)

    proposed = (await sam.schedules(**DAILY)).json()

    assert [each["id"] for each in await seen(alex)] == [before["id"]]
    assert len(await seen(sam)) == 2
    clock.forward(hours=8)
    assert {each["id"] for each in await seen(alex)} == {before["id"], proposed["id"]}
