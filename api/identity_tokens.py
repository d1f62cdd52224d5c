"""Identity tokens of Apple and Google: JWTs that say who somebody is there. Pure, given the keys.

RS256 alone, as both publish: whoever writes a token never chooses how it is checked.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import jwt
from pydantic import BaseModel, StringConstraints

from schemas.identities import Said

ALGORITHM = "RS256"
SIGNED = jwt.PyJWT({"enforce_minimum_key_length": True})

Key = jwt.PyJWK
Keys = Mapping[str, Key]


class KeySet(BaseModel, strict=True):
    """RFC 7517, section 5."""

    keys: list[dict[str, Any]]


class KeyForUs(BaseModel, strict=True):
    """One that may sign what we read. What it does not say of itself is taken for granted."""

    kid: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    kty: str
    use: str = "sig"
    alg: str = ALGORITHM

    def fits(self) -> bool:
        return (self.kty, self.use, self.alg) == ("RSA", "sig", ALGORITHM)


def keys_in(published: bytes) -> Keys:
    """By id. `ValueError` where there is not one that is of use."""
    found = dict(usable(KeySet.model_validate_json(published).keys))
    if not found:
        msg = "no key of use"
        raise ValueError(msg)
    return found


def usable(keys: Iterable[dict[str, Any]]) -> Iterator[tuple[str, Key]]:
    """What is of another kind, or broken, is passed over: an issuer may publish more than this."""
    for each in keys:
        try:
            told = KeyForUs.model_validate(each)
            if told.fits():
                yield told.kid, Key(each, ALGORITHM)
        except (jwt.PyJWTError, TypeError, ValueError):
            continue


def key_id(token: str) -> str | None:
    """Which key it wants to be checked with; None for whatever is no token, or not of this kind."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError):
        return None
    return header.get("kid") if header.get("alg") == ALGORITHM else None


def said_in(token: str, key: Key) -> Said | None:
    """What this key has signed, to be judged by `policy.identities`; None if it has not."""
    try:
        # Whom it is from, for whom, and when is asked there, by the clock of the request.
        unasked = dict.fromkeys(("iss", "aud", "exp", "iat", "nbf", "sub", "jti"), False)
        options: Any = {f"verify_{claim}": asked for claim, asked in unasked.items()}
        return Said.model_validate(SIGNED.decode(token, key, [ALGORITHM], options))
    except (jwt.PyJWTError, ValueError):
        return None
