import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.devices import Device
from schemas.sessions import RefreshToken, Session
from tests.builders import Person, Stranger, Two, a_person, another_phone
from tests.fakes import NOON, Clock

ROUNDS = 50
TABLET = "the-tablet-in-the-kitchen"


@pytest.fixture
async def sam(app: FastAPI, db: AsyncSession, clock: Clock) -> Person:
    return await a_person(db, Person("sam", app, clock))


async def registers(person: Person, target: object = TABLET, **said: object) -> Response:
    quiet = {"platform": "android", "locale": "en", "discreet": False}
    form = quiet | {"target_kind": "fid", "target": target} | said
    return await person.put("/devices/current", json=form)


async def rings(db: AsyncSession, target: str = TABLET) -> list[UUID]:
    """For whom a push to this target is."""
    return list(await db.exec(select(Device.account_id).where(Device.target == target)))


async def phones(db: AsyncSession, person: Person) -> list[tuple[str, str]]:
    rows = await db.exec(select(Device).where(Device.account_id == person.id))
    return sorted((row.target_kind, row.target) for row in rows)


async def test_a_phone_that_registers_is_listed(
    couple: Two, app: FastAPI, db: AsyncSession
) -> None:
    sam, _ = couple
    tablet = await another_phone(db, sam, app)

    answer = await registers(tablet, platform="ios", locale="pt", discreet=True)

    shown = answer.json()
    assert UUID(shown.pop("id"))
    assert shown == {
        "target_kind": "fid",
        "platform": "ios",
        "locale": "pt",
        "discreet": True,
        "registered_on": "2026-03-02",
        "current": True,
    }
    assert answer.json() | {"current": False} in await sam.sees("/devices")
    assert len(await sam.sees("/devices")) == 2


async def test_renewing_a_phone_replaces_what_was_registered(
    couple: Two, db: AsyncSession, clock: Clock
) -> None:
    sam, _ = couple
    (before,) = await sam.sees("/devices")
    clock.forward(days=3)

    answer = await registers(sam, sam.phone, target_kind="token", discreet=True)

    assert answer.json() == before | {"discreet": True, "registered_on": "2026-03-05"}
    assert await sam.sees("/devices") == [answer.json()]
    assert await phones(db, sam) == [("token", sam.phone)]


async def test_a_phone_that_moves_from_its_token_to_an_installation_id_keeps_one_row(
    couple: Two, db: AsyncSession
) -> None:
    sam, _ = couple
    (before,) = await sam.sees("/devices")

    answer = await registers(sam, "c3RhYmxlLWluc3RhbGw", target_kind="fid")

    assert answer.json()["id"] == before["id"]
    assert await phones(db, sam) == [("fid", "c3RhYmxlLWluc3RhbGw")]


