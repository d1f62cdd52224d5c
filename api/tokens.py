"""Access tokens: JWTs that name an account and a session. Pure, given key and time.

A token only says who claims to ask. Whether the session is still there is read from the
database with every request, so a token outlives nothing. Whatever else we sign has a type of its
own, and is never taken for one.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import jwt

ISSUER = "twofold"
AUDIENCE = "twofold-app"
TYPE = "at+jwt"  # RFC 9068
ALGORITHM = "HS256"
LASTS = timedelta(minutes=15)
CLAIMS = ["iss", "aud", "iat", "exp"]

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


def verified(keys: Keys, kind: str, token: str, now: datetime) -> dict[str, Any] | None:
    """What it says, if it is of this kind, ours and good at this moment."""
    try:
        header = jwt.get_unverified_header(token)
        said: dict[str, Any] = jwt.decode(
            token,
            keys[header["kid"]],
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            # Times are compared below, with the clock of this request.
            options={"require": CLAIMS, "verify_exp": False, "verify_iat": False},
        )
        good = header.get("typ") == kind and now < datetime.fromtimestamp(said["exp"], UTC)
    except (
        jwt.InvalidTokenError,
        AttributeError,
        LookupError,
        OverflowError,
        TypeError,
        ValueError,
    ):
        return None
    return said if good else None
