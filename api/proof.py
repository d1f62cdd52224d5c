"""Proving with a password that it is me: to sign in, and once more while I am signed in."""

from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Depends
from sqlmodel.ext.asyncio.session import AsyncSession

from api.deps import Asks, House, Now, become
from api.errors import Refusal
from api.known_phones import count_try
from schemas.accounts import ACCOUNT, ACCOUNT_BY_EMAIL, HELD, NOBODY, Account
from schemas.database import transaction
from schemas.sessions import Proof, SignIn


class WrongCredentials(Refusal):
    type = "/problems/wrong-credentials"
    status = 401
    detail = "The address and the password do not belong together."


class Matched(NamedTuple):
    """Whose password it was, when it was tried."""

    account_id: UUID
    password_hash: str | None


async def prove(
    body: SignIn, house: House, now: Now, _: Annotated[None, Depends(count_try)]
) -> Matched:
    """Whose address and password these are. No transaction is open while the password is tried.

    What is done for an unknown address is done for a known one, statement by statement.
    """
    async with transaction(house.engine) as db:
        account = await become_known(body.email, db, now)
    known = account.password_hash if account else None
    if not await house.passwords.match(known, body.password.get_secret_value()):
        raise WrongCredentials
    return Matched(account.id if account else NOBODY, known)


async def become_known(email: str, db: AsyncSession, now: datetime) -> Account | None:
    """Whose address it is, and from here on we act for them. As many statements for nobody's."""
    found = (await db.exec(ACCOUNT_BY_EMAIL, params={"email": email, "now": now})).one()
    await become(db, found or NOBODY)
    return (await db.exec(ACCOUNT, params={"me": found or NOBODY})).one_or_none()


async def hold(matched: Matched, db: AsyncSession) -> None:
    """From here on the password stays what it is. If it changed while it was tried, the sessions
    of the old one are over already: this one would be left.
    """
    account = (await db.exec(HELD, params={"me": matched.account_id})).one_or_none()
    if account is None or account.password_hash != matched.password_hash:
        raise WrongCredentials


async def tried(body: Proof, asks: Asks, house: House) -> bool:
    """Is it my password? No transaction is open while it is tried."""
    async with transaction(house.engine) as db:
        me = await asks.open(db, lock=False)
        account = (await db.exec(ACCOUNT, params=me.scope)).one()
    return await house.passwords.match(account.password_hash, body.password.get_secret_value())