async def test_a_shared_tablet_rings_for_whoever_is_signed_in_on_it(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple
    await registers(sam)
    (sams,) = await sam.sees("/devices")

    answer = await registers(alex)

    assert answer.status_code == 200
    assert answer.json()["id"] != sams["id"]
    assert await rings(db) == [alex.id]
    assert await sam.sees("/devices") == []
    assert len(await alex.sees("/devices")) == 1


async def test_signing_in_again_on_the_same_phone_takes_its_target_along(
    couple: Two, app: FastAPI, db: AsyncSession
) -> None:
    sam, _ = couple
    again = await another_phone(db, sam, app)

    await registers(again, sam.phone, target_kind="token")

    assert len(await sam.sees("/devices")) == 1
    assert await rings(db, sam.phone) == [sam.id]
    assert (await sam.get("/today")).status_code == 200


async def test_a_target_of_the_other_kind_is_another_target(couple: Two, db: AsyncSession) -> None:
    sam, alex = couple

    await registers(sam, target_kind="fid")
    await registers(alex, target_kind="token")

    assert sorted(await rings(db)) == sorted((sam.id, alex.id))


async def test_a_forgotten_phone_stays_signed_in_and_can_come_back(
    couple: Two, db: AsyncSession
) -> None:
    sam, _ = couple
    (device,) = await sam.sees("/devices")

    assert (await sam.delete(f"/devices/{device['id']}")).status_code == 204

    assert await sam.sees("/devices") == []
    assert await phones(db, sam) == []
    assert (await sam.delete(f"/devices/{device['id']}")).status_code == 404
    assert (await registers(sam)).status_code == 200


@pytest.mark.parametrize("path", ["/sessions/{session}", "/sessions"])
async def test_a_phone_that_is_signed_out_is_forgotten(
    couple: Two, app: FastAPI, db: AsyncSession, path: str
) -> None:
    sam, alex = couple
    tablet = await another_phone(db, sam, app)
    await registers(tablet)

    await sam.delete(path.format(session=tablet.session_id))

    assert await rings(db) == []
    assert await rings(db, alex.phone) == [alex.id]


async def test_a_phone_whose_session_was_stolen_is_forgotten_with_it(
    couple: Two, app: FastAPI, db: AsyncSession
) -> None:
    sam, _ = couple
    tablet = await another_phone(db, sam, app)
    await registers(tablet)
    stranger = Stranger(app)
    stolen = await a_token(db, tablet)

    second = (await stranger.refreshes(stolen)).json()["refresh_token"]
    await stranger.refreshes(second)
    await stranger.refreshes(stolen)

    assert await rings(db) == []


async def a_token(db: AsyncSession, phone: Person) -> str:
    """The next refresh token of their session."""
    token, session = token_urlsafe(32), await db.get_one(Session, phone.session_id)
    named: dict[str, object] = {"account_id": phone.id, "session_id": phone.session_id}
    named |= {"hash": sha256(token.encode()).digest(), "generation": session.spent + 1}
    db.add(RefreshToken.model_validate(named | {"expires_at": session.expires_at}))
    await db.commit()
    return token


async def test_a_phone_whose_session_ran_out_is_not_listed(
    couple: Two, app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    sam, _ = couple
    tablet = await another_phone(db, sam, app)
    await registers(tablet)
    session = await db.get_one(Session, tablet.session_id)
    session.expires_at = NOON + timedelta(days=60)
    await db.commit()

    clock.forward(days=59)
    assert len(await sam.sees("/devices")) == 2

    clock.forward(days=1)
    assert len(await sam.sees("/devices")) == 1


async def test_somebody_elses_phone_is_not_found_and_stays(couple: Two, noise: Two) -> None:
    sam, alex = couple
    kim, _ = noise
    others = [(await each.sees("/devices"))[0]["id"] for each in (alex, kim)]

    answers = [await sam.delete(f"/devices/{device}") for device in (*others, uuid4())]

    assert {answer.status_code for answer in answers} == {404}
    assert len({(answer.content, str(answer.headers)) for answer in answers}) == 1
    for other in (alex, kim):
        assert len(await other.sees("/devices")) == 1


async def test_no_answer_ever_holds_a_target(couple: Two, app: FastAPI, db: AsyncSession) -> None:
    sam, alex = couple
    tablet = await another_phone(db, sam, app)

    answers = [
        await registers(tablet),
        await registers(tablet, platform="watch"),
        await registers(tablet, target=f"{TABLET} "),
        await registers(tablet, target=TABLET * 100),
        await registers(tablet, nickname=TABLET),
        await registers(tablet, **{TABLET: 1}),
        await registers(alex),
        *[await each.get("/devices") for each in (sam, tablet, alex)],
        *[await each.get("/sessions") for each in (sam, tablet, alex)],
        *[await each.get("/today") for each in (sam, tablet, alex)],
    ]

    assert [each.status_code for each in answers] == [200, *[422] * 5, *[200] * 10]
    told = [each for each in answers if TABLET in each.text or sam.phone in each.text]
    # The name of an unknown field is the sender's own, and comes back to them alone.
    assert told == [answers[5]]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target", "short"),
        ("target", "t" * 1025),
        ("target", "a target with spaces"),
        ("target", "téléphone-de-sam"),
        ("target", "target\r\nx-evil: 1"),
        ("target", "target-of-sam\n"),
        ("target", None),
        ("target_kind", "topic"),
        ("platform", "watch"),
        ("locale", "xx"),
        ("discreet", None),
        ("discreet", "yes"),
        ("session_id", str(UUID(int=7))),
        ("account_id", str(UUID(int=7))),
    ],
)
async def test_a_form_that_does_not_fit_changes_nothing(
    sam: Person, db: AsyncSession, field: str, value: object
) -> None:
    answer = await registers(sam, **{field: value})

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")
    assert [each["pointer"] for each in answer.json()["errors"]] == [f"#/{field}"]
    assert await phones(db, sam) == [("token", sam.phone)]


