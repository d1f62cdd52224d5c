"""Somebody else has my phone in hand, or reads my mailbox, and wants my account."""

import asyncio
from datetime import timedelta

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.accounts import Account
from schemas.mail import MailKind
from tests.builders import (
    PASSWORD,
    Person,
    Stranger,
    Two,
    a_person,
    another_phone,
    in_bytes,
    letters_to,
)
from tests.conftest import Engines
from tests.fakes import NOON, Clock
from tests.local_issuer import GOOGLE

NEW = "another otter by the gravel lantern"
ELSEWHERE = "sam@elsewhere.example.org"


@pytest.fixture
def stranger(app: FastAPI) -> Stranger:
    return Stranger(app)


@pytest.fixture
async def sam(app: FastAPI, db: AsyncSession, clock: Clock) -> Person:
    return await a_person(db, Person("sam", app, clock))


@pytest.fixture
async def tablet(sam: Person, app: FastAPI, db: AsyncSession) -> Person:
    """Another phone of Sam's."""
    return await another_phone(db, sam, app)


@pytest.fixture
async def address(sam: Person) -> str:
    email: str = (await sam.sees("/accounts/me"))["email"]
    return email


async def changes_password(person: Person) -> Response:
    return await person.put("/credentials/password", json={"password": NEW})


async def moves(person: Person, email: str = ELSEWHERE) -> Response:
    return await person.put("/credentials/email", json={"email": email})


async def forgets(stranger: Stranger, email: str) -> str:
    """The token that comes by mail."""
    answer = await stranger.post("/accounts/reset", json={"email": email})
    assert answer.status_code == 202
    return await stranger.token_sent_to(email, MailKind.RESET)


async def resets(stranger: Stranger, token: str, password: str = NEW) -> Response:
    body = {"token": token, "password": password}
    return await stranger.post("/accounts/reset/confirm", json=body)


async def signs_in_with(stranger: Stranger, email: str) -> list[str]:
    """Which of the two passwords is good."""
    answers = {each: await stranger.signs_in(email, each) for each in (PASSWORD, NEW)}
    return [each for each, answer in answers.items() if answer.status_code == 201]


# A password


async def test_a_changed_password_is_good_a_day_later_and_ends_every_other_session(
    sam: Person, tablet: Person, stranger: Stranger, clock: Clock, address: str
) -> None:
    answer = await changes_password(sam)

    assert answer.status_code == 202
    assert answer.json() == {
        "kind": "password",
        "asked_at": "2026-03-02T12:00:00Z",
        "takes_effect_at": "2026-03-03T12:00:00Z",
        "proved": True,
        "by_mail": False,
    }
    assert await tablet.sees("/credentials/pending") == [answer.json()]
    clock.forward(hours=24, microseconds=-1)
    assert await signs_in_with(stranger, address) == [PASSWORD]
    clock.forward(microseconds=1)
    assert (await tablet.get("/today")).status_code == 401
    assert await signs_in_with(stranger, address) == [NEW]
    assert (await sam.get("/today")).status_code == 200
    assert await sam.sees("/credentials/pending") == []


@pytest.mark.parametrize("who_comes_first", ["the phone that asked", "the other", "a sign-in"])
async def test_no_change_is_late_whoever_comes_first(  # noqa: PLR0913
    *,
    sam: Person,
    stranger: Stranger,
    clock: Clock,
    address: str,
    db: AsyncSession,
    who_comes_first: str,
) -> None:
    other = (await stranger.signs_in(address)).json()
    await changes_password(sam)
    clock.forward(days=1)

    if who_comes_first == "the phone that asked":
        assert (await sam.get("/today")).status_code == 200
    elif who_comes_first == "the other":
        assert (await stranger.refreshes(other["refresh_token"])).status_code == 401
    else:
        assert (await stranger.signs_in(address)).status_code == 401

    assert (await stranger.refreshes(other["refresh_token"])).status_code == 401
    assert (await sam.get("/today")).status_code == 200
    ids = await db.exec(text(f"select id from session where account_id = '{sam.id}'"))  # type: ignore[call-overload]  # noqa: S608
    assert [*ids.scalars()] == [sam.session_id]


