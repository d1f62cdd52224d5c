"""Access tokens: JWTs that name an account and a session. Pure, given key and time.

A token only says who claims to ask. Whether the session is still there is read from the
database with every request, so a token outlives nothing. Whatever else we sign has a type of its
own, and is never taken for one.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import jwt

ISSUER = "twofold"
AUDIENCE = "twofold-app"
TYPE = "at+jwt"  # RFC 9068
ALGORITHM = "HS256"
LASTS = timedelta(minutes=15)
CLAIMS = ["iss", "aud", "iat", "exp"]
# Tokens whose signature was looked at. A phone shows the same one for a quarter of an hour, and
# what was signed by us once has been signed by us. Whether its session is there is asked each time.
REMEMBERED = 10_000

Keys = Mapping[str, bytes]


class Claims(NamedTuple):
    """Who a token says it is."""

    account_id: UUID
    session_id: UUID


def issue(keys: Keys, claims: Claims, now: datetime) -> str:
    """Good for `LASTS`."""
    said = {"sub": str(claims.account_id), "sid": str(claims.session_id)}
    return signed(keys, TYPE, said, now, LASTS)


def read(keys: Keys, token: str, now: datetime) -> Claims | None:
    """None for whatever is not a token of ours that is good at this moment."""
    try:
        said = verified(keys, TYPE, token, now)
        return Claims(UUID(said["sub"]), UUID(said["sid"])) if said else None
    except (AttributeError, LookupError, TypeError, ValueError):
        return None


def signed(keys: Keys, kind: str, said: Mapping[str, str], now: datetime, lasts: timedelta) -> str:
    """With the first key."""
    key_id, key = next(iter(keys.items()))
    ours = {"iss": ISSUER, "aud": AUDIENCE}
    times = {"iat": now, "exp": now + lasts}
    return jwt.encode({**ours, **said, **times}, key, ALGORITHM, {"kid": key_id, "typ": kind})


def verified(keys: Keys, kind: str, token: str, now: datetime) -> Mapping[str, Any] | None:
    """What it says, if it is of this kind, ours and good at this moment."""
    try:
        said = signed_by_us(tuple(keys.items()), kind, token)
        return said if now < datetime.fromtimestamp(said["exp"], UTC) else None
    except (
        jwt.InvalidTokenError,
        AttributeError,
        LookupError,
        OverflowError,
        TypeError,
        ValueError,
    ):
        return None


@lru_cache(maxsize=REMEMBERED)
def signed_by_us(keys: tuple[tuple[str, bytes], ...], kind: str, token: str) -> Mapping[str, Any]:
    """What it says, whatever the time. What is not of this kind and ours is an error, and is not
    remembered: nobody fills our memory with tokens that they make up.
    """
    header = jwt.get_unverified_header(token)
    if header.get("typ") != kind:
        raise jwt.InvalidTokenError
    said = jwt.decode(
        token,
        dict(keys)[header["kid"]],
        algorithms=[ALGORITHM],
        audience=AUDIENCE,
        issuer=ISSUER,
        # Times are compared above, with the clock of each request.
        options={"require": CLAIMS, "verify_exp": False, "verify_iat": False},
    )
    return MappingProxyType(said)