@pytest.mark.parametrize("missing", ["target_kind", "platform", "locale", "discreet"])
async def test_nothing_of_a_phone_is_guessed(sam: Person, missing: str) -> None:
    whole = {"platform": "web", "locale": "en", "discreet": True, "target_kind": "fid"}
    form = {name: value for name, value in whole.items() if name != missing}

    answer = await sam.put("/devices/current", json=form | {"target": TABLET})

    assert answer.status_code == 422


async def test_my_partner_finds_no_trace_of_my_phones(
    couple: Two, app: FastAPI, db: AsyncSession
) -> None:
    sam, alex = couple
    paths = ("/devices", "/sessions", "/today", "/nudges", "/pairing")
    before = [await alex.get(path) for path in paths]

    tablet = await another_phone(db, sam, app)
    await registers(tablet, discreet=True)
    (device, *_) = await sam.sees("/devices")
    await sam.delete(f"/devices/{device['id']}")

    after = [await alex.get(path) for path in paths]
    assert [(each.content, each.headers) for each in after] == [
        (each.content, each.headers) for each in before
    ]


# Many hands at once


async def at_once(*requests: Awaitable[Response]) -> list[Response]:
    answers = await asyncio.gather(*requests)
    for answer in answers:
        assert answer.status_code in (200, 204, 401, 404), answer.text
    return answers


async def test_two_strangers_who_register_one_target_leave_exactly_one_holder(
    couple: Two, noise: Two, db: AsyncSession
) -> None:
    sam, _ = couple
    kim, _ = noise

    for turn in range(ROUNDS):
        target = f"{TABLET}-{turn // 2}"  # new to both, then known to one of them
        answers = await at_once(registers(sam, target), registers(kim, target))

        assert {answer.status_code for answer in answers} == {200}
        assert len(await rings(db, target)) == 1


async def test_two_partners_who_register_one_target_leave_exactly_one_holder(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple

    for turn in range(ROUNDS):
        answers = await at_once(registers(sam), registers(alex), registers(sam))

        assert {answer.status_code for answer in answers} == {200}, turn
        assert len(await rings(db)) == 1


async def test_a_target_taken_over_while_its_phone_gets_a_new_one_leaves_both_registered(
    couple: Two, noise: Two, db: AsyncSession
) -> None:
    sam, _ = couple
    kim, _ = noise

    for turn in range(ROUNDS):
        await registers(sam)
        answers = await at_once(registers(kim), registers(sam, f"{TABLET}-{turn}"))

        assert {answer.status_code for answer in answers} == {200}
        assert await rings(db) == [kim.id]
        assert await rings(db, f"{TABLET}-{turn}") == [sam.id]


async def test_forgetting_a_phone_that_is_just_taken_over_breaks_nothing(
    couple: Two, noise: Two, db: AsyncSession
) -> None:
    sam, _ = couple
    kim, _ = noise

    for _ in range(ROUNDS):
        device = (await registers(sam)).json()
        await at_once(registers(kim), sam.delete(f"/devices/{device['id']}"))

        assert await rings(db) == [kim.id]
        assert await sam.sees("/devices") == []


async def test_a_phone_that_registers_while_its_session_ends_is_forgotten(
    couple: Two, app: FastAPI, db: AsyncSession
) -> None:
    sam, _ = couple
    stranger = Stranger(app)

    for turn in range(ROUNDS):
        tablet = await another_phone(db, sam, app)
        if turn % 2:
            await registers(tablet)
        stolen = await a_token(db, tablet)
        second = (await stranger.refreshes(stolen)).json()["refresh_token"]
        await stranger.refreshes(second)

        ended, _ = await at_once(stranger.refreshes(stolen), registers(tablet))

        assert ended.status_code == 401
        assert await rings(db) == []
        assert (await registers(tablet)).status_code == 401


async def test_a_day_is_all_that_is_told_of_a_registration(sam: Person, clock: Clock) -> None:
    clock.to(datetime(2026, 3, 9, 23, 59, tzinfo=UTC))

    answer = await registers(sam)

    assert answer.json()["registered_on"] == "2026-03-09"
    assert "23:59" not in answer.text