async def test_each_phone_may_stop_it_without_a_proof(
    sam: Person, tablet: Person, stranger: Stranger, clock: Clock, address: str
) -> None:
    await changes_password(sam)
    clock.forward(hours=23)

    for _ in range(2):
        assert (await tablet.delete("/credentials/pending/password")).status_code == 204

    clock.forward(hours=2)
    assert await tablet.sees("/credentials/pending") == []
    assert await signs_in_with(stranger, address) == [PASSWORD]


async def test_whoever_has_the_phone_in_hand_changes_nothing_without_the_password(
    sam: Person, clock: Clock
) -> None:
    clock.forward(minutes=10)

    answers = [await changes_password(sam), await moves(sam)]

    assert {(each.status_code, each.json()["type"]) for each in answers} == {
        (403, "/problems/not-proved")
    }
    assert await sam.sees("/credentials/pending") == []
    assert (await sam.proves()).status_code == 204
    assert (await changes_password(sam)).status_code == 202


async def test_a_change_that_is_asked_for_again_begins_its_day_again(
    sam: Person, clock: Clock, stranger: Stranger, address: str
) -> None:
    await changes_password(sam)
    clock.forward(hours=20)
    await sam.proves()
    await sam.put("/credentials/password", json={"password": NEW + "!"})
    clock.forward(hours=23)

    assert await signs_in_with(stranger, address) == [PASSWORD]
    clock.forward(hours=1)
    assert await signs_in_with(stranger, address) == []
    assert (await stranger.signs_in(address, NEW + "!")).status_code == 201


@pytest.mark.parametrize("password", ["passwordpassword", "Sam Sam Sam Sam 1"])
async def test_no_easily_guessed_password_is_chosen(
    sam: Person, stranger: Stranger, password: str, address: str
) -> None:
    chosen = await sam.put("/credentials/password", json={"password": password})
    reset = await resets(stranger, await forgets(stranger, address), "passwordpassword")

    for answer in (chosen, reset):
        assert answer.json()["type"] == "/problems/password-commonly-used"
    assert await sam.sees("/credentials/pending") == []


async def test_many_who_come_at_its_hour_see_it_done_once(
    sam: Person, stranger: Stranger, clock: Clock, address: str
) -> None:
    await changes_password(sam)
    clock.forward(days=1)

    answers = await asyncio.gather(
        *(sam.get("/today") for _ in range(8)),
        *(sam.moves_to("UTC") for _ in range(4)),
        *(stranger.signs_in(address, NEW) for _ in range(2)),
    )

    assert {answer.status_code for answer in answers} <= {200, 201}
    events = (await sam.sees("/security"))["events"]
    assert [each["kind"] for each in events].count("password_changed") == 1


async def test_a_sign_in_that_is_under_way_when_the_password_changes_leaves_no_session(
    sam: Person, stranger: Stranger, clock: Clock, address: str, engines: Engines
) -> None:
    await changes_password(sam)
    clock.forward(days=1, microseconds=-1)
    async with engines["owner"].begin() as owner:
        held = text("select from account where id = :who for no key update")
        await owner.execute(held, {"who": sam.id})
        under_way = asyncio.create_task(stranger.signs_in(address))
        await until_somebody_waits(engines)
        at_its_hour = {"who": sam.id, "at": NOON + timedelta(days=1)}
        await owner.execute(text("select take_effect(:who, :at)"), at_its_hour)

    answer = await under_way

    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/wrong-credentials")
    [only] = await sam.sees("/sessions")
    assert only["current"]


async def until_somebody_waits(engines: Engines) -> None:
    waiting = text("select exists (select from pg_locks where not granted)")
    async with asyncio.timeout(10), engines["owner"].connect() as watch:
        while not (await watch.execute(waiting)).scalar_one():
            await asyncio.sleep(0.02)


