"""Issuers: Apple and Google, whom we trust to say who somebody is, and the keys they publish.

Keys are asked for when a token needs one, in a time of their own, and kept as long as the issuer
says, within bounds. A key that nobody has heard of makes us ask again, once a minute at most:
nonsense must not make us a nuisance to Apple. Nobody who brings a known key waits for that.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from ipaddress import ip_address
from ssl import SSLContext
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel

from api import identity_tokens
from api.identity_tokens import Keys
from schemas.base import EARLIEST
from schemas.identities import Issuer

DISCOVERY = "/.well-known/openid-configuration"
PATIENCE = 1.5  # seconds, for both documents: a phone waits for this
LARGEST = 64 * 1024  # bytes; they have about three thousand
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(hours=6)
ASKED_AGAIN_AFTER = timedelta(minutes=1)
TRIED_AGAIN_AFTER = timedelta(seconds=5)
MAX_AGE = re.compile(r"\bmax-age=(\d{1,9})\b", re.ASCII | re.IGNORECASE)


class Unreachable(Exception):
    """It did not say what its keys are: away, too slow, or not in its right mind."""


@dataclass(frozen=True, slots=True)
class Terms:
    """An issuer by its URL, and our apps as it knows them."""

    url: str
    names: frozenset[str]  # what its tokens may call it
    client_ids: frozenset[str]


class PublishedKeys:
    """What one issuer publishes, as far as we have heard."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: Keys = {}
        self.good_until = self.next_try = EARLIEST
        self.away = False
        self.one_at_a_time = asyncio.Lock()
        tls()  # made while nobody waits: it takes 20 ms

    async def key(self, key_id: str, now: datetime) -> identity_tokens.Key | None:
        """None where it has no such key; `Unreachable` where nobody can tell."""
        if not self.knows(key_id, now):
            async with self.one_at_a_time:
                await self.ask_for(key_id, now)
        if self.knows(key_id, now):
            return self.keys[key_id]
        if self.away:
            raise Unreachable
        return None

    def knows(self, key_id: str, now: datetime) -> bool:
        return now < self.good_until and key_id in self.keys

    async def ask_for(self, key_id: str, now: datetime) -> None:
        """Whoever waited meanwhile finds it answered, or too early to ask again."""
        if self.knows(key_id, now) or now < self.next_try:
            return
        has_others = now < self.good_until
        # Said before it is known, so that it holds as well if whoever asks is gone before.
        self.away = True
        self.next_try = now + (ASKED_AGAIN_AFTER if has_others else TRIED_AGAIN_AFTER)
        self.keys, lasts = await published(self.url)
        self.good_until, self.next_try = now + lasts, now + ASKED_AGAIN_AFTER
        self.away = False


@dataclass(frozen=True, slots=True)
class Trusted:
    """One issuer that this server listens to."""

    terms: Terms
    keys: PublishedKeys

    @classmethod
    def on(cls, terms: Mapping[Issuer, Terms]) -> "Mapping[Issuer, Trusted]":
        return {name: cls(each, PublishedKeys(each.url)) for name, each in terms.items()}


@cache
def tls() -> SSLContext:
    return httpx.create_ssl_context()


class Discovery(BaseModel, strict=True):
    """OpenID Connect Discovery 1.0: where its keys are, and that it is who we think."""

    issuer: str
    jwks_uri: str


async def published(url: str) -> tuple[Keys, timedelta]:
    """Its keys, and for how long they are good."""
    try:
        # Followed nowhere: an issuer that has moved is one that somebody should look at.
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient(verify=tls()) as client:
            told, _ = await document(client, url + DISCOVERY)
            place = Discovery.model_validate_json(told)
            if place.issuer != url or not guarded(place.jwks_uri):
                raise Unreachable
            told, caching = await document(client, place.jwks_uri)
            return identity_tokens.keys_in(told), lasts(caching)
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError):
        raise Unreachable from None


async def document(client: httpx.AsyncClient, url: str) -> tuple[bytes, str]:
    """Unpacked by nobody: a few bytes can be packed that fill the memory when they are not."""
    async with client.stream("GET", url, headers={"accept-encoding": "identity"}) as answer:
        answer.raise_for_status()
        body = b""
        async for part in answer.aiter_raw():
            body += part
            if len(body) > LARGEST:
                raise Unreachable
        return body, answer.headers.get("cache-control", "")


def lasts(caching: str) -> timedelta:
    said = MAX_AGE.search(caching)
    return max(SHORTEST, min(timedelta(seconds=int(said[1])), LONGEST)) if said else SHORTEST


def guarded(url: str) -> bool:
    """Can nobody on the way change what it says? Nobody is on the way to this very machine."""
    try:
        parts = urlsplit(url)
        host, there_is_one = parts.hostname or "", parts.port != 0
        here = host == "localhost" or (parts.scheme == "http" and ip_address(host).is_loopback)
    except ValueError:
        return False
    safe = parts.scheme == "https" or (parts.scheme == "http" and here)
    return safe and there_is_one and host != ""
