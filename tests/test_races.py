"""Two phones on every write at once, on real connections: no 500, no 503, no double effect."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import product
from random import Random
from typing import Any

import pytest
from httpx import Response
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.nudges import Kind
from tests.builders import Person, Two, nudges_of

ROUNDS = 50


class Scene:
    """What the two have before them while they race."""

    checkin: str
    schedule: dict[str, Any]


Write = Callable[[Person, Scene], Awaitable[Response]]


async def begin(person: Person, _: Scene) -> Response:
    return await person.post("/checkins", json={"pack": "how_we_talk", "for_both": True})


async def answer(person: Person, scene: Scene) -> Response:
    return await person.answers(scene.checkin, mood=4)


async def release(person: Person, scene: Scene) -> Response:
    return await person.releases(scene.checkin, "mood")


async def take_back(person: Person, scene: Scene) -> Response:
    return await person.delete(f"/checkins/{scene.checkin}/answers/released/mood")


async def propose(person: Person, scene: Scene) -> Response:
    terms = {"pack": "daily_pulse", "cadence": "daily", "weekday": None}
    hour = {"at": "07:30", "zone": "Europe/Lisbon"}
    return await person.put(f"/schedules/{scene.schedule['id']}", json=terms | hour)


async def sign(person: Person, scene: Scene) -> Response:
    return await person.signs(scene.schedule)


async def withdraw_signature(person: Person, scene: Scene) -> Response:
    return await person.delete(f"/schedules/{scene.schedule['id']}/signature")


async def send(person: Person, _: Scene) -> Response:
    return await person.sends()


async def look(person: Person, _: Scene) -> Response:
    return await person.post("/nudges/behind-the-door/look")


async def discard(person: Person, _: Scene) -> Response:
    return await person.delete("/nudges/behind-the-door")


async def take_space(person: Person, _: Scene) -> Response:
    return await person.takes_space("told")


async def end_space(person: Person, _: Scene) -> Response:
    return await person.delete("/space")


async def allow(person: Person, _: Scene) -> Response:
    return await person.allows("sharing")


async def withdraw(person: Person, _: Scene) -> Response:
    return await person.withdraws("sharing")


async def set_boundaries(person: Person, _: Scene) -> Response:
    return await person.sets(daily_budget={"most": 5, "shown": True})


async def register(person: Person, _: Scene) -> Response:
    phone = {"target_kind": "fid", "platform": "ios", "locale": "en", "discreet": False}
    return await person.put("/devices/current", json=phone | {"target": "the-tablet-of-both"})


async def rename(person: Person, _: Scene) -> Response:
    me = {"display_name": "New", "zone": "Europe/Lisbon", "locale": "pt"}
    return await person.put("/accounts/me", json=me)


WRITES: tuple[Write, ...] = (
    *(begin, answer, release, take_back, propose, sign, withdraw_signature, send, look, discard),
    *(take_space, end_space, allow, withdraw, set_boundaries, register, rename),
)


async def prepare(couple: Two) -> Scene:
    sam, _ = couple
    scene = Scene()
    scene.checkin = await sam.begins("daily_pulse")
    for person in couple:
        await person.answers(scene.checkin, mood=4)
    scene.schedule = (await sam.schedules()).json()
    return scene


def fine(answers: Sequence[Response]) -> bool:
    """Done, or refused for a reason that somebody else's write may well be."""
    return all(each.status_code in {200, 201, 202, 204, 404, 409, 422} for each in answers)


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
async def test_both_do_the_same_at_once(couple: Two, write: Write) -> None:
    scene = await prepare(couple)
    for _ in range(ROUNDS):
        answers = await asyncio.gather(*(write(person, scene) for person in (*couple, *couple)))
        assert fine(answers), [each.text for each in answers]


async def test_each_does_something_else_at_once(couple: Two) -> None:
    scene = await prepare(couple)
    pairs = [*product(WRITES, WRITES)]
    Random(7).shuffle(pairs)
    for one, other in pairs:
        sam, alex = couple
        answers = await asyncio.gather(one(sam, scene), other(alex, scene), one(alex, scene))
        assert fine(answers), (one.__name__, other.__name__, [each.text for each in answers])


async def test_a_reveal_that_both_bring_about_at_once_is_one(couple: Two, db: AsyncSession) -> None:
    sam, alex = couple
    for number in range(ROUNDS):
        sam.clock.forward(days=1)
        checkin = await sam.begins("daily_pulse")
        for person in couple:
            await person.answers(checkin, mood=number % 5 + 1)
        await asyncio.gather(*(person.releases(checkin, "mood") for person in couple))
        for person in couple:
            assert (await person.reads(checkin))["mood"] == number % 5 + 1
    told = await nudges_of(sam, db), await nudges_of(alex, db)
    assert sum(kinds.count(Kind.REVEAL) for kinds in told) == ROUNDS
