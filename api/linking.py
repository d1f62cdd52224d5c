"""Linking: what is asked before an identity becomes a way in, or is none any more."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends
from sqlalchemy import literal
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from api.deps import Asks, House, Now
from api.errors import Refusal
from api.fittings import Fittings
from api.policy import identities as policy
from api.vouching import IdentityRefused, vouched_for
from schemas.accounts import ACCOUNT
from schemas.database import transaction
from schemas.identities import IDENTITIES, IdentityToken, Issuer, Vouched
from schemas.pairing import Person


class IdentityLinked(Refusal):
    type = "/problems/identity-linked"
    status = 409
    detail = "Another identity of this issuer is linked already. Unlink that one first."


class LastWayIn(Refusal):
    type = "/problems/last-way-in"
    status = 409
    detail = "There would be no way left to sign in."


async def vouched_for_me(
    issuer: Issuer, body: IdentityToken, asks: Asks, house: House, now: Now
) -> Vouched:
    """First whether somebody is signed in, and with that done: no stranger makes us ask."""
    async with transaction(house.engine) as db:
        await asks.open(db, lock=False)
    return await vouched_for(issuer, body, house, now)


ForMe = Annotated[Vouched, Depends(vouched_for_me)]


async def put(row: SQLModel, db: AsyncSession) -> None:
    """Once: a token that was used, or an identity that is linked, is refused the second time,
    whoever brings it, and of two at once.
    """
    new = insert(type(row)).values(**row.model_dump()).on_conflict_do_nothing()
    if (await db.exec(new.returning(literal(1)))).first() is None:
        raise IdentityRefused


async def keep_a_way_in(
    without: Issuer, me: Person, db: AsyncSession, now: datetime, house: Fittings
) -> None:
    identities = [each for each in await db.exec(IDENTITIES, params=me.scope) if each.good(now)]
    account = (await db.exec(ACCOUNT, params=me.scope)).one()
    has_password = account.password_hash is not None
    if policy.locks_out(without, identities, house.issuers, has_password=has_password):
        raise LastWayIn
