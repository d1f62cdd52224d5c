import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable
from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any
from uuid import UUID, uuid4

import pytest
from argon2.low_level import Type, verify_secret
from fastapi import FastAPI
from httpx import Response
from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)
from hypothesis.strategies import integers
from sqlalchemy import event
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications import chores
from schemas.base import new_id
from schemas.sessions import ANSWER_LOST_FOR, LASTS, RefreshToken, Session
from tests.builders import Person, Stranger, Two, a_person, another_phone
from tests.conftest import Engines
from tests.fakes import NOON, Clock

JSON = {"content-type": "application/json"}
ROUNDS = 50
WRONG = "another otter on a tuesday"


@pytest.fixture
def phone(app: FastAPI) -> Stranger:
    return Stranger(app)


@pytest.fixture
async def robin(phone: Stranger, db: AsyncSession) -> Stranger:  # noqa: ARG001 - and leaves after
    assert (await phone.signs_up()).status_code == 202
    return phone


@pytest.fixture
async def sam(app: FastAPI, db: AsyncSession, clock: Clock) -> Person:
    return await a_person(db, Person("sam", app, clock))


async def a_chain(db: AsyncSession, person: Person) -> tuple[UUID, str]:
    """One more session of theirs, as signing in makes it, and its first refresh token."""
    session, token = Session.begin(person.id, person.clock.now), token_urlsafe(32)
    db.add(session)
    await db.flush()
    digest = sha256(token.encode()).digest()
    ids = {"account_id": person.id, "session_id": session.id}
    db.add(RefreshToken(hash=digest, **ids, generation=1, expires_at=session.expires_at))
    await db.commit()
    return session.id, token


async def goes_on(phone: Stranger, token: str) -> str:
    """The next refresh token."""
    answer = await phone.refreshes(token)
    assert answer.status_code == 200, answer.text
    following: str = answer.json()["refresh_token"]
    return following


async def is_over(phone: Stranger, token: str) -> bool:
    answer = await phone.refreshes(token)
    assert answer.status_code in (200, 401), answer.text
    over = answer.json().get("type") == "/problems/session-over"
    return over and answer.headers["www-authenticate"].startswith("Bearer")


async def sessions(db: AsyncSession, *ids: UUID) -> list[Session]:
    return list(await db.exec(select(Session).where(col(Session.id).in_(ids))))


# Signing in


async def test_signing_in_gives_what_a_phone_needs(robin: Stranger) -> None:
    answer = await robin.signs_in()

    assert answer.status_code == 201
    said = answer.json()
    assert len({said.pop(f"{each}_token") for each in ("access", "refresh")}) == 2
    assert said.pop("known_phone")
    assert UUID(said.pop("session_id"))
    assert said == {"token_type": "Bearer", "expires_in": 900}


async def test_an_unknown_address_and_a_wrong_password_look_alike(robin: Stranger) -> None:
    wrong = await robin.signs_in(password=WRONG)
    unknown = await robin.signs_in(email="nobody@example.org")

    assert (wrong.status_code, wrong.json()["type"]) == (401, "/problems/wrong-credentials")
    assert (unknown.status_code, unknown.content) == (wrong.status_code, wrong.content)
    assert unknown.headers.raw == wrong.headers.raw


