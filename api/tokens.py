"""Access tokens: JWTs that name an account and a session. Pure, given key and time.

A token only says who claims to ask. Whether the session is still there is read from the
database with every request, so a token outlives nothing.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import jwt

ISSUER = "twofold"
AUDIENCE = "twofold-app"
TYPE = "at+jwt"  # RFC 9068
ALGORITHM = "HS256"
LASTS = timedelta(minutes=15)
CLAIMS = ["iss", "aud", "sub", "sid", "iat", "exp"]


class Claims(NamedTuple):
    """Who a token says it is."""

    account_id: UUID
    session_id: UUID


def issue(keys: Mapping[str, bytes], claims: Claims, now: datetime) -> str:
    """Signed with the first key, good for `LASTS`."""
    key_id, key = next(iter(keys.items()))
    said = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(claims.account_id),
        "sid": str(claims.session_id),
        "iat": now,
        "exp": now + LASTS,
    }
    return jwt.encode(said, key, ALGORITHM, headers={"kid": key_id, "typ": TYPE})


def read(keys: Mapping[str, bytes], token: str, now: datetime) -> Claims | None:
    """None for whatever is not a token of ours that is good at this moment."""
    try:
        header = jwt.get_unverified_header(token)
        said = jwt.decode(
            token,
            keys[header["kid"]],
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            # Times are compared below, with the clock of this request.
            options={"require": CLAIMS, "verify_exp": False, "verify_iat": False},
        )
        good = header.get("typ") == TYPE and now < datetime.fromtimestamp(said["exp"], UTC)
        return Claims(UUID(said["sub"]), UUID(said["sid"])) if good else None
    except (
        jwt.InvalidTokenError,
        AttributeError,
        LookupError,
        OverflowError,
        TypeError,
        ValueError,
    ):
        return None
