"""Access tokens: what is good, and that nothing else is."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from fastapi import FastAPI
from httpx import Response
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel.ext.asyncio.session import AsyncSession

from api import tokens
from api.app import create_app
from api.tokens import Claims
from tests.builders import TOKEN_KEYS, Person, Stranger, Two, a_person, fittings
from tests.conftest import Engines
from tests.fakes import NOON, Clock

KEY = TOKEN_KEYS["test"]
OTHER_KEY = b"fedcba9876543210fedcba9876543210"
GONE = object()  # in place of a value: the field is left out


def claimed(person: Person, now: datetime = NOON) -> dict[str, Any]:
    """What a token of theirs says."""
    return {
        "iss": "twofold",
        "aud": "twofold-app",
        "sub": str(person.id),
        "sid": str(person.session_id),
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=15)).timestamp()),
    }


def without(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not GONE}


def segment(said: bytes) -> str:
    return base64.urlsafe_b64encode(said).decode().rstrip("=")


@pytest.fixture
def phone(app: FastAPI) -> Stranger:
    return Stranger(app)


@pytest.fixture
async def sam(app: FastAPI, db: AsyncSession, clock: Clock) -> Person:
    return await a_person(db, Person("sam", app, clock))


def turned_away(answer: Response) -> bool:
    """The one answer that tells nothing of what was wrong."""
    assert answer.status_code == 401, answer.text
    return (
        answer.json()["type"] == "/problems/not-signed-in"
        and answer.json()["detail"] == "Sign in first."
        and answer.headers["www-authenticate"] == "Bearer"
    )


async def test_a_token_is_what_the_contract_says(phone: Stranger, sam: Person) -> None:

    token = tokens.issue(TOKEN_KEYS, Claims(sam.id, sam.session_id), NOON)

    assert jwt.get_unverified_header(token) == {"alg": "HS256", "kid": "test", "typ": "at+jwt"}
    said = jwt.decode(token, options={"verify_signature": False})
    assert said == claimed(sam)
    assert (await phone.asks(token)).json()["id"] == str(sam.id)


async def test_a_token_lasts_fifteen_minutes(phone: Stranger, sam: Person, clock: Clock) -> None:
    token = tokens.issue(TOKEN_KEYS, Claims(sam.id, sam.session_id), clock.now)

    clock.forward(minutes=14, seconds=59)
    assert (await phone.asks(token)).status_code == 200

    clock.forward(seconds=1)
    assert turned_away(await phone.asks(token))


OTHER_CLAIMS: list[dict[str, Any]] = [
    *({"iss": each} for each in ("threefold", "", None, GONE)),
    *({"aud": each} for each in ("twofold-web", ["another"], [], "", None, GONE)),
    *({"sid": each} for each in (str(uuid4()), "me", "", 7, None, GONE)),
    *({"sub": each} for each in (str(uuid4()), "sam", "", 7, None, GONE)),
    *({"exp": each} for each in (0, -1, 1e300, "soon", [], None, GONE)),
    *({"iat": each} for each in (None, GONE)),
    {"exp": int(NOON.timestamp())},
]


async def test_a_token_with_another_claim_is_turned_away(phone: Stranger, sam: Person) -> None:
    header = {"alg": "HS256", "kid": "test", "typ": "at+jwt"}
    assert (await phone.asks(signed(header, claimed(sam), KEY))).status_code == 200

    for claims in OTHER_CLAIMS:
        forged = without(claimed(sam) | claims)
        assert turned_away(await phone.asks(signed(header, forged, KEY))), claims


def signed(header: dict[str, Any], said: dict[str, Any], key: bytes) -> str:
    """By hand, since a library refuses to write what an attacker would."""
    head = segment(json.dumps(header).encode())
    body = segment(json.dumps(said).encode())
    mac = jwt.get_algorithm_by_name("HS256").sign(f"{head}.{body}".encode(), key)
    return f"{head}.{body}.{segment(mac)}"


OTHER_HEADERS: list[dict[str, Any]] = [
    *({"typ": each} for each in ("JWT", "jwt", "rt+jwt", "", 1, None, GONE)),
    *({"kid": each} for each in ("first", "", "TEST", 1, ["test"], None, GONE)),
    *({"alg": each} for each in ("none", "None", "HS512", "RS256", "", 1, None, GONE)),
    {"crit": ["exp"]},
]


async def test_a_token_with_another_header_is_turned_away(phone: Stranger, sam: Person) -> None:
    good = {"alg": "HS256", "kid": "test", "typ": "at+jwt"}
    assert (await phone.asks(signed(good, claimed(sam), KEY))).status_code == 200

    for header in OTHER_HEADERS:
        forged = signed(without(good | header), claimed(sam), KEY)
        assert turned_away(await phone.asks(forged)), header
        unsigned = forged.rpartition(".")[0] + "."
        assert turned_away(await phone.asks(unsigned)), header


async def test_a_token_of_another_key_is_turned_away(phone: Stranger, sam: Person) -> None:
    claims = Claims(sam.id, sam.session_id)

    for keys in ({"test": OTHER_KEY}, {"other": KEY}, {"other": OTHER_KEY}):
        assert turned_away(await phone.asks(tokens.issue(keys, claims, NOON)))


async def test_a_stronger_hash_under_the_same_key_is_turned_away(
    phone: Stranger, sam: Person
) -> None:
    header = {"kid": "test", "typ": "at+jwt"}

    assert turned_away(await phone.asks(jwt.encode(claimed(sam), KEY * 2, "HS512", header)))


async def test_every_character_of_a_token_counts(sam: Person) -> None:
    claims = Claims(sam.id, sam.session_id)
    token = tokens.issue(TOKEN_KEYS, claims, NOON)
    assert tokens.read(TOKEN_KEYS, token, NOON) == claims

    # The last character holds two bits that no byte takes.
    for place, sign in enumerate(token[:-1]):
        other = "A" if sign != "A" else "B"
        forged = token[:place] + other + token[place + 1 :]
        assert tokens.read(TOKEN_KEYS, forged, NOON) is None, place


async def test_my_token_with_somebody_elses_session_is_turned_away(
    phone: Stranger, couple: Two
) -> None:
    sam, alex = couple

    for claims in (Claims(sam.id, alex.session_id), Claims(alex.id, sam.session_id)):
        assert turned_away(await phone.asks(tokens.issue(TOKEN_KEYS, claims, NOON)))


async def test_a_refresh_token_is_no_access_token(phone: Stranger, db: AsyncSession) -> None:
    assert db  # whoever signs up leaves
    await phone.signs_up()
    both = (await phone.signs_in()).json()

    assert turned_away(await phone.asks(both["refresh_token"]))
    assert (await phone.refreshes(both["access_token"])).status_code in (401, 422)
    assert (await phone.asks(both["access_token"])).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer .", "Bearer ..", "Bearer a.b.c", "Basic c2FtOnBhc3M="],
)
async def test_without_a_bearer_token_nothing_is_shown(
    phone: Stranger, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}

    assert turned_away(await phone.get("/accounts/me", headers=headers))


async def test_a_good_token_under_another_scheme_is_turned_away(
    phone: Stranger, sam: Person
) -> None:
    token = tokens.issue(TOKEN_KEYS, Claims(sam.id, sam.session_id), NOON)

    for header in (token, f"Basic {token}", f"Token {token}"):
        answer = await phone.get("/accounts/me", headers={"authorization": header})
        assert turned_away(answer)


async def test_keys_are_changed_without_signing_anybody_out(
    engines: Engines, sam: Person, clock: Clock
) -> None:
    claims = Claims(sam.id, sam.session_id)
    old, new = {"old": KEY}, {"new": OTHER_KEY}
    before = tokens.issue(old, claims, NOON)

    during = Stranger(create_app(fittings(engines["api"], clock, new | old)))
    assert (await during.asks(before)).status_code == 200
    fresh = tokens.issue(new | old, claims, NOON)
    assert jwt.get_unverified_header(fresh)["kid"] == "new"
    assert (await during.asks(fresh)).status_code == 200

    after = Stranger(create_app(fittings(engines["api"], clock, new)))
    assert turned_away(await after.asks(before))
    assert (await after.asks(fresh)).status_code == 200


NESTED = [b"[" * 5000 + b"]" * 5000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b"9" * 5000]


@given(st.text() | st.lists(st.binary().map(segment) | st.sampled_from(NESTED).map(segment)))
def test_what_is_no_token_is_nothing_and_breaks_nothing(said: str | list[str]) -> None:
    token = said if isinstance(said, str) else ".".join(said)

    assert tokens.read(TOKEN_KEYS, token, NOON) is None
