import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications import chores
from schemas.idempotency import KeptAnswer
from schemas.partner_nudges import PartnerNudge
from tests.builders import Person, Two, a_person, in_bytes
from tests.conftest import Engines
from tests.fakes import Clock

TEA = "tea_together"
PULSE = {"pack": "daily_pulse", "for_both": False}


async def sent_by(person: Person, db: AsyncSession) -> int:
    return len((await db.exec(select(PartnerNudge).where(PartnerNudge.from_id == person.id))).all())


async def begins(person: Person, key: str, **terms: object) -> Response:
    return await person.post("/checkins", json=PULSE | terms, headers={"idempotency-key": key})


async def test_a_phrase_whose_answer_was_lost_is_sent_again_and_reaches_once(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple

    answers = [await sam.sends(TEA, key="one") for _ in range(3)]

    assert [each.status_code for each in answers] == [202, 202, 202]
    assert len({each.content for each in answers}) == 1
    assert await sent_by(sam, db) == 1
    assert len((await alex.sees("/nudges"))["nudges"]) == 1


async def test_without_a_key_each_request_is_one_of_its_own(couple: Two, db: AsyncSession) -> None:
    sam, _ = couple
    for _ in range(2):
        await sam.sends(TEA)
    for key in ("one", "another"):
        await sam.sends(TEA, key=key)

    assert await sent_by(sam, db) == 4


async def test_many_at_once_are_one(couple: Two, db: AsyncSession) -> None:
    sam, _ = couple

    answers = await asyncio.gather(*(sam.sends(TEA, key="one") for _ in range(8)))

    assert len({tuple(map(str, each)) for each in in_bytes(*answers)}) == 1
    assert {each.content for each in answers} == {answers[0].content}
    assert await sent_by(sam, db) == 1


async def test_the_same_key_for_something_else_is_refused_and_names_the_header(
    couple: Two, db: AsyncSession
) -> None:
    sam, _ = couple
    await sam.sends(TEA, key="one")

    for answer in (await sam.sends("thank_you", key="one"), await begins(sam, "one")):
        assert (answer.status_code, answer.json()["type"]) == (
            422,
            "/problems/idempotency-key-reused",
        )
        assert answer.json()["errors"][0]["pointer"] == "header/Idempotency-Key"
    assert await sent_by(sam, db) == 1


async def test_the_order_of_fields_makes_no_other_request(couple: Two) -> None:
    sam, _ = couple
    named = {"idempotency-key": "one", "content-type": "application/json"}

    first = await sam.post(
        "/checkins", content='{"pack": "daily_pulse", "for_both": false}', headers=named
    )
    again = await sam.post(
        "/checkins", content='{"for_both":false,"pack":"daily_pulse"}', headers=named
    )

    assert (again.status_code, again.content) == (201, first.content)


async def test_one_persons_key_says_nothing_about_anybody_elses(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple
    await sam.sends(TEA, key="one")

    assert (await alex.sends("thank_you", key="one")).status_code == 202
    assert await sent_by(alex, db) == 1


async def test_what_was_refused_is_asked_for_anew(couple: Two, db: AsyncSession) -> None:
    sam, alex = couple
    await alex.takes_space("told")
    assert (await sam.sends(TEA, key="one")).status_code == 409
    assert (await db.exec(select(KeptAnswer))).all() == []

    await alex.delete("/space")

    assert (await sam.sends(TEA, key="one")).status_code == 202


async def test_what_was_answered_is_answered_alike_whatever_the_other_does_meanwhile(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple
    first = await sam.sends(TEA, key="one")

    await alex.takes_space("told")
    again = await sam.sends(TEA, key="one")

    assert in_bytes(again) == in_bytes(first)
    assert again.json()["id"] == first.json()["id"]
    assert await sent_by(sam, db) == 1


async def schedules(person: Person, key: str, **terms: object) -> Response:
    asked = {"pack": "weekly_checkin", "cadence": "weekly", "weekday": "sunday", "for_both": True}
    hour = {"at": "20:00", "zone": "Europe/Lisbon"}
    return await person.post(
        "/schedules", json=asked | hour | terms, headers={"idempotency-key": key}
    )


Ask = Callable[[Person], Coroutine[Any, Any, Response]]
FOR_BOTH: dict[str, Ask] = {
    "phrase": lambda me: me.sends(TEA, key="one"),
    "check-in": lambda me: begins(me, "one", for_both=True),
    "schedule": lambda me: schedules(me, "one"),
}
FOR_ME: dict[str, Ask] = {
    "check-in": lambda me: begins(me, "one"),
    "schedule": lambda me: schedules(me, "one", for_both=False),
}


@pytest.mark.parametrize("what", FOR_BOTH)
async def test_after_leaving_nothing_of_the_two_is_answered_any_more(
    what: str, couple: Two
) -> None:
    sam, alex = couple
    first = await FOR_BOTH[what](alex)
    assert first.is_success, first.text

    await sam.leaves()

    answer = await FOR_BOTH[what](alex)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-paired")


@pytest.mark.parametrize("what", FOR_BOTH)
async def test_what_was_done_with_one_partner_is_done_anew_with_the_next(
    what: str, couple: Two, app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    sam, alex = couple
    kit = await a_person(db, Person("kit", app, clock))
    first = await FOR_BOTH[what](alex)
    await sam.leaves()

    await alex.pairs_with(kit)
    answer = await FOR_BOTH[what](alex)

    assert answer.status_code == first.status_code
    assert answer.json()["id"] != first.json()["id"]


@pytest.mark.parametrize("what", FOR_ME)
async def test_what_was_for_me_alone_is_answered_alike_whoever_leaves(
    what: str, couple: Two
) -> None:
    sam, alex = couple
    first = await FOR_ME[what](alex)

    await sam.leaves()

    assert in_bytes(await FOR_ME[what](alex)) == in_bytes(first)
    assert (await FOR_ME[what](alex)).json()["id"] == first.json()["id"]


async def test_a_key_is_forgotten_after_a_day(
    couple: Two, db: AsyncSession, clock: Clock, engines: Engines
) -> None:
    sam, _ = couple
    await sam.sends(TEA, key="one")
    clock.forward(hours=23, minutes=59)
    await chores.sweep(engines["worker"], clock.now)
    assert len((await db.exec(select(KeptAnswer))).all()) == 1

    clock.forward(minutes=1)
    await sam.sends("thank_you", key="one")
    assert await sent_by(sam, db) == 2

    clock.forward(days=1)
    await chores.sweep(engines["worker"], clock.now)
    assert (await db.exec(select(KeptAnswer))).all() == []


async def test_nothing_is_kept_of_what_was_not_done(
    couple: Two, db: AsyncSession, engines: Engines
) -> None:
    sam, _ = couple

    def fail(_: object) -> None:
        raise ConnectionError

    event.listen(engines["api"].sync_engine, "commit", fail)
    try:
        assert (await sam.sends(TEA, key="one")).status_code == 500
    finally:
        event.remove(engines["api"].sync_engine, "commit", fail)
    assert (await db.exec(select(KeptAnswer))).all() == []

    assert (await sam.sends(TEA, key="one")).status_code == 202
    assert await sent_by(sam, db) == 1


async def test_where_the_answer_was_lost_at_the_last_word_it_is_not_said_that_nothing_was_done(
    couple: Two, db: AsyncSession
) -> None:
    sam, _ = couple

    def lose(_: object) -> None:
        event.remove(Session, "after_commit", lose)
        raise OperationalError(None, None, ConnectionResetError())

    event.listen(Session, "after_commit", lose)
    answer = await sam.sends(TEA, key="one")

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/busy")
    assert "Nothing was changed" not in answer.text
    assert "the same `Idempotency-Key`" in answer.json()["detail"]
    assert await sent_by(sam, db) == 1

    assert (await sam.sends(TEA, key="one")).status_code == 202
    assert await sent_by(sam, db) == 1


async def test_what_is_kept_tells_nothing_to_whoever_carries_it_away(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple
    key = str(uuid4())
    await sam.sends(TEA, key=key)
    await alex.sends(TEA, key=key)

    one, other = (await db.exec(select(KeptAnswer))).all()

    assert one.key_hash != other.key_hash
    assert one.request_hash != other.request_hash
    for row in (one, other):
        text = repr(row)
        assert TEA not in text
        assert key not in text


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a b", "a\tb"])
async def test_a_key_is_visible_and_not_long(couple: Two, db: AsyncSession, key: Any) -> None:  # noqa: ANN401
    sam, _ = couple

    answer = await sam.post("/nudges/sent", json={"phrase": TEA}, headers={"idempotency-key": key})

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")
    assert answer.json()["errors"][0]["pointer"] == "header/Idempotency-Key"
    assert await sent_by(sam, db) == 0


A_UUID = "8e03978e-40d5-43e8-bc93-6894a57f9324"


@pytest.mark.parametrize("key", ["x" * 255, "!", A_UUID, f'"{A_UUID}"'])
async def test_any_key_that_fits_is_good(couple: Two, key: str) -> None:
    sam, _ = couple

    first, again = [await begins(sam, key) for _ in range(2)]

    assert (first.status_code, first.content) == (201, again.content)
