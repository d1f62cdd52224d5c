from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications.chores import sweep
from schemas.mail import MailKind
from schemas.paging import PAGE
from schemas.security import Cursor, SecurityEvent, SecurityEventKind
from tests.builders import Person, Stranger, Two, a_person, another_phone
from tests.conftest import Engines
from tests.fakes import NOON, Clock

NEW = "another otter by the gravel lantern"


@pytest.fixture
async def sam(app: FastAPI, db: AsyncSession, clock: Clock) -> Person:
    return await a_person(db, Person("sam", app, clock))


async def kinds(person: Person) -> list[str]:
    return [each["kind"] for each in (await person.sees("/security"))["events"]]


async def test_i_see_what_happened_newest_first_and_which_session_did_it(
    sam: Person, app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    tablet = await another_phone(db, sam, app)
    await sam.proves("a password that is wrong")
    clock.forward(minutes=1)
    await sam.put("/credentials/password", json={"password": NEW})
    clock.forward(minutes=1)
    await tablet.delete("/credentials/pending/password")
    clock.forward(minutes=1)
    await sam.delete(f"/sessions/{tablet.session_id}")

    seen = await sam.sees("/security")

    this, that = str(sam.session_id), str(tablet.session_id)
    told = [(each["kind"], each["at"], each["session_id"]) for each in seen["events"]]
    assert told == [
        ("signed_out_elsewhere", "2026-03-02T12:03:00Z", this),
        ("password_stopped", "2026-03-02T12:02:00Z", that),
        ("password_asked", "2026-03-02T12:01:00Z", this),
        ("proof_failed", "2026-03-02T12:00:00Z", this),
    ]
    assert seen["next"] is None
    assert {key for each in seen["events"] for key in each} == {"kind", "at", "session_id"}


async def test_a_phone_that_signs_in_and_out_is_seen_and_a_broken_chain(
    sam: Person, app: FastAPI
) -> None:
    phone = Stranger(app)
    email = (await sam.sees("/accounts/me"))["email"]
    first = (await phone.signs_in(email)).json()
    assert await kinds(sam) == ["signed_in"]
    second = (await phone.refreshes(first["refresh_token"])).json()
    await phone.refreshes(second["refresh_token"])

    await phone.refreshes(first["refresh_token"])

    assert sorted(await kinds(sam)) == ["chain_broken", "signed_in"]


async def test_what_comes_by_mail_is_seen(sam: Person, app: FastAPI, clock: Clock) -> None:
    phone = Stranger(app)
    email = (await sam.sees("/accounts/me"))["email"]
    await phone.post("/accounts/reset", json={"email": email})
    token = await phone.token_sent_to(email, MailKind.RESET)
    clock.forward(minutes=1)
    await phone.post("/accounts/reset/confirm", json={"token": token, "password": NEW})

    events = (await sam.sees("/security"))["events"]

    assert [(each["kind"], each["session_id"]) for each in events] == [
        ("password_asked", None),
        ("reset_asked", None),
    ]


async def test_nobody_else_sees_it(couple: Two) -> None:
    sam, alex = couple
    await sam.proves("a password that is wrong")

    assert await kinds(sam) == ["proof_failed"]
    assert await kinds(alex) == []


def test_a_page_ends_where_it_ended_to_the_microsecond() -> None:
    end = Cursor(datetime(2039, 5, 1, 0, 0, 0, 15, UTC), uuid4())

    assert Cursor.read(str(end)) == end


async def test_it_is_read_page_by_page(sam: Person, db: AsyncSession, noise: Two) -> None:
    assert noise
    times = [NOON - timedelta(hours=number // 3) for number in range(2 * PAGE + 1)]
    for at in times:
        db.add(SecurityEvent.of(sam.id, SecurityEventKind.SIGNED_IN, at, None))
    await db.commit()

    pages: list[list[str]] = []
    after: str | None = ""
    while after is not None:
        page: Any = await sam.sees(f"/security{after}")
        pages.append([each["at"] for each in page["events"]])
        after = f"?after={page['next']}" if page["next"] else None

    assert [len(page) for page in pages] == [PAGE, PAGE, 1]
    read = [at for page in pages for at in page]
    assert read == sorted(read, reverse=True)
    assert len(read) == len(times)


async def test_after_ninety_days_it_is_forgotten(sam: Person, engines: Engines) -> None:
    await sam.proves("a password that is wrong")

    await sweep(engines["worker"], NOON + timedelta(days=90, microseconds=-1))
    assert await kinds(sam) == ["proof_failed"]
    await sweep(engines["worker"], NOON + timedelta(days=90))

    assert await kinds(sam) == []
