"""What an issuer publishes, when it is asked, and what happens when it does not answer."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm
from sqlmodel.ext.asyncio.session import AsyncSession

from api.app import create_app
from api.fittings import Fittings
from api.issuers import DISCOVERY, PublishedKeys, Unreachable, guarded
from api.tokens import Claims
from schemas.identities import Issuer
from tests.builders import Person, SignedIn, Stranger, Two, fittings
from tests.conftest import Engines
from tests.fakes import NOON, Clock
from tests.local_issuer import KEYS, LocalIssuer, jwk, serving

ONCE = [DISCOVERY, KEYS]
SECOND = timedelta(seconds=1)


@pytest.fixture
async def issuer() -> AsyncIterator[LocalIssuer]:
    async with serving(LocalIssuer()) as issuer:
        yield issuer


@pytest.fixture
def keys(issuer: LocalIssuer) -> PublishedKeys:
    return issuer.trusted().keys


async def test_keys_are_asked_for_when_they_are_needed_and_then_kept(
    issuer: LocalIssuer, keys: PublishedKeys
) -> None:
    assert issuer.asked == []

    found = [await keys.key("first", NOON + SECOND * number) for number in range(0, 3600, 60)]

    assert len({*found}) == 1
    assert found[0] is not None
    assert issuer.asked == ONCE


async def test_many_who_need_a_key_at_once_ask_once(
    issuer: LocalIssuer, keys: PublishedKeys
) -> None:
    found = await asyncio.gather(*(keys.key("first", NOON) for _ in range(20)))

    assert None not in found
    assert issuer.asked == ONCE


@pytest.mark.parametrize(
    ("caching", "seconds"),
    [
        ("", 300),
        ("no-store", 300),
        ("public, max-age=0", 300),
        ("max-age=-1", 300),
        ("max-age=soon", 300),
        ("public, max-age=3600, must-revalidate", 3600),
        ("MAX-AGE=3600", 3600),
        ("max-age=86400", 6 * 3600),
        ("max-age=999999999", 6 * 3600),
        (f"max-age={'9' * 5000}", 300),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_keys_are_kept_as_long_as_they_say_within_bounds(
    issuer: LocalIssuer, keys: PublishedKeys, caching: str, seconds: int
) -> None:
    issuer.caching = caching
    await keys.key("first", NOON)

    await keys.key("first", NOON + SECOND * (seconds - 1))
    assert issuer.asked == ONCE

    await keys.key("first", NOON + SECOND * seconds)
    assert issuer.asked == ONCE * 2


async def test_a_new_key_is_known_with_the_first_token_that_it_signs(
    issuer: LocalIssuer, keys: PublishedKeys
) -> None:
    await keys.key("first", NOON)
    issuer.published = [jwk("first"), jwk("second")]

    assert await keys.key("second", NOON + SECOND * 60) is not None
    assert await keys.key("first", NOON + SECOND * 60) is not None
    assert issuer.asked == ONCE * 2


async def test_nonsense_makes_us_ask_once_a_minute(
    issuer: LocalIssuer, keys: PublishedKeys
) -> None:
    for second in range(120):
        assert await keys.key(f"nonsense {second}", NOON + SECOND * second) is None

    assert issuer.asked == ONCE * 2


async def test_a_key_that_is_taken_back_is_over_with_what_was_kept(
    issuer: LocalIssuer, keys: PublishedKeys
) -> None:
    await keys.key("first", NOON)
    issuer.published = [jwk("second")]

    assert await keys.key("first", NOON + SECOND * 3599) is not None
    assert await keys.key("first", NOON + SECOND * 3600) is None


async def test_nobody_with_a_known_key_waits_for_a_stalled_issuer(
    issuer: LocalIssuer, keys: PublishedKeys
) -> None:
    await keys.key("first", NOON)
    issuer.trouble = "silence"
    later = NOON + SECOND * 60
    stalled = asyncio.create_task(keys.key("nonsense", later))
    while issuer.asked == ONCE:
        await asyncio.sleep(0.01)

    assert await keys.key("first", later) is not None

    assert not stalled.done()
    with pytest.raises(Unreachable):
        await stalled


TROUBLES = [
    *("silence", "drip", "flood", "rubbish", "nothing", "a list", "a deep list", "null", "long"),
    *("an empty list of keys", "somebody else", "unguarded keys", "500", "404", "302", "204"),
    *(f"{trouble} at {KEYS}" for trouble in ("silence", "drip", "flood", "rubbish", "500", "302")),
    *(f"{trouble} at {KEYS}" for trouble in ("a list", "an empty list of keys", "long", "null")),
]


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_an_issuer_in_trouble_is_away_within_two_seconds_and_stops_nobody(
    issuer: LocalIssuer, keys: PublishedKeys, trouble: str
) -> None:
    issuer.trouble = trouble
    began = time.monotonic()

    with pytest.raises(Unreachable):
        await keys.key("first", NOON)

    assert time.monotonic() - began < 2
    issuer.trouble = None
    assert await keys.key("first", NOON + SECOND * 5) is not None


async def test_an_issuer_that_is_gone_is_away(keys: PublishedKeys) -> None:
    for url in ("http://127.0.0.1:1", "https://127.0.0.1:1", "http://["):
        with pytest.raises(Unreachable):
            await PublishedKeys(url).key("first", NOON)
    assert await keys.key("first", NOON)


async def test_whoever_waits_behind_somebody_who_waits_hears_the_same_at_the_same_time(
    issuer: LocalIssuer, keys: PublishedKeys
) -> None:
    issuer.trouble = "silence"
    began = time.monotonic()

    said = await asyncio.gather(
        *(keys.key("first", NOON) for _ in range(20)), return_exceptions=True
    )

    assert {type(each) for each in said} == {Unreachable}
    assert time.monotonic() - began < 2
    assert issuer.asked == [DISCOVERY]


async def test_an_issuer_that_is_away_is_left_alone_for_five_seconds(
    issuer: LocalIssuer, keys: PublishedKeys
) -> None:
    issuer.trouble = "500"
    for second in range(10):
        with pytest.raises(Unreachable):
            await keys.key("first", NOON + SECOND * second)

    assert issuer.asked == [DISCOVERY] * 2


async def test_keys_that_are_good_are_not_lost_when_the_issuer_goes_away(
    issuer: LocalIssuer, keys: PublishedKeys
) -> None:
    await keys.key("first", NOON)
    issuer.trouble = "500"

    for second in range(60, 180):
        with pytest.raises(Unreachable):  # it may be a key that we have not heard of yet
            await keys.key("second", NOON + SECOND * second)

    assert await keys.key("first", NOON + SECOND * 180) is not None
    assert issuer.asked == [*ONCE, DISCOVERY, DISCOVERY]


async def test_whoever_is_gone_before_the_issuer_answers_holds_nobody_up(
    issuer: LocalIssuer, keys: PublishedKeys
) -> None:
    issuer.trouble = "silence"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(keys.key("first", NOON), 0.2)
    issuer.trouble = None

    with pytest.raises(Unreachable):
        await keys.key("first", NOON)
    assert await keys.key("first", NOON + SECOND * 5) is not None


async def test_a_key_of_another_kind_is_no_key_and_spoils_none(
    issuer: LocalIssuer, keys: PublishedKeys
) -> None:
    curve = ECAlgorithm.to_jwk(generate_private_key(SECP256R1()).public_key(), as_dict=True)
    no_number = {name: each for name, each in jwk("second").items() if name != "n"}
    issuer.published = [
        *({}, {"kid": "curve"} | curve, {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"}),
        *(no_number, jwk("seals", use="enc"), jwk("512", alg="RS512"), jwk("")),
        *(jwk("n", n="!"), jwk("e", e="")),
        jwk("first"),
    ]
    assert await keys.key("first", NOON) is not None
    assert [*keys.keys] == ["first"]


async def test_what_a_short_key_has_signed_is_refused(
    engines: Engines, db: AsyncSession, clock: Clock
) -> None:
    assert db
    async with (
        serving(LocalIssuer("short", bits=1024)) as issuer,
        signing_in(engines, clock, issuer) as phone,
    ):
        answer = await phone.signs_up_with(issuer.proof(clock.now))

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/identity-refused")


@asynccontextmanager
async def signing_in(
    engines: Engines, clock: Clock, issuer: LocalIssuer
) -> AsyncIterator[Stranger]:
    """A phone of an application that trusts this issuer alone, in the place of Apple."""
    house = house_of(engines, clock, issuer)
    yield Stranger(create_app(house))
    house.passwords.close()


def house_of(engines: Engines, clock: Clock, issuer: LocalIssuer) -> Fittings:
    return replace(fittings(engines["api"], clock), issuers={Issuer.APPLE: issuer.trusted()})


async def test_an_issuer_that_is_away_is_said_to_be(
    engines: Engines, db: AsyncSession, clock: Clock
) -> None:
    assert db
    issuer = LocalIssuer()
    async with signing_in(engines, clock, issuer) as phone:
        for ask in (phone.signs_in_with, phone.signs_up_with):
            answer = await ask(issuer.proof(clock.now))
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/issuer-away")
            assert answer.headers["retry-after"] == "5"


async def test_while_an_issuer_stalls_passwords_are_taken_and_no_connection_is_kept(
    engines: Engines, db: AsyncSession, clock: Clock, issuer: LocalIssuer
) -> None:
    assert db
    issuer.trouble = "silence"
    async with signing_in(engines, clock, issuer) as phone:
        await phone.signs_up()
        # More of them than there are connections.
        stalled = [
            asyncio.create_task(phone.signs_in_with(issuer.proof(clock.now))) for _ in range(30)
        ]
        while not issuer.asked:
            await asyncio.sleep(0.01)

        answer = await phone.signs_in()

        assert answer.status_code == 201
        assert not any(each.done() for each in stalled)
        assert {(await each).status_code for each in stalled} == {503}


async def test_while_an_issuer_stalls_nobody_is_locked_out(
    engines: Engines, couple: Two, clock: Clock, issuer: LocalIssuer
) -> None:
    sam, alex = couple
    issuer.trouble = "silence"
    here = Person("sam", create_app(house_of(engines, clock, issuer)), clock)
    here.auth = SignedIn(Claims(sam.id, sam.session_id), clock)
    stalled = [
        asyncio.create_task(here.put("/identities/apple", json=issuer.proof(clock.now))),
        asyncio.create_task(here.post("/identities/apple/proof", json=issuer.proof(clock.now))),
    ]
    while not issuer.asked:
        await asyncio.sleep(0.01)

    for person in (sam, alex):
        assert (await person.takes_space("told")).status_code == 200

    assert not any(each.done() for each in stalled)
    assert {(await each).status_code for each in stalled} == {503}


async def test_an_issuer_that_is_off_is_said_to_be(
    engines: Engines, db: AsyncSession, clock: Clock, issuer: LocalIssuer
) -> None:
    assert db
    async with signing_in(engines, clock, issuer) as phone:
        answer = await phone.signs_in_with(issuer.proof(clock.now), "google")

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/issuer-off")
    assert issuer.asked == []


async def test_a_stranger_does_not_make_us_ask_an_issuer(
    engines: Engines, couple: Two, clock: Clock, issuer: LocalIssuer
) -> None:
    sam, _ = couple
    app = create_app(house_of(engines, clock, issuer))
    nobody, here = Person("nobody", app, clock), Person("sam", app, clock)
    here.auth = SignedIn(Claims(sam.id, sam.session_id), clock)
    for method, path in (("PUT", "/identities/apple"), ("POST", "/identities/apple/proof")):
        for phone in (Stranger(app), nobody):
            answer = await phone.request(method, path, json=issuer.proof(clock.now))
            assert answer.json()["type"] == "/problems/not-signed-in"
    assert issuer.asked == []

    await here.put("/identities/apple", json=issuer.proof(clock.now))
    assert issuer.asked == ONCE


@pytest.mark.parametrize(
    ("url", "is_guarded"),
    [
        ("https://appleid.apple.com", True),
        ("https://issuer.example:8443/path", True),
        ("http://127.0.0.1:9000", True),
        ("http://[::1]:9000", True),
        ("http://localhost:9000", True),
        ("http://issuer.example", False),
        ("http://127.0.0.1.example.org", False),
        ("http://10.0.0.1", False),
        ("https://appleid.apple.com:99999", False),
        ("https://appleid.apple.com:0", False),
        ("ftp://127.0.0.1", False),
        ("https://", False),
        ("//appleid.apple.com", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_what_is_asked_cannot_be_changed_on_its_way(url: str, is_guarded: bool) -> None:  # noqa: FBT001
    assert guarded(url) is is_guarded
