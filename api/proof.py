"""Proving once more that it is me: what is done before a session is opened for it."""

from api.deps import Claims, House, Now, opened
from schemas.accounts import ACCOUNT
from schemas.database import transaction
from schemas.sessions import Proof


async def tried(body: Proof, claims: Claims, house: House, now: Now) -> bool:
    """Is it my password? No transaction is open while it is tried."""
    async with transaction(house.engine) as db:
        me = await opened(claims, db, now, house, lock=False)
        account = (await db.exec(ACCOUNT, params=me.scope)).one()
    return await house.passwords.match(account.password_hash, body.password.get_secret_value())