async def test_an_unknown_address_and_a_wrong_password_are_the_same_work(
    robin: Stranger, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    work: list[str] = []

    def tried(known: bytes, password: bytes, kind: Type) -> bool:
        work.append(known.decode().rsplit("$", 2)[0])  # what it costs stands before the salt
        return verify_secret(known, password, kind)

    def asked(_: object, __: object, statement: str, *___: object) -> None:
        work.append(statement)

    monkeypatch.setattr("argon2._password_hasher.verify_secret", tried)
    event.listen(engines["api"].sync_engine, "before_cursor_execute", asked)
    try:
        await robin.signs_in(password=WRONG)
        wrong, work[:] = [*work], []
        await robin.signs_in(email="nobody@example.org")
    finally:
        event.remove(engines["api"].sync_engine, "before_cursor_execute", asked)

    assert work == wrong
    assert [each for each in work if each.startswith("$")] == ["$argon2id$v=19$m=47104,t=1,p=1"]


async def test_each_sign_in_is_a_session_of_its_own(robin: Stranger) -> None:
    one, other = [(await robin.signs_in()).json() for _ in range(2)]

    await robin.delete("/sessions", headers={"authorization": f"Bearer {one['access_token']}"})
    again = (await robin.signs_in()).json()

    assert await is_over(robin, other["refresh_token"])
    assert await goes_on(robin, again["refresh_token"])


async def test_of_more_than_twenty_sessions_the_longest_unused_end(
    robin: Stranger, clock: Clock
) -> None:
    first, second = [(await robin.signs_in()).json() for _ in range(2)]
    for _ in range(18):
        clock.forward(minutes=1)
        await robin.signs_in()
    first = (await robin.refreshes(first["refresh_token"])).json()

    last = (await robin.signs_in()).json()

    assert (await robin.asks(second["access_token"])).status_code == 401
    assert (await robin.asks(first["access_token"])).status_code == 200
    assert len(await listed(robin, last["access_token"])) == 20


async def test_twenty_are_the_most_however_many_sign_in_at_once(
    robin: Stranger, db: AsyncSession
) -> None:
    for _ in range(4):
        await asyncio.gather(*(robin.signs_in() for _ in range(6)))

    assert len((await db.exec(select(Session))).all()) == 20


# Going on


async def test_a_session_goes_on_from_token_to_token(robin: Stranger) -> None:
    tokens = (await robin.signs_in()).json()
    del tokens["known_phone"]  # once is enough

    for _ in range(3):
        answer = await robin.refreshes(tokens["refresh_token"])
        assert answer.status_code == 200
        assert answer.json().keys() == tokens.keys()
        assert answer.json()["refresh_token"] != tokens["refresh_token"]
        tokens = answer.json()
        assert (await robin.asks(tokens["access_token"])).status_code == 200


async def test_a_used_token_that_comes_back_after_its_successor_ends_the_session_for_both(
    phone: Stranger, sam: Person, db: AsyncSession
) -> None:
    session_id, stolen = await a_chain(db, sam)
    second = await goes_on(phone, stolen)
    answer = await phone.refreshes(second)
    third, access_token = answer.json()["refresh_token"], answer.json()["access_token"]
    assert (await phone.asks(access_token)).status_code == 200

    assert await is_over(phone, stolen)

    assert (await phone.asks(access_token)).status_code == 401
    assert await is_over(phone, third)
    assert await sessions(db, session_id) == []


async def test_a_phone_that_lost_the_answer_sends_the_same_token_again(
    phone: Stranger, sam: Person, db: AsyncSession
) -> None:
    _, token = await a_chain(db, sam)
    lost = await goes_on(phone, token)

    again = [await goes_on(phone, token) for _ in range(3)]

    assert len({lost, *again}) == 4
    assert await goes_on(phone, again[1])


async def test_a_lost_answer_is_given_again_for_two_minutes_and_not_longer(
    phone: Stranger, sam: Person, db: AsyncSession
) -> None:
    session_id, token = await a_chain(db, sam)
    await goes_on(phone, token)

    for _ in range(3):  # asked for again and again, it takes no longer
        sam.clock.forward(seconds=39)
        await goes_on(phone, token)
    sam.clock.forward(seconds=3)

    # A phone that sleeps since is not outlived by whoever has a copy of its token.
    assert await is_over(phone, token)
    assert await sessions(db, session_id) == []


async def test_a_lost_answer_that_is_given_again_makes_no_session_last(
    phone: Stranger, sam: Person, db: AsyncSession
) -> None:
    session_id, token = await a_chain(db, sam)
    await goes_on(phone, token)
    [before] = [row.model_dump() for row in await sessions(db, session_id)]
    sam.clock.forward(minutes=1)

    await goes_on(phone, token)

    db.expire_all()
    assert [row.model_dump() for row in await sessions(db, session_id)] == [before]


async def test_a_thief_is_found_out_by_the_phone_that_wakes_up_last(
    phone: Stranger, sam: Person, db: AsyncSession, engines: Engines
) -> None:
    session_id, token = await a_chain(db, sam)
    stolen = token
    for _ in range(59):
        stolen = await goes_on(phone, stolen)
        sam.clock.forward(days=1)
        await chores.sweep(engines["worker"], sam.clock.now)

    assert await is_over(phone, token)
    assert await sessions(db, session_id) == []


async def test_spent_tokens_are_gone_when_no_phone_can_hold_them_any_more(
    phone: Stranger, sam: Person, db: AsyncSession, engines: Engines
) -> None:
    session_id, first = await a_chain(db, sam)
    token = first
    for _ in range(5):
        token = await goes_on(phone, token)
        sam.clock.forward(days=30)
        await chores.sweep(engines["worker"], sam.clock.now)

    left = (await db.exec(select(RefreshToken).where(RefreshToken.session_id == session_id))).all()
    assert [each.generation for each in left] == [6]
    assert await is_over(phone, first)
    assert await goes_on(phone, token)


async def test_of_two_successors_the_first_to_be_used_lives_and_the_other_ends_both(
    phone: Stranger, sam: Person, db: AsyncSession
) -> None:
    session_id, token = await a_chain(db, sam)
    one, other = await goes_on(phone, token), await goes_on(phone, token)

    following = await goes_on(phone, other)
    assert await sessions(db, session_id)

    assert await is_over(phone, one)
    assert await is_over(phone, following)
    assert await sessions(db, session_id) == []


async def test_a_token_that_nobody_was_given_ends_nothing(
    phone: Stranger, sam: Person, db: AsyncSession
) -> None:
    session_id, token = await a_chain(db, sam)

    for unknown in (token_urlsafe(32), token.swapcase(), token + "A", token[:-1], "0", "é" * 100):
        assert await is_over(phone, unknown)

    assert await sessions(db, session_id)
    assert await goes_on(phone, token)


@pytest.mark.parametrize("token", ["", "x" * 201, None, 7, "xxx\ud800"])
async def test_what_cannot_be_a_token_is_refused_and_not_repeated(
    phone: Stranger, token: object
) -> None:
    form = json.dumps({"refresh_token": token})

    answer = await phone.post("/sessions/refresh", content=form, headers=JSON)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")
    assert "xxx" not in answer.text


async def test_a_session_that_is_not_used_for_sixty_days_is_over(
    robin: Stranger, clock: Clock
) -> None:
    token = (await robin.signs_in()).json()["refresh_token"]

    for _ in range(3):  # each use gives another sixty
        clock.forward(days=59, hours=23, minutes=59)
        token = await goes_on(robin, token)

    clock.forward(days=60)
    assert await is_over(robin, token)


async def listed(phone: Stranger, access_token: str) -> list[dict[str, Any]]:
    answer = await phone.asks(access_token, "/sessions")
    assert answer.status_code == 200
    shown: list[dict[str, Any]] = answer.json()
    return shown


async def test_refresh_tokens_are_kept_as_hashes_alone(robin: Stranger, db: AsyncSession) -> None:
    first = (await robin.signs_in()).json()["refresh_token"]
    second = await goes_on(robin, first)

    kept = {row.hash for row in await db.exec(select(RefreshToken))}

    assert kept == {sha256(each.encode()).digest() for each in (first, second)}


# Many hands at once


async def at_once(*requests: Awaitable[Response]) -> list[Response]:
    """Each on a connection of its own."""
    answers = await asyncio.gather(*requests)
    for answer in answers:
        assert answer.status_code in (200, 204, 401), answer.text
    return answers


async def test_a_phone_that_raced_with_itself_is_never_signed_out(
    phone: Stranger, sam: Person, db: AsyncSession
) -> None:
    _, token = await a_chain(db, sam)

    for turn in range(ROUNDS):
        answers = await at_once(*(phone.refreshes(token) for _ in range(3)))
        assert {answer.status_code for answer in answers} == {200}
        token = answers[turn % 3].json()["refresh_token"]  # whichever it keeps


async def test_two_hands_never_hold_the_same_session_for_long(
    phone: Stranger, sam: Person, db: AsyncSession
) -> None:
    for _ in range(ROUNDS):
        session_id, token = await a_chain(db, sam)
        one, other = [
            answer.json()["refresh_token"]
            for answer in await at_once(phone.refreshes(token), phone.refreshes(token))
        ]

        answers = await at_once(phone.refreshes(one), phone.refreshes(other))

        assert sorted(answer.status_code for answer in answers) == [200, 401]
        assert await sessions(db, session_id) == []


async def test_a_session_that_is_ended_while_it_goes_on_has_ended(
    phone: Stranger, sam: Person, db: AsyncSession
) -> None:
    for _ in range(ROUNDS):
        session_id, token = await a_chain(db, sam)

        ended, _ = await at_once(sam.delete(f"/sessions/{session_id}"), phone.refreshes(token))

        assert ended.status_code == 204
        assert await sessions(db, session_id) == []


async def test_ending_a_session_that_is_just_ending_breaks_nothing(
    phone: Stranger, sam: Person, db: AsyncSession
) -> None:
    for _ in range(ROUNDS):
        session_id, stolen = await a_chain(db, sam)
        await goes_on(phone, await goes_on(phone, stolen))

        answers = await asyncio.gather(
            phone.refreshes(stolen), sam.delete(f"/sessions/{session_id}")
        )

        assert answers[0].status_code == 401
        assert answers[1].status_code in (204, 404)
        assert await sessions(db, session_id) == []


# Listing and ending


async def test_i_see_my_sessions_and_nobody_elses(
    robin: Stranger, clock: Clock, noise: Two
) -> None:
    assert noise
    first = (await robin.signs_in()).json()
    clock.forward(hours=1)
    second = (await robin.signs_in()).json()
    clock.forward(hours=1)
    first = (await robin.refreshes(first["refresh_token"])).json()

    shown = await listed(robin, first["access_token"])

    assert [each.keys() for each in shown] == [{"id", "created_at", "rotated_at", "current"}] * 2
    assert [(each["created_at"], each["rotated_at"], each["current"]) for each in shown] == [
        ("2026-03-02T12:00:00Z", "2026-03-02T14:00:00Z", True),
        ("2026-03-02T13:00:00Z", "2026-03-02T13:00:00Z", False),
    ]
    second = (await robin.refreshes(second["refresh_token"])).json()
    from_there = await listed(robin, second["access_token"])
    assert [each["current"] for each in from_there] == [False, True]


async def test_a_session_that_ran_out_is_not_listed(robin: Stranger, clock: Clock) -> None:
    await robin.signs_in()
    clock.forward(days=60)

    now = (await robin.signs_in()).json()

    assert [each["current"] for each in await listed(robin, now["access_token"])] == [True]


async def test_ending_one_of_my_sessions_counts_from_the_next_request(
    sam: Person, app: FastAPI, db: AsyncSession
) -> None:
    tablet = await another_phone(db, sam, app)
    assert (await tablet.get("/today")).status_code == 200

    assert (await sam.delete(f"/sessions/{tablet.session_id}")).status_code == 204

    assert (await tablet.get("/today")).status_code == 401
    assert (await tablet.put("/accounts/me", json={})).status_code == 401
    assert [each["current"] for each in await sam.sees("/sessions")] == [True]
    assert (await sam.delete(f"/sessions/{tablet.session_id}")).status_code == 404


async def test_ending_the_session_that_asks_is_signing_out(
    phone: Stranger, robin: Stranger
) -> None:
    tokens = (await robin.signs_in()).json()
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    (mine,) = await listed(robin, tokens["access_token"])

    assert (await phone.delete(f"/sessions/{mine['id']}", headers=bearer)).status_code == 204

    assert (await phone.asks(tokens["access_token"])).status_code == 401
    assert await is_over(phone, tokens["refresh_token"])


async def test_ending_all_my_sessions_ends_mine_alone(
    couple: Two, app: FastAPI, db: AsyncSession, phone: Stranger
) -> None:
    sam, alex = couple
    tablet = await another_phone(db, sam, app)
    _, token = await a_chain(db, sam)

    assert (await tablet.delete("/sessions")).status_code == 204

    for mine in (sam, tablet):
        assert (await mine.get("/today")).status_code == 401
    assert await is_over(phone, token)
    assert (await alex.get("/today")).status_code == 200


async def test_whoever_holds_my_phone_for_a_moment_signs_out_this_phone_and_no_other(
    sam: Person, app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    tablet = await another_phone(db, sam, app)
    clock.forward(minutes=10)

    refused = [await sam.delete("/sessions"), await sam.delete(f"/sessions/{tablet.session_id}")]

    assert {(each.status_code, each.json()["type"]) for each in refused} == {
        (403, "/problems/not-proved")
    }
    assert (await tablet.get("/today")).status_code == 200
    assert (await sam.delete(f"/sessions/{sam.session_id}")).status_code == 204
    assert (await sam.get("/today")).status_code == 401
    assert (await tablet.get("/today")).status_code == 200


# Proving once more


async def test_a_proof_is_good_for_ten_minutes_and_on_this_phone_alone(
    sam: Person, app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    tablet = await another_phone(db, sam, app)
    clock.forward(hours=1)
    assert (await sam.proves()).status_code == 204

    assert (await tablet.delete(f"/sessions/{sam.session_id}")).status_code == 403
    clock.forward(minutes=10)
    assert (await sam.delete(f"/sessions/{tablet.session_id}")).status_code == 403
    clock.forward(microseconds=-1)
    assert (await sam.delete(f"/sessions/{tablet.session_id}")).status_code == 204


async def test_a_wrong_password_proves_nothing_and_ends_nothing(sam: Person, clock: Clock) -> None:
    clock.forward(hours=1)

    answer = await sam.proves(WRONG)

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/wrong-password")
    assert (await sam.delete("/sessions")).status_code == 403
    assert (await sam.get("/today")).status_code == 200


async def test_somebody_elses_session_is_not_found_and_stays(couple: Two, noise: Two) -> None:
    sam, alex = couple
    kim, _ = noise

    answers = [
        await sam.delete(f"/sessions/{session}")
        for session in (alex.session_id, kim.session_id, uuid4(), new_id(NOON))
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert len({(answer.content, str(answer.headers)) for answer in answers}) == 1
    for other in (alex, kim):
        assert (await other.get("/today")).status_code == 200


async def test_a_partner_finds_no_trace_of_my_sessions(
    couple: Two, app: FastAPI, db: AsyncSession
) -> None:
    sam, alex = couple
    paths = ("/sessions", "/devices", "/today", "/nudges", "/pairing")
    before = [await alex.get(path) for path in paths]

    await a_chain(db, sam)
    await sam.delete(f"/sessions/{(await another_phone(db, sam, app)).session_id}")
    await sam.delete("/sessions")

    after = [await alex.get(path) for path in paths]
    assert [(each.content, each.headers) for each in after] == [
        (each.content, each.headers) for each in before
    ]


# The chain by itself


class Chain(RuleBasedStateMachine):
    """Any number of hands, each using any token that was ever given out, in any order."""

    tokens: Bundle[RefreshToken] = Bundle("tokens")

    @initialize(target=tokens)
    def begins(self) -> RefreshToken:
        self.now = self.spent_at = NOON
        self.session = Session.begin(uuid4(), self.now)
        self.over = False
        self.given = 0
        self.spent: dict[int, set[bytes]] = defaultdict(set)
        return self.next_token()

    def next_token(self) -> RefreshToken:
        self.given += 1
        return RefreshToken(
            hash=self.given.to_bytes(4),
            account_id=self.session.account_id,
            session_id=self.session.id,
            generation=self.session.spent + 1,
            expires_at=self.now + LASTS,
        )

    @rule(seconds=integers(1, 150))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(target=tokens, token=tokens)
    def is_used(self, token: RefreshToken) -> RefreshToken | MultipleResults[RefreshToken]:
        if self.over:
            return multiple()
        if not self.session.accepts(token, self.now):
            # Never the newest, and never the one whose answer may be lost.
            assert token.generation <= self.session.spent
            lately = self.now < self.spent_at + ANSWER_LOST_FOR
            assert not (lately and token.hash in self.spent[self.session.spent])
            self.over = True
            return multiple()
        self.session.spend(token, self.now)
        if token.hash not in self.spent[token.generation]:
            self.spent_at = self.now
        self.spent[token.generation].add(token.hash)
        return self.next_token()

    @invariant()
    def at_most_one_token_of_a_generation_was_ever_spent(self) -> None:
        assert all(len(hashes) <= 1 for hashes in self.spent.values())

    @invariant()
    def it_lasts_as_long_after_the_last_step_forward_and_no_longer(self) -> None:
        assert self.session.expires_at == self.spent_at + LASTS

    @invariant()
    def no_generation_was_left_out(self) -> None:
        assert [*self.spent] == [*range(1, len(self.spent) + 1)]


TestChain = Chain.TestCase
TestChain.settings = settings(max_examples=100, stateful_step_count=15)
