"""Vouching: what an issuer says of whoever holds a token, and whether that counts here."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from api.errors import Refusal
from api.fittings import Fittings
from api.identity_tokens import key_id, said_in
from api.issuers import Trusted, Unreachable
from api.policy import identities as policy
from schemas.identities import IdentityToken, Issuer, Said, Vouched


class IssuerOff(Refusal):
    type = "/problems/issuer-off"
    status = 409
    detail = "This server does not take identities of this issuer."


class IssuerAway(Refusal):
    type = "/problems/issuer-away"
    status = 503
    detail = "The issuer cannot be reached. Nothing was changed; try again, or sign in otherwise."
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "5"}


class IdentityRefused(Refusal):
    type = "/problems/identity-refused"
    status = 403
    detail = "This token is not good for this, or not any more. Ask the issuer for another."


async def vouched_for(
    issuer: Issuer, body: IdentityToken, house: Fittings, now: datetime
) -> Vouched:
    """Who the issuer says this is. No connection is held meanwhile: an issuer may be slow."""
    if (trusted := house.issuers.get(issuer)) is None:
        raise IssuerOff
    try:
        said = await signed(trusted, body.token.get_secret_value(), now)
    except Unreachable:
        raise IssuerAway from None
    terms = trusted.terms
    if said is None or not policy.good(said, terms.names, terms.client_ids, body.hashed_nonce, now):
        raise IdentityRefused
    return Vouched.of(issuer, terms.url, said, policy.good_until(said))


async def signed(trusted: Trusted, token: str, now: datetime) -> Said | None:
    wanted = key_id(token)
    key = await trusted.keys.key(wanted, now) if wanted else None
    return said_in(token, key) if key else None
