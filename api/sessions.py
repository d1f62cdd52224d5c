"""Sessions: the phones on which somebody is signed in. Shape: mine.

A session is read with every request, so ending one takes effect with the next. Refresh tokens
are used once each. One that comes back after its successor was used means that two hands hold
the chain, and the session ends for both; one that comes back before, and at once, is a phone that
lost the answer, and gets another.
"""

from hashlib import sha256
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from fastapi.responses import JSONResponse
from sqlalchemy import Uuid, bindparam, func
from sqlmodel import select

from api.areas import area
from api.begun import begin, issue
from api.deps import Db, Fresh, House, Me, MeWriting, Now, become, fresh, limited
from api.errors import NotFound, NotProved, NotSignedIn, Refusal, documented
from api.known_phones import count_asking, count_going_on
from api.passwords import WrongPassword
from api.policy.limits import PROOF, PROOF_ACCOUNT
from api.proof import Matched, WrongCredentials, hold, prove, tried
from schemas.security import SecurityEvent, SecurityEventKind
from schemas.sessions import (
    END_SESSION,
    END_SESSIONS,
    REFRESH_TOKEN,
    SESSIONS,
    Refresh,
    Session,
    SessionPublic,
    SignedIn,
    SignIn,
    Tokens,
)

router = area("/sessions")

SESSION_OF_TOKEN = select(func.session_of_token(bindparam("hash"), bindparam("now"), type_=Uuid))


class SessionOver(Refusal):
    type = "/problems/session-over"
    status = 401
    detail = "This session is over. Sign in again."


@router.post(
    "",
    status_code=201,
    summary="Sign in",
    responses=documented(WrongCredentials),
    dependencies=[Depends(count_asking)],
)
async def sign_in(
    body: SignIn, matched: Annotated[Matched, Depends(prove)], db: Db, now: Now, house: House
) -> SignedIn:
    """Begin a session on this phone. The answer to an unknown address and a wrong password is
    the same, and takes as long. Of more than twenty sessions, the longest unused ends. Keep
    `known_phone` and send it along the next time: then nobody who only knows the address can use
    up the tries of this phone.
    """
    await become(db, matched.account_id)
    await hold(matched, db)
    return await begin(matched.account_id, body.email, db, house, now)


@router.post(
    "/refresh",
    summary="Go on with a session",
    response_model=Tokens,
    responses=documented(SessionOver),
    dependencies=[Depends(count_going_on)],
)
async def refresh(body: Refresh, db: Db, now: Now, house: House) -> Tokens | JSONResponse:
    """A refresh token is good once. Store the new one before using it, and refresh one at a time:
    where the answer was lost, send the old one again within two minutes, and forget any other
    answer to it. An older one ends the session (`chain_broken` in `GET /security`), since two hands
    hold it. Unused for 60 days, it ends by itself. Send `known_phone` along, so that nobody at the
    same network address can use up what this phone may ask.
    """
    token_hash = sha256(body.refresh_token.get_secret_value().encode()).digest()
    asked = {"hash": token_hash, "now": now}
    session_id = (await db.exec(SESSION_OF_TOKEN, params=asked)).one()
    session = session_id and await db.get(Session, session_id)
    if not session or not session.live(now):
        raise SessionOver
    token = (await db.exec(REFRESH_TOKEN, params={"hash": token_hash})).one()
    if not session.accepts(token, now):
        broken = SecurityEventKind.CHAIN_BROKEN
        db.add(SecurityEvent.of(session.account_id, broken, now, session.id))
        await db.flush()
        await db.delete(session)
        return SessionOver.response()
    session.spend(token, now)
    return issue(session, db, house, now)


@router.get("", summary="List my sessions", responses=documented(NotSignedIn))
async def read_sessions(me: Me, db: Db, now: Now) -> list[SessionPublic]:
    """When each began and was last used. Only I see them."""
    rows = await db.exec(SESSIONS, params=me.scope)
    return [
        SessionPublic.model_validate(row, update={"current": row.id == me.session_id})
        for row in sorted(rows, key=lambda row: row.created_at)
        if row.live(now)
    ]


@router.post(
    "/current/proof",
    status_code=204,
    response_model=None,
    summary="Prove that it is me",
    responses=documented(NotSignedIn, WrongPassword),
    dependencies=[limited(PROOF, PROOF_ACCOUNT)],
)
async def prove_again(
    right: Annotated[bool, Depends(tried)], me: MeWriting, db: Db, now: Now
) -> JSONResponse | None:
    """For ten minutes, this session may do what wants a fresh proof. A proof that fails is seen in
    `GET /security`.
    """
    if not right:
        failed = SecurityEventKind.PROOF_FAILED
        db.add(SecurityEvent.by(me, failed, now))
        return WrongPassword.response()
    session = await db.get_one(Session, me.session_id)
    session.proved_at = now
    return None


@router.delete(
    "/{session_id}",
    status_code=204,
    summary="End one of my sessions",
    responses=documented(NotSignedIn, NotProved, NotFound),
)
async def end_session(session_id: UUID, me: MeWriting, db: Db, now: Now) -> None:
    """From the next request on, that phone is signed out, and no push reaches it. The one that asks
    may always be ended; for another it takes a fresh proof.
    """
    event = SecurityEventKind.SIGNED_OUT
    if session_id != me.session_id:
        await fresh(me, now)
        event = SecurityEventKind.SIGNED_OUT_ELSEWHERE
    db.add(SecurityEvent.by(me, event, now))
    ended = await db.exec(END_SESSION, params={**me.scope, "session": session_id})
    if ended.first() is None:
        raise NotFound


@router.delete(
    "",
    status_code=204,
    summary="End all my sessions",
    responses=documented(NotSignedIn, NotProved),
)
async def end_sessions(me: Fresh, db: Db, now: Now) -> None:
    """All phones, this one too. It takes a fresh proof: whoever holds this phone for a moment can
    sign out this phone and no other.
    """
    elsewhere = SecurityEventKind.SIGNED_OUT_ELSEWHERE
    db.add(SecurityEvent.by(me, elsewhere, now))
    await db.exec(END_SESSIONS, params=me.scope)