async def test_a_change_is_not_late_for_whoever_signs_in_with_an_identity(
    sam: Person, stranger: Stranger, clock: Clock, tablet: Person
) -> None:
    await sam.links("google", "sam")
    clock.forward(days=3)
    await sam.proves()
    await changes_password(sam)
    clock.forward(days=1)

    signed_in = await stranger.signs_in_with(GOOGLE.proof(clock.now, "sam"), "google")

    mine = await stranger.asks(signed_in.json()["access_token"])
    assert (signed_in.status_code, mine.status_code) == (201, 200)
    assert (await tablet.get("/today")).status_code == 401


# A reset


async def test_with_nobody_signed_in_a_reset_is_good_at_once(
    sam: Person, stranger: Stranger, clock: Clock, db: AsyncSession, address: str
) -> None:
    await db.exec(text(f"delete from session where account_id = '{sam.id}'"))  # type: ignore[call-overload]  # noqa: S608
    await db.commit()

    answer = await resets(stranger, await forgets(stranger, address))

    assert answer.json() == {"takes_effect_at": "2026-03-02T12:00:00Z"}
    assert clock.now == NOON
    assert await signs_in_with(stranger, address) == [NEW]


async def test_with_somebody_signed_in_a_reset_is_seen_and_stopped(
    sam: Person, stranger: Stranger, clock: Clock, address: str
) -> None:
    answer = await resets(stranger, await forgets(stranger, address))

    assert answer.json() == {"takes_effect_at": "2026-03-03T12:00:00Z"}
    [pending] = await sam.sees("/credentials/pending")
    assert pending["kind"] == "password"
    await sam.delete("/credentials/pending/password")
    clock.forward(days=2)
    assert await signs_in_with(stranger, address) == [PASSWORD]


async def test_a_reset_is_told_apart_from_a_change_of_my_own_and_never_takes_its_place(
    sam: Person, stranger: Stranger, clock: Clock, address: str
) -> None:
    reset = await resets(stranger, await forgets(stranger, address))
    [pending] = await sam.sees("/credentials/pending")
    assert pending["by_mail"]
    assert not (await changes_password(sam)).json()["by_mail"]
    mine = await sam.sees("/credentials/pending")

    again = await resets(stranger, await forgets(stranger, address), NEW + "?")

    assert (again.status_code, again.json()) == (reset.status_code, reset.json())
    assert await sam.sees("/credentials/pending") == mine
    clock.forward(days=1)
    assert await signs_in_with(stranger, address) == [NEW]
    assert (await stranger.signs_in(address, NEW + "?")).status_code == 401
    assert (await sam.get("/today")).status_code == 200


@pytest.mark.parametrize("looked_at", [timedelta(0), timedelta(days=2)], ids=["at once", "late"])
async def test_with_the_old_mailbox_goes_what_was_asked_by_it(
    *,
    sam: Person,
    stranger: Stranger,
    clock: Clock,
    address: str,
    looked_at: timedelta,
) -> None:
    await moves(sam)
    token = await stranger.token_sent_to(ELSEWHERE, MailKind.PROVE_EMAIL)
    await stranger.post("/credentials/email/confirm", json={"token": token})
    clock.forward(days=2, hours=12)
    await resets(stranger, await forgets(stranger, address))
    clock.forward(hours=12)
    clock.to(clock.now + looked_at)

    assert await signs_in_with(stranger, ELSEWHERE) == [PASSWORD]
    assert await sam.sees("/credentials/pending") == []
    events = [each["kind"] for each in (await sam.sees("/security"))["events"]]
    assert "password_stopped" in events
    assert "password_changed" not in events


async def test_a_new_address_leaves_the_password_that_i_asked_for(
    sam: Person, stranger: Stranger, clock: Clock
) -> None:
    await moves(sam)
    token = await stranger.token_sent_to(ELSEWHERE, MailKind.PROVE_EMAIL)
    await stranger.post("/credentials/email/confirm", json={"token": token})
    clock.forward(days=2, hours=12)
    await sam.proves()
    await changes_password(sam)

    clock.forward(days=1)

    assert await signs_in_with(stranger, ELSEWHERE) == [NEW]


