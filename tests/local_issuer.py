"""An issuer of identities on this machine: publishes keys over HTTP, signs, fails on demand."""

import asyncio
import json
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from jwt.algorithms import RSAAlgorithm

from api.issuers import DISCOVERY, Terms, Trusted
from notifications.emulator_socket import serve
from schemas.identities import Issuer

APP = "org.example.twofold"
KEYS = "/keys"


@cache
def rsa_key(_: str, bits: int = 2048) -> RSAPrivateKey:
    """The same for the same name: to make one takes a while."""
    return generate_private_key(65537, bits)


@dataclass
class LocalIssuer:
    """Signs with the key `kid`; publishes that one unless told otherwise."""

    kid: str = "first"
    bits: int = 2048
    url: str = "http://127.0.0.1:1"  # where nobody is, until it is served
    published: list[dict[str, Any]] | None = None
    caching: str = "public, max-age=3600"
    trouble: str | None = None
    asked: list[str] = field(default_factory=list)

    def terms(self) -> Terms:
        return Terms(self.url, frozenset({self.url}), frozenset({APP}))

    def trusted(self) -> Trusted:
        return Trusted.on({Issuer.APPLE: self.terms()})[Issuer.APPLE]

    @property
    def key(self) -> RSAPrivateKey:
        return rsa_key(self.kid, self.bits)

    def shows(self, nonce: str, now: datetime, subject: str = "sam", /, **said: object) -> str:
        """A token for this nonce, as the app gets it; what is said to be None is left out."""
        claims = {
            "iss": self.url,
            "aud": APP,
            "sub": subject,
            "nonce": sha256(nonce.encode()).hexdigest(),
            "iat": now,
            "exp": now + timedelta(days=1),
        }
        left = {name: each for name, each in (claims | said).items() if each is not None}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a short key is short so that it be refused
            return jwt.encode(left, self.key, "RS256", {"kid": self.kid})

    def proof(self, now: datetime, subject: str = "sam", **said: object) -> dict[str, str]:
        """What the app sends: each time another nonce, and the token for it."""
        nonce = uuid4().hex
        return {"token": self.shows(nonce, now, subject, **said), "nonce": nonce}


def jwk(kid: str, bits: int = 2048, **changes: str) -> dict[str, Any]:
    public = RSAAlgorithm.to_jwk(rsa_key(kid, bits).public_key(), as_dict=True)
    return public | {"kid": kid, "use": "sig", "alg": "RS256"} | changes


def served_by(issuer: LocalIssuer) -> FastAPI:
    app = FastAPI()

    @app.get(DISCOVERY)
    async def discovery(request: Request) -> Response:
        issuer.asked.append(DISCOVERY)
        told = {"issuer": issuer.url, "jwks_uri": issuer.url + KEYS}
        return await troubled(issuer, request, told, {})

    @app.get(KEYS)
    async def keys(request: Request) -> Response:
        issuer.asked.append(KEYS)
        published = issuer.published
        told = {"keys": [jwk(issuer.kid, issuer.bits)] if published is None else published}
        return await troubled(issuer, request, told, {"cache-control": issuer.caching})

    return app


async def troubled(
    issuer: LocalIssuer, request: Request, told: dict[str, Any], headers: dict[str, str]
) -> Response:
    """What is told, unless there is trouble: with every answer, or with the keys alone."""
    trouble, _, where = (issuer.trouble or "none").partition(" at ")
    if where and where != request.url.path:
        trouble = "none"
    if trouble == "silence":
        while (await request.receive())["type"] != "http.disconnect":
            pass
    if trouble == "drip":
        return StreamingResponse(dripping(b" "))
    if trouble == "flood":
        return StreamingResponse(dripping(b" " * 4096, pause=0))
    words = TROUBLES.get(trouble, json.dumps(told | issuer_of(trouble)).encode())
    status = int(trouble) if trouble.isdecimal() else 200
    moved = {"location": issuer.url + request.url.path + "?"} if status == 302 else {}
    return Response(words, status, headers | moved)


TROUBLES = {
    "rubbish": b"\xff\x00 this is no JSON",
    "nothing": b"",
    "a list": b"[]",
    "a deep list": b"[" * 30000,
    "an empty list of keys": b'{"keys": []}',
    "null": b"null",
    "long": b" " * 70_000 + b"{}",
}


def issuer_of(trouble: str) -> dict[str, str]:
    if trouble == "somebody else":
        return {"issuer": "https://issuer.invalid"}
    if trouble == "unguarded keys":
        return {"jwks_uri": "http://keys.invalid/keys"}
    return {}


async def dripping(drop: bytes, pause: float = 0.1) -> AsyncIterator[bytes]:
    while True:
        yield drop
        await asyncio.sleep(pause)


@asynccontextmanager
async def serving(issuer: LocalIssuer) -> AsyncIterator[LocalIssuer]:
    async with serve(served_by(issuer)) as issuer.url:
        yield issuer


# Those that the application of the tests trusts; `conftest` serves them.
APPLE, GOOGLE = LocalIssuer("apple"), LocalIssuer("google")
ISSUERS = {Issuer.APPLE: APPLE, Issuer.GOOGLE: GOOGLE}


def trusted() -> dict[Issuer, Trusted]:
    return {name: each.trusted() for name, each in ISSUERS.items()}
