"""A session that has begun, and the tokens with which a phone goes on with it."""

import secrets
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from api import known_phones, tokens
from api.fittings import Fittings
from schemas.security import SecurityEvent, SecurityEventKind
from schemas.sessions import LASTS, MAKE_ROOM, RefreshToken, Session, SignedIn, Tokens


async def begin(
    account_id: UUID, email: str | None, db: AsyncSession, house: Fittings, now: datetime
) -> SignedIn:
    """For whoever has just shown who they are. `become` this account before, and hold it, lest two
    who sign in at once both pass the limit.

    Of more than twenty sessions, the longest unused ends. The phone is known from now on, by the
    address if there is one.
    """
    await db.exec(MAKE_ROOM, params={"me": account_id})
    session = Session.begin(account_id, now)
    db.add(session)
    await db.flush()
    db.add(SecurityEvent.of(account_id, SecurityEventKind.SIGNED_IN, now, session.id))
    given = issue(session, db, house, now)
    name = secrets.token_urlsafe(16)
    proof = known_phones.issue(house.token_keys, account_id, email or str(account_id), name, now)
    return SignedIn(**given.model_dump(), known_phone=proof)


def issue(session: Session, db: AsyncSession, house: Fittings, now: datetime) -> Tokens:
    """The tokens with which this session goes on."""
    refresh_token = secrets.token_urlsafe(32)
    row = RefreshToken(
        hash=sha256(refresh_token.encode()).digest(),
        account_id=session.account_id,
        session_id=session.id,
        generation=session.spent + 1,
        expires_at=now + LASTS,
    )
    db.add(row)
    claims = tokens.Claims(session.account_id, session.id)
    return Tokens(
        token_type="Bearer",  # noqa: S106 - the name of a scheme
        access_token=tokens.issue(house.token_keys, claims, now),
        expires_in=int(tokens.LASTS.total_seconds()),
        refresh_token=refresh_token,
        session_id=session.id,
    )