async def test_a_reset_that_nobody_stops_ends_every_session(
    sam: Person, tablet: Person, stranger: Stranger, clock: Clock, address: str
) -> None:
    await resets(stranger, await forgets(stranger, address))
    clock.forward(days=1)

    assert await signs_in_with(stranger, address) == [NEW]
    for phone in (sam, tablet):
        assert (await phone.get("/today")).status_code == 401


async def test_whoever_signs_my_phone_out_to_be_alone_with_my_mailbox_is_not_alone_yet(
    sam: Person, stranger: Stranger, clock: Clock, address: str
) -> None:
    clock.forward(hours=1)  # no proof, but the phone in hand
    assert (await sam.delete(f"/sessions/{sam.session_id}")).status_code == 204

    answer = await resets(stranger, await forgets(stranger, address))

    assert answer.json() == {"takes_effect_at": "2026-03-03T13:00:00Z"}
    back = (await stranger.signs_in(address)).json()
    bearer = {"authorization": f"Bearer {back['access_token']}"}
    [pending] = (await stranger.get("/credentials/pending", headers=bearer)).json()
    await stranger.delete(f"/credentials/pending/{pending['kind']}", headers=bearer)
    clock.forward(days=2)
    assert await signs_in_with(stranger, address) == [PASSWORD]


async def test_a_reset_is_good_once_and_for_an_hour(
    sam: Person, stranger: Stranger, clock: Clock, address: str
) -> None:
    assert sam
    token = await forgets(stranger, address)
    clock.forward(hours=1)
    assert (await resets(stranger, token)).status_code == 410
    clock.to(NOON)

    both = await asyncio.gather(*(resets(stranger, token) for _ in range(2)))

    assert sorted(each.status_code for each in both) == [200, 410]
    late = await resets(stranger, token)
    assert (late.status_code, late.json()["type"]) == (410, "/problems/link-over")


async def test_a_token_opens_only_what_it_was_made_for(
    sam: Person, stranger: Stranger, address: str
) -> None:
    assert sam
    await moves(sam)
    reset = await forgets(stranger, address)
    email = await stranger.token_sent_to(ELSEWHERE, MailKind.PROVE_EMAIL)

    answers = [
        await stranger.post("/credentials/email/confirm", json={"token": reset}),
        await resets(stranger, email),
        await stranger.confirms(reset),
        await stranger.confirms(email),
    ]

    assert {each.status_code for each in answers} == {410}


async def test_what_was_mailed_before_a_change_opens_nothing_after_it(
    sam: Person, stranger: Stranger, clock: Clock, address: str
) -> None:
    await changes_password(sam)
    clock.forward(hours=23, minutes=30)
    token = await forgets(stranger, address)
    clock.forward(minutes=30)

    assert (await resets(stranger, token)).status_code == 410


async def test_an_unknown_address_is_told_that_there_is_no_account(
    stranger: Stranger, app: FastAPI, db: AsyncSession
) -> None:
    assert db
    await stranger.post("/accounts/reset", json={"email": "nobody@example.org"})

    [letter] = await letters_to("nobody@example.org", app)

    assert (letter.kind, letter.token) == (MailKind.UNKNOWN, None)


# An address


async def test_a_new_address_is_good_three_days_later_once_its_mail_was_opened(
    sam: Person, stranger: Stranger, clock: Clock, address: str
) -> None:
    answer = await moves(sam)
    assert (answer.status_code, answer.json()["proved"]) == (202, False)
    assert ELSEWHERE not in answer.text
    token = await stranger.token_sent_to(ELSEWHERE, MailKind.PROVE_EMAIL)
    opened = await stranger.post("/credentials/email/confirm", json={"token": token})
    assert opened.status_code == 204
    [pending] = await sam.sees("/credentials/pending")
    assert (pending["proved"], pending["takes_effect_at"]) == (True, "2026-03-05T12:00:00Z")

    clock.forward(hours=72, microseconds=-1)
    assert (await stranger.signs_in(ELSEWHERE)).status_code == 401
    clock.forward(microseconds=1)

    assert (await stranger.signs_in(ELSEWHERE)).status_code == 201
    assert (await stranger.signs_in(address)).status_code == 401
    assert (await sam.sees("/accounts/me"))["email"] == ELSEWHERE


