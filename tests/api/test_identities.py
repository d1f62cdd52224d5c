import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from api.app import create_app
from api.tokens import Claims
from schemas.accounts import Account
from schemas.identities import Identity, Issuer
from schemas.sessions import Session
from tests.builders import Person, SignedIn, Stranger, Two, another_phone, fittings, in_bytes
from tests.catalog import contents
from tests.conftest import Engines
from tests.fakes import Clock
from tests.local_issuer import APPLE, GOOGLE, ISSUERS, trusted

ROUNDS = 20
WITH_IDENTITY = select(Identity.account_id)


def shown(person: Person, issuer: str = "apple", subject: str | None = None) -> dict[str, str]:
    """What this person's phone gets from the issuer, by the same name as in `links`."""
    named = subject or f"{person.name}-{person.id}"
    return ISSUERS[Issuer(issuer)].proof(person.clock.now, named)


async def proves(person: Person, issuer: str = "apple", subject: str | None = None) -> Response:
    return await person.post(f"/identities/{issuer}/proof", json=shown(person, issuer, subject))


async def unlinks(person: Person, issuer: str = "apple") -> Response:
    return await person.delete(f"/identities/{issuer}")


async def linked(person: Person) -> list[str]:
    return [each["issuer"] for each in await person.sees("/identities")]


async def keeps(person: Person, *issuers: str) -> None:
    """Linked three days ago, and it was proved again just now that it is them."""
    for issuer in issuers:
        assert (await person.links(issuer)).status_code == 200
    person.clock.forward(days=3)
    await person.proves()


