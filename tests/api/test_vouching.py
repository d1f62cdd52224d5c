"""Which tokens of an issuer count, and how often."""

import asyncio
import base64
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from httpx import Response
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications import chores
from tests.builders import Stranger
from tests.catalog import contents
from tests.conftest import Engines
from tests.fakes import Clock
from tests.local_issuer import APP, APPLE, GOOGLE, jwk, rsa_key

NONCE = "a nonce that nobody can guess"
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
Wrong = Callable[[datetime], str]


@pytest.fixture
async def robin(app: FastAPI, db: AsyncSession, clock: Clock) -> Stranger:
    """Has an account, and signs in with Apple."""
    assert db
    phone = Stranger(app)
    assert (await phone.signs_up_with(APPLE.proof(clock.now, "robin"))).status_code == 201
    return phone


def robins(now: datetime, **said: object) -> str:
    return APPLE.shows(NONCE, now, "robin", **said)


def said_by(token: str) -> dict[str, Any]:
    said: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return said


def part(said: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def signed(now: datetime, header: dict[str, Any], name: str = "apple", alg: str = "RS256") -> str:
    return jwt.encode(said_by(robins(now)), rsa_key(name), alg, {"kid": "apple"} | header)


def unsigned(now: datetime) -> str:
    return f"{part({'alg': 'none', 'kid': 'apple'})}.{part(said_by(robins(now)))}."


def with_the_public_key_as_a_secret(now: datetime) -> str:
    public = rsa_key("apple").public_key()
    secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = f"{part({'alg': 'HS256', 'kid': 'apple'})}.{part(said_by(robins(now)))}"
    mac = hmac.digest(secret, text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def changed_on_its_way(now: datetime) -> str:
    header, _, signature = APPLE.shows(NONCE, now, "sam").split(".")
    return f"{header}.{part(said_by(robins(now)))}.{signature}"


def with_a_header(header: str) -> Wrong:
    text = base64.urlsafe_b64encode(header.encode()).decode().rstrip("=")
    return lambda now: ".".join([text, *robins(now).split(".")[1:]])


def saying(**said: object) -> Wrong:
    return lambda now: robins(now, **said)


def times(**minutes: float) -> Wrong:
    return lambda now: robins(now, **{name: now + MINUTE * each for name, each in minutes.items()})


WRONG: dict[str, Wrong] = {
    "no signature": unsigned,
    "HS256 with the public key": with_the_public_key_as_a_secret,
    "changed": changed_on_its_way,
    "another key of that name": lambda now: signed(now, {}, "google"),
    "the other issuer's key": lambda now: signed(now, {"kid": "google"}, "google"),
    "RS512": lambda now: signed(now, {}, alg="RS512"),
    "PS256": lambda now: signed(now, {}, alg="PS256"),
    "a key of its own": lambda now: signed(now, {"jwk": jwk("google")}, "google"),
    "a place of its own": lambda now: signed(now, {"jku": GOOGLE.url + "/keys"}, "google"),
    "what must be understood": lambda now: signed(now, {"crit": ["x"], "x": 1}),
    "a key nobody knows": lambda now: signed(now, {"kid": "nobody's"}),
    "no key": with_a_header('{"alg": "RS256"}'),
    "a list of keys": with_a_header('{"alg": "RS256", "kid": ["apple"]}'),
    "a header of depth": with_a_header('{"kid": ' + "[" * 4000),
    "a header that is none": with_a_header("[]"),
    "the other issuer's token": lambda now: GOOGLE.shows(NONCE, now, "robin"),
    "the other issuer's name": lambda now: robins(now, iss=GOOGLE.url),
    "its name with a slash": lambda now: robins(now, iss=APPLE.url + "/"),
    "its name alone": lambda now: robins(now, iss=APPLE.url.removeprefix("http://")),
    "no issuer": saying(iss=None),
    "for another app": saying(aud="com.example.other"),
    "for another app as well": saying(aud=[APP, "com.example.other"]),
    "for a list of apps": saying(aud=[APP]),
    "for nobody": saying(aud=None),
    "asked for by another app": saying(azp="com.example.other"),
    "asked for by nobody": saying(azp=""),
    "run out": times(exp=-1),
    "never runs out": saying(exp=None),
    "runs out in words": saying(exp="2999-01-01T00:00:00Z"),
    "runs out, says a number in words": saying(exp="99999999999"),
    "runs out at yes": saying(exp=True),
    "runs out somewhere between": saying(exp=9e9),
    "of tomorrow": times(iat=24 * 60),
    "of a minute from now": times(iat=1),
    "of a quarter of an hour ago": times(iat=-15),
    "of no time": saying(iat=None),
    "of a year that is none": saying(iat=-(10**20), exp=10**20),
    "no nonce": saying(nonce=None),
    "another nonce": saying(nonce=sha256(b"another nonce").hexdigest()),
    "the nonce itself": saying(nonce=NONCE),
    "a nonce in capitals": saying(nonce=sha256(NONCE.encode()).hexdigest().upper()),
    "nobody": saying(sub=None),
    "an empty name": saying(sub=""),
    "a number": saying(sub=1),
    "a name without end": saying(sub="r" * 256),
    "half a token": lambda now: robins(now)[:200],
    "no token": lambda _: "nonsense",
    "dots": lambda _: "a.b.c",
    "no letters": lambda _: "\u00e9.\u00e9.\u00e9",
}


async def shown(phone: Stranger, token: str, nonce: str = NONCE) -> Response:
    return await phone.signs_in_with({"token": token, "nonce": nonce})


@pytest.mark.parametrize("what", WRONG)
async def test_a_token_that_is_not_good_opens_nothing(
    what: str, robin: Stranger, db: AsyncSession, clock: Clock
) -> None:
    before = await contents(db)

    answer = await shown(robin, WRONG[what](clock.now))

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/identity-refused")
    assert await contents(db) == before
    assert (await shown(robin, robins(clock.now))).status_code == 201, "else this tests nothing"


async def test_whatever_is_wrong_the_answer_is_the_same(robin: Stranger, clock: Clock) -> None:
    answers = [await shown(robin, each(clock.now)) for each in WRONG.values()]

    assert len({(each.status_code, each.content) for each in answers}) == 1


GOOD: dict[str, Wrong] = {
    "now": robins,
    "by a clock that is a little fast": times(iat=0.4),
    "by a clock that is a little slow": times(exp=-0.4),
    "of ten minutes ago": times(iat=-10),
    "for Android": saying(azp=APP),
    "with more than we listen to": saying(email="robin@example.org", hd=None, nonce_supported=True),
}


@pytest.mark.parametrize("what", GOOD)
async def test_a_token_that_is_good_signs_in(what: str, robin: Stranger, clock: Clock) -> None:
    answer = await shown(robin, GOOD[what](clock.now))

    assert answer.status_code == 201, answer.text
    assert (await robin.asks(answer.json()["access_token"])).json()["display_name"] == "Robin"


async def test_a_token_is_good_for_ten_minutes_whatever_it_says(
    robin: Stranger, clock: Clock
) -> None:
    token = robins(clock.now)

    clock.forward(minutes=10, seconds=30)
    assert (await shown(robin, token)).status_code == 403

    clock.forward(seconds=-1)
    assert (await shown(robin, token)).status_code == 201


async def test_a_token_is_good_once(robin: Stranger, clock: Clock) -> None:
    token = robins(clock.now)

    answers = [await shown(robin, token) for _ in range(3)]

    assert [each.status_code for each in answers] == [201, 403, 403]
    assert answers[1].json()["type"] == "/problems/identity-refused"


async def test_a_token_that_is_shown_many_times_at_once_is_good_once(
    robin: Stranger, clock: Clock
) -> None:
    token = robins(clock.now)

    answers = await asyncio.gather(*(shown(robin, token) for _ in range(8)))

    assert sorted(each.status_code for each in answers) == [201] + [403] * 7


async def test_a_nonce_is_good_once_in_whatever_token(robin: Stranger, clock: Clock) -> None:
    tokens = [robins(clock.now, number=number) for number in range(2)]

    assert [(await shown(robin, each)).status_code for each in tokens] == [201, 403]


async def test_a_used_token_is_remembered_for_as_long_as_it_would_be_good(
    robin: Stranger, db: AsyncSession, engines: Engines, clock: Clock
) -> None:
    token = robins(clock.now)
    await shown(robin, token)

    clock.forward(minutes=10, seconds=29)
    await chores.sweep(engines["worker"], clock.now)
    assert (await shown(robin, token)).status_code == 403

    clock.forward(minutes=2)
    await chores.sweep(engines["worker"], clock.now)
    assert (await contents(db))["identity_nonce"] == []
    assert (await shown(robin, token)).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"token": "x" * 8193, "nonce": NONCE},
        {"token": "", "nonce": NONCE},
        {"token": "x", "nonce": "short"},
        {"token": "x", "nonce": "n" * 201},
        {"token": "x", "nonce": NONCE + "\0"},
        {"token": "x"},
        {"nonce": NONCE},
        {"token": "x", "nonce": NONCE, "email": "robin@example.org"},
    ],
    ids=lambda body: "-".join(f"{name}:{value[:5]}{len(value)}" for name, value in body.items()),
)
async def test_what_is_no_token_and_no_nonce_is_invalid(
    body: dict[str, str], robin: Stranger
) -> None:
    answer = await robin.signs_in_with(body)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")
    assert "short" not in answer.text


async def test_an_issuer_that_nobody_knows_is_invalid(robin: Stranger, clock: Clock) -> None:
    answer = await robin.signs_in_with(APPLE.proof(clock.now, "robin"), "facebook")

    assert answer.status_code == 422
