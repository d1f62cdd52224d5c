"""Phones on which somebody has signed in before: the device cookie of OWASP's advice.

Whoever knows somebody's address can try passwords until no more are taken. That must not lock
out the phone they have in hand, so signing in answers with a proof that this phone has done it
with this address, and sent along the next time it has a count of its own. The proof opens
nothing: it neither stands for the password nor says that the account is still there. Of an account
without address the proof is made with its id, which is nobody's address.
"""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Depends, Header

from api import tokens
from api.deps import Counted, House, Now
from api.policy.limits import (
    ANYBODY,
    ANYBODY_PHONE,
    REFRESH,
    REFRESH_PHONE,
    SIGN_IN,
    SIGN_IN_EMAIL,
    SIGN_IN_PHONE,
)
from api.tokens import Keys
from schemas.sessions import SignIn

TYPE = "known-phone+jwt"
LASTS = timedelta(days=400)


class KnownPhone(NamedTuple):
    """What its tries are counted by, and a hash of the address it knows."""

    name: str
    email_hash: str

    def knows(self, keys: Keys, email: str) -> bool:
        """With another address it is as good as unknown."""
        return any(
            hmac.compare_digest(self.email_hash, hashed(key, email)) for key in keys.values()
        )


def issue(keys: Keys, account_id: UUID, email: str, name: str, now: datetime) -> str:
    """`name` is drawn at random for each; the address cannot be read from it."""
    first = next(iter(keys.values()))
    said = {"sub": str(account_id), "jti": name, "email_hash": hashed(first, email)}
    return tokens.signed(keys, TYPE, said, now, LASTS)


def hashed(key: bytes, email: str) -> str:
    return hmac.new(key, b"known phone:" + email.encode(), sha256).hexdigest()


def read(keys: Keys, proof: str | None, now: datetime) -> KnownPhone | None:
    """None for whatever is no such proof: then the phone is unknown, and nothing is refused."""
    said = tokens.verified(keys, TYPE, proof or "", now)
    try:
        return KnownPhone(str(said["jti"]), str(said["email_hash"])) if said else None
    except LookupError:
        return None


async def which_phone(
    house: House,
    now: Now,
    known_phone: Annotated[
        str | None,
        Header(description="What signing in answered on this phone: its tries count apart."),
    ] = None,
) -> KnownPhone | None:
    return read(house.token_keys, known_phone, now)


Phone = Annotated[KnownPhone | None, Depends(which_phone)]


async def count_asking(counted: Counted, phone: Phone) -> None:
    """Whatever is in the body, and before it is looked at."""
    if phone:
        await counted.add(ANYBODY_PHONE, phone.name)
    else:
        await counted.add(ANYBODY)


async def count_try(body: SignIn, house: House, counted: Counted, phone: Phone) -> None:
    """The same for every address, known or not; nothing of it is asked of the database."""
    if phone and phone.knows(house.token_keys, body.email):
        await counted.add(SIGN_IN_PHONE, phone.name)
        return
    await counted.add(SIGN_IN)
    await counted.add(SIGN_IN_EMAIL, body.email)


async def count_identity_try(counted: Counted, phone: Phone) -> None:
    """Nobody guesses what an issuer signs, so any known phone will do."""
    if phone:
        await counted.add(SIGN_IN_PHONE, phone.name)
    else:
        await counted.add(SIGN_IN)


async def count_going_on(counted: Counted, phone: Phone) -> None:
    """Else a neighbour could keep a phone from ever asking for anything again."""
    if phone:
        await counted.add(REFRESH_PHONE, phone.name)
    else:
        await counted.add(REFRESH)