def said(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


@pytest.fixture
async def robin(app: FastAPI, db: AsyncSession, clock: Clock) -> Person:
    """Has an account without address and password, and signs in with Apple."""
    tokens = await Stranger(app).signs_up_with(APPLE.proof(clock.now, "robin"))
    assert tokens.status_code == 201, tokens.text
    [session] = await db.exec(select(Session).where(col(Session.account_id).in_(WITH_IDENTITY)))
    person = Person("robin", app, clock)
    person.id, person.session_id = session.account_id, session.id
    person.auth = SignedIn(Claims(person.id, person.session_id), clock)
    return person


async def test_whoever_signs_up_with_an_identity_is_in_and_has_no_address(
    app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    phone = Stranger(app)
    said_of_me = {"email": "robin@icloud.example", "email_verified": True}

    answer = await phone.signs_up_with(APPLE.proof(clock.now, "robin", **said_of_me))

    assert answer.status_code == 201
    account = (await phone.asks(answer.json()["access_token"])).json()
    assert {name: account[name] for name in account if name != "id"} == {
        "display_name": "Robin",
        "zone": "Europe/Lisbon",
        "locale": "en",
        "email": None,
    }
    assert "icloud" not in str(await contents(db))


async def test_an_account_without_a_password_is_an_account_like_any_other(
    robin: Person, alone: Two
) -> None:
    _, alex = alone

    await robin.pairs_with(alex)
    await robin.allows("checkins")

    assert (await alex.sees("/pairing"))["name"] == "Robin"
    assert (await robin.answers(await robin.begins(), mood=4)).status_code == 200
    assert (await robin.moves_to("America/Denver")).json()["email"] is None


async def test_several_accounts_have_no_address(
    robin: Person, app: FastAPI, db: AsyncSession
) -> None:
    for number in range(2):
        proof = APPLE.proof(robin.clock.now, f"another {number}")
        assert (await Stranger(app).signs_up_with(proof)).status_code == 201

    nowhere = select(Account).where(Account.email == None)  # noqa: E711
    assert len([*await db.exec(nowhere)]) == 3


@pytest.mark.parametrize("email", ["", None, "none", "null"])
async def test_nobody_signs_in_with_a_password_that_is_not_there(
    robin: Person, app: FastAPI, email: str | None
) -> None:
    assert robin.id
    body = {"email": email, "password": "gravel lantern tuesday otter"}

    assert (await Stranger(app).post("/sessions", json=body)).status_code == 422


async def test_an_address_and_a_password_come_together(robin: Person, db: AsyncSession) -> None:
    account = await db.get_one(Account, robin.id)
    account.email = "robin@example.org"

    with pytest.raises(Exception, match="ck_account_address_with_password"):
        await db.commit()
    await db.rollback()


async def test_an_identity_is_known_by_its_number_and_never_by_its_address(
    app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    phone = Stranger(app)
    await phone.signs_up(email="robin@example.org")
    mine = {"email": "robin@example.org", "email_verified": True}

    answer = await phone.signs_in_with(APPLE.proof(clock.now, "somebody", **mine))

    assert said(answer) == (403, "identity-unknown")
    assert db


async def test_a_child_is_turned_away_and_keeps_the_token(
    app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    phone, proof = Stranger(app), APPLE.proof(clock.now, "robin")
    before = await contents(db)

    answer = await phone.signs_up_with(proof | {"born_on": "2010-05-17"})

    assert said(answer) == (422, "underage")
    assert await contents(db) == before
    assert (await phone.signs_up_with(proof)).status_code == 201


async def test_a_token_of_which_nobody_is_known_is_good_to_sign_up(
    app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    assert db
    phone, proof = Stranger(app), APPLE.proof(clock.now, "robin")

    assert said(await phone.signs_in_with(proof)) == (403, "identity-unknown")
    assert (await phone.signs_up_with(proof)).status_code == 201
    assert said(await phone.signs_in_with(proof)) == (403, "identity-refused")


async def test_whoever_is_known_does_not_sign_up_again(
    robin: Person, app: FastAPI, db: AsyncSession
) -> None:
    before = await contents(db)
    good = APPLE.proof(robin.clock.now, "robin")
    bad = good | {"token": "nonsense"}

    answers = [await Stranger(app).signs_up_with(each) for each in (good, bad)]

    assert len({(each.status_code, each.content) for each in answers}) == 1
    assert said(answers[0]) == (403, "identity-refused")
    assert await contents(db) == before


async def test_two_who_sign_up_with_one_identity_at_once_are_one(
    app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    for number in range(ROUNDS):
        proofs = [APPLE.proof(clock.now, f"robin {number}") for _ in range(4)]
        answers = await asyncio.gather(*(Stranger(app).signs_up_with(each) for each in proofs))
        assert sorted(each.status_code for each in answers) == [201, 403, 403, 403]

    assert len([*await db.exec(select(Account))]) == ROUNDS


async def test_many_phones_of_one_person_sign_in_at_once(robin: Person, app: FastAPI) -> None:
    proofs = [APPLE.proof(robin.clock.now, "robin") for _ in range(8)]

    answers = await asyncio.gather(*(Stranger(app).signs_in_with(each) for each in proofs))

    assert {each.status_code for each in answers} == {201}
    assert len(await robin.sees("/sessions")) == 9


async def test_the_same_number_at_two_issuers_is_two_people(robin: Person, app: FastAPI) -> None:
    proof = GOOGLE.proof(robin.clock.now, "robin")

    assert said(await Stranger(app).signs_in_with(proof, "google")) == (403, "identity-unknown")


async def test_what_an_issuer_calls_somebody_is_kept_as_a_hash(
    app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    number = "110169484474386276334"
    await Stranger(app).signs_up_with(GOOGLE.proof(clock.now, number), "google")

    kept = str(await contents(db))

    assert "google" in kept
    assert number not in kept
    assert number.encode().hex() not in kept


async def test_whoever_signs_in_waits_for_another_who_does_lest_there_be_more_than_twenty(
    robin: Person, app: FastAPI, clock: Clock, engines: Engines
) -> None:
    async with engines["owner"].begin() as another:
        await another.execute(select(Account.id).with_for_update(key_share=True))
        proof = APPLE.proof(clock.now, "robin")
        signing_in = asyncio.create_task(Stranger(app).signs_in_with(proof))
        await asyncio.sleep(0.3)
        assert not signing_in.done()

    assert (await signing_in).status_code == 201
    assert len(await robin.sees("/sessions")) == 2


# Linking


async def test_whoever_links_an_identity_signs_in_with_it(couple: Two, app: FastAPI) -> None:
    sam, alex = couple

    answer = await sam.links("google")

    times = {"linked_at": "2026-03-02T12:00:00Z", "good_from": "2026-03-05T12:00:00Z"}
    shows = {"issuer": "google"} | times
    assert (answer.status_code, answer.json()) == (200, shows)
    assert await sam.sees("/identities") == [shows]
    assert await alex.sees("/identities") == []
    sam.clock.forward(days=3)
    tokens = (await Stranger(app).signs_in_with(shown(sam, "google"), "google")).json()
    me = (await Stranger(app).asks(tokens["access_token"])).json()
    assert me["id"] == str(sam.id)


async def test_a_partner_learns_nothing_of_it(couple: Two) -> None:
    sam, alex = couple
    paths = ("/identities", "/pairing", "/today", "/nudges", "/accounts/me", "/sessions")
    before = [await alex.get(path) for path in paths]

    await sam.links()

    assert in_bytes(*[await alex.get(path) for path in paths]) == in_bytes(*before)


WANT_A_FRESH_PROOF: list[Callable[[Person], Awaitable[Response]]] = [Person.links, unlinks]


@pytest.mark.parametrize("act", WANT_A_FRESH_PROOF, ids=["link", "unlink"])
async def test_a_phone_that_lies_about_does_not_change_the_ways_in(
    act: Callable[[Person], Awaitable[Response]], couple: Two
) -> None:
    sam, _ = couple
    await keeps(sam, "apple", "google")
    before = await sam.sees("/identities")
    sam.clock.forward(minutes=10)

    assert said(await act(sam)) == (403, "not-proved")
    assert await sam.sees("/identities") == before

    await proves(sam, "google")
    assert (await act(sam)).status_code in {200, 204}


async def test_an_identity_of_my_own_proves_that_it_is_me_for_ten_minutes(robin: Person) -> None:
    robin.clock.forward(days=1)
    assert said(await robin.links("google", "robin")) == (403, "not-proved")

    assert (await proves(robin, "apple", "robin")).status_code == 204

    robin.clock.forward(minutes=9, seconds=59)
    assert (await robin.links("google", "robin")).status_code == 200
    robin.clock.forward(seconds=1)
    assert said(await robin.links("google", "robin")) == (403, "not-proved")


async def test_an_identity_that_is_not_mine_proves_nothing(couple: Two) -> None:
    sam, alex = couple
    await sam.links("apple", "sam")
    await alex.links("google", "alex")
    sam.clock.forward(days=3)

    for person, issuer, subject in (
        (alex, "apple", "sam"),
        (alex, "google", "somebody"),
        (sam, "google", "alex"),
        (sam, "google", "sam"),
    ):
        answer = await proves(person, issuer, subject)
        assert said(answer) == (403, "identity-refused")
        assert said(await person.links()) == (403, "not-proved")
        seen = (await person.sees("/security"))["events"]
        assert seen[0]["kind"] == "proof_failed"


async def test_a_proof_is_of_this_session_alone(
    couple: Two, app: FastAPI, db: AsyncSession
) -> None:
    sam, _ = couple
    await keeps(sam, "apple")
    tablet = await another_phone(db, sam, app)
    sam.clock.forward(days=1)

    await proves(sam)

    assert said(await tablet.links("google")) == (403, "not-proved")
    assert (await sam.links("google")).status_code == 200


async def test_a_token_that_proved_something_does_not_sign_in(couple: Two, app: FastAPI) -> None:
    sam, _ = couple
    await keeps(sam, "apple")
    proof = shown(sam)

    assert (await sam.post("/identities/apple/proof", json=proof)).status_code == 204
    for again in (
        await Stranger(app).signs_in_with(proof),
        await sam.post("/identities/apple/proof", json=proof),
        await sam.put("/identities/apple", json=proof),
    ):
        assert said(again) == (403, "identity-refused")


async def test_what_is_linked_elsewhere_looks_like_a_token_that_is_not_good(
    couple: Two, db: AsyncSession, app: FastAPI
) -> None:
    sam, alex = couple
    await sam.links("apple", "sam")
    before = await contents(db)

    elsewhere = await alex.links("apple", "sam")
    bad = await alex.put("/identities/apple", json=shown(alex) | {"token": "nonsense"})

    assert in_bytes(elsewhere) == in_bytes(bad)
    assert said(bad) == (403, "identity-refused")
    assert await contents(db) == before
    sam.clock.forward(days=3)
    assert (await Stranger(app).signs_in_with(shown(sam, "apple", "sam"))).status_code == 201


async def test_whoever_tries_to_link_what_is_linked_elsewhere_keeps_what_they_had(
    couple: Two,
) -> None:
    sam, alex = couple
    await sam.links("apple", "sam")
    await alex.links("apple", "alex")

    assert said(await alex.links("apple", "sam")) == (403, "identity-refused")

    alex.clock.forward(days=3)
    assert (await proves(alex, "apple", "alex")).status_code == 204


async def test_two_who_link_one_identity_at_once_do_not_share_it(couple: Two) -> None:
    for number in range(ROUNDS):
        answers = await asyncio.gather(
            *(each.links("apple", f"of both {number}") for each in couple)
        )
        assert sorted(each.status_code for each in answers) == [200, 403]


async def test_two_phones_that_link_at_once_leave_one_identity(
    couple: Two, app: FastAPI, db: AsyncSession
) -> None:
    sam, _ = couple
    phones = [sam, await another_phone(db, sam, app)]
    for number in range(ROUNDS):
        answers = await asyncio.gather(
            *(each.links("apple", f"{each.session_id} {number}") for each in phones)
        )
        assert {each.status_code for each in answers} == {200}
        assert await linked(sam) == ["apple"]

    sam.clock.forward(days=3)
    last = [await proves(each, "apple", f"{each.session_id} {ROUNDS - 1}") for each in phones]
    assert sorted(each.status_code for each in last) == [204, 403]


async def test_another_of_the_same_issuer_waits_until_the_first_is_unlinked(
    couple: Two, app: FastAPI
) -> None:
    sam, _ = couple
    await keeps(sam, "apple")
    before = await sam.sees("/identities")

    assert said(await sam.links("apple", "new")) == (409, "identity-linked")

    assert await sam.sees("/identities") == before
    assert (await Stranger(app).signs_in_with(shown(sam))).status_code == 201
    await unlinks(sam)
    assert (await sam.links("apple", "new")).status_code == 200


async def test_one_that_is_not_good_yet_gives_way_to_another_and_the_days_begin_again(
    couple: Two, app: FastAPI
) -> None:
    sam, _ = couple
    await sam.links("apple", "first")
    sam.clock.forward(days=2)
    await sam.proves()
    await sam.links("apple", "second")
    sam.clock.forward(days=1)

    for subject in ("first", "second"):
        answer = await Stranger(app).signs_in_with(shown(sam, "apple", subject))
        assert said(answer) == (403, "identity-unknown")


# Whoever has my phone in hand and my password links an identity of theirs


async def test_for_three_days_it_opens_nothing_and_proves_nothing(
    couple: Two, app: FastAPI
) -> None:
    sam, _ = couple
    await sam.links()
    sam.clock.forward(days=3, microseconds=-1)

    answer = await Stranger(app).signs_in_with(shown(sam))
    assert said(answer) == (403, "identity-unknown")
    assert said(await proves(sam)) == (403, "identity-refused")
    assert said(await sam.links("google")) == (403, "not-proved")

    sam.clock.forward(microseconds=1)
    assert (await Stranger(app).signs_in_with(shown(sam))).status_code == 201
    assert (await proves(sam)).status_code == 204


async def test_each_of_my_phones_sees_it_and_unlinks_it_without_a_proof(
    couple: Two, app: FastAPI, db: AsyncSession
) -> None:
    sam, _ = couple
    tablet = await another_phone(db, sam, app)
    await sam.links()
    sam.clock.forward(days=2)
    assert await linked(tablet) == ["apple"]

    assert (await unlinks(tablet)).status_code == 204

    seen = [(each["kind"], each["session_id"]) for each in (await sam.sees("/security"))["events"]]
    assert seen == [
        ("identity_unlinked", str(tablet.session_id)),
        ("identity_linked", str(sam.session_id)),
    ]
    sam.clock.forward(days=2)
    answer = await Stranger(app).signs_in_with(shown(sam))
    assert said(answer) == (403, "identity-unknown")


async def test_to_unlink_it_ends_no_session_but_one_that_came_in_at_its_hour(
    couple: Two, app: FastAPI, db: AsyncSession
) -> None:
    sam, _ = couple
    tablet, phone = await another_phone(db, sam, app), Stranger(app)
    await sam.links()
    sam.clock.forward(days=3)
    token = (await phone.signs_in_with(shown(sam))).json()["access_token"]
    sam.clock.forward(microseconds=-1)  # asked before, and waited for the lock

    assert (await unlinks(sam)).status_code == 204

    assert (await tablet.get("/identities")).status_code == 200
    assert (await phone.asks(token)).status_code == 401


async def test_to_link_the_same_again_ends_nothing(
    couple: Two, app: FastAPI, db: AsyncSession
) -> None:
    sam, _ = couple
    tablet = await another_phone(db, sam, app)

    answers = [(await sam.links()).json()]
    sam.clock.forward(minutes=5)
    answers.append((await sam.links()).json())

    assert answers[0] == answers[1]
    assert (await tablet.get("/identities")).status_code == 200


# Unlinking


async def test_whoever_came_in_with_it_is_out(couple: Two, app: FastAPI) -> None:
    sam, _ = couple
    await keeps(sam, "apple")
    stranger = Stranger(app)
    token = (await stranger.signs_in_with(shown(sam))).json()["access_token"]
    assert (await stranger.asks(token)).status_code == 200

    assert (await unlinks(sam)).status_code == 204

    assert await linked(sam) == []
    assert (await stranger.asks(token)).status_code == 401
    assert said(await stranger.signs_in_with(shown(sam))) == (403, "identity-unknown")


async def test_to_unlink_what_is_not_linked_changes_nothing(
    couple: Two, app: FastAPI, db: AsyncSession
) -> None:
    sam, _ = couple
    tablet = await another_phone(db, sam, app)
    await sam.links("google")

    assert (await unlinks(sam, "apple")).status_code == 204

    assert await linked(sam) == ["google"]
    assert (await tablet.get("/identities")).status_code == 200


async def test_the_last_way_in_stays(robin: Person) -> None:
    assert said(await unlinks(robin)) == (409, "last-way-in")
    assert await linked(robin) == ["apple"]

    await robin.links("google")
    assert said(await unlinks(robin)) == (409, "last-way-in")
    robin.clock.forward(days=3)
    await proves(robin, "apple", "robin")
    assert (await unlinks(robin)).status_code == 204
    assert said(await unlinks(robin, "google")) == (409, "last-way-in")
    assert await linked(robin) == ["google"]


async def test_an_issuer_that_is_off_is_no_way_in(
    robin: Person, engines: Engines, clock: Clock
) -> None:
    await robin.links("google")
    clock.forward(days=3)
    await proves(robin, "apple", "robin")
    both = trusted()
    house = fittings(engines["api"], clock)
    for issuers, status in (({Issuer.APPLE: both[Issuer.APPLE]}, 409), (both, 204)):
        app = create_app(replace(house, issuers=issuers))
        here = Person("robin", app, clock)
        here.auth = SignedIn(Claims(robin.id, robin.session_id), clock)
        assert (await unlinks(here)).status_code == status
    house.passwords.close()


async def test_two_phones_do_not_unlink_the_last_two_ways_in(
    robin: Person, app: FastAPI, db: AsyncSession
) -> None:
    await robin.links("google")
    robin.clock.forward(days=3)
    await proves(robin, "apple", "robin")
    tablet = await another_phone(db, robin, app)

    await asyncio.gather(unlinks(robin, "apple"), unlinks(tablet, "google"))

    left = await db.exec(select(Identity).where(Identity.account_id == robin.id))
    assert len([*left]) == 1


async def test_nobody_comes_in_while_it_is_unlinked(couple: Two, app: FastAPI) -> None:
    sam, _ = couple
    await race_in_while_it_is_unlinked(sam, app)


async def test_nor_into_the_account_of_somebody_who_is_alone(alone: Two, app: FastAPI) -> None:
    sam, _ = alone
    await race_in_while_it_is_unlinked(sam, app)


async def race_in_while_it_is_unlinked(sam: Person, app: FastAPI) -> None:
    phones = [Stranger(app) for _ in range(3)]
    for _ in range(ROUNDS):
        await keeps(sam, "apple")
        proofs = [shown(sam) for _ in phones]

        answers = await asyncio.gather(
            unlinks(sam),
            *(phone.signs_in_with(each) for phone, each in zip(phones, proofs, strict=True)),
        )

        assert {each.status_code for each in answers} <= {201, 204, 403}
        [only] = await sam.sees("/sessions")
        assert only["current"]