async def test_the_old_address_is_told_at_once_and_not_where_to(
    sam: Person, app: FastAPI, address: str
) -> None:
    await moves(sam)

    [told] = await letters_to(address, app)

    assert (told.kind, told.token) == (MailKind.EMAIL_CHANGE, None)


async def test_an_address_whose_mail_nobody_opened_is_never_used(
    sam: Person, stranger: Stranger, clock: Clock, address: str
) -> None:
    await moves(sam)
    clock.forward(days=4)

    assert (await stranger.signs_in(ELSEWHERE)).status_code == 401
    assert (await stranger.signs_in(address)).status_code == 201
    assert await sam.sees("/credentials/pending") == []


async def test_a_link_proves_the_address_it_went_to_and_no_later_one(
    sam: Person, stranger: Stranger
) -> None:
    await moves(sam)
    token = await stranger.token_sent_to(ELSEWHERE, MailKind.PROVE_EMAIL)
    await moves(sam, "sam@third.example.org")

    answer = await stranger.post("/credentials/email/confirm", json={"token": token})

    assert answer.status_code == 410
    [pending] = await sam.sees("/credentials/pending")
    assert not pending["proved"]


async def test_no_answer_tells_that_an_address_is_taken(
    couple: Two, stranger: Stranger, app: FastAPI, clock: Clock
) -> None:
    sam, alex = couple
    theirs = (await alex.sees("/accounts/me"))["email"]

    taken, free = await moves(sam, theirs), await moves(sam)

    assert in_bytes(taken) == in_bytes(free)
    [told] = await letters_to(theirs, app)
    assert (told.kind, told.token) == (MailKind.KNOWN, None)
    clock.forward(days=4)
    assert (await stranger.signs_in(theirs)).status_code == 201
    assert (await alex.sees("/accounts/me"))["email"] == theirs


async def test_an_address_that_became_somebodys_meanwhile_stays_theirs(
    sam: Person, stranger: Stranger, clock: Clock, address: str, db: AsyncSession
) -> None:
    await moves(sam)
    token = await stranger.token_sent_to(ELSEWHERE, MailKind.PROVE_EMAIL)
    await stranger.post("/credentials/email/confirm", json={"token": token})
    await stranger.signs_up(email=ELSEWHERE, password=NEW)
    clock.forward(days=4)

    assert (await sam.sees("/accounts/me"))["email"] == address
    assert (await stranger.signs_in(ELSEWHERE, NEW)).status_code == 201
    rows = await db.exec(select(Account.id).where(Account.email == ELSEWHERE))
    assert rows.one() != sam.id


async def test_stopping_a_new_address_keeps_the_old_one(
    sam: Person, tablet: Person, stranger: Stranger, clock: Clock, address: str
) -> None:
    await moves(sam)
    token = await stranger.token_sent_to(ELSEWHERE, MailKind.PROVE_EMAIL)
    await tablet.delete("/credentials/pending/email")

    opened = await stranger.post("/credentials/email/confirm", json={"token": token})

    assert opened.status_code == 410
    clock.forward(days=4)
    assert (await sam.sees("/accounts/me"))["email"] == address


# What a partner finds of it


async def test_a_partner_finds_no_trace_of_a_change(couple: Two, clock: Clock) -> None:
    sam, alex = couple
    paths = ("/today", "/pairing", "/nudges", "/sessions", "/credentials/pending", "/security")
    before = [await alex.get(path) for path in paths]

    await changes_password(sam)
    await moves(sam)
    await sam.delete("/credentials/pending/email")

    assert in_bytes(*[await alex.get(path) for path in paths]) == in_bytes(*before)
    clock.forward(days=1)
    await sam.get("/today")
    assert (await alex.get("/today")).status_code == 200
    assert await alex.sees("/security") == {"events": [], "next": None}


async def test_the_api_makes_no_change_come_true_by_itself(engines: Engines) -> None:
    async with engines["api"].connect() as api:
        with pytest.raises(DBAPIError, match="permission denied"):
            await api.execute(text("select take_effect(gen_random_uuid(), now())"))
