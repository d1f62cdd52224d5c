"""Identities: signing in with Apple or Google. Shape: mine.

The app gets a token from the issuer and shows it here, with the nonce that it was made for; the
token is good for ten minutes, and once. Only what the issuer calls somebody is kept, as a hash:
never an address, which may change hands. An issuer that cannot be reached says nothing, and then
neither do we; passwords do not wait for it.
"""

from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import literal
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from api.begun import begin
from api.deps import Claims, Db, Fresh, House, Me, MeWriting, Now, become, limited, opened
from api.errors import NotProved, NotSignedIn, Refusal, Underage, documented
from api.known_phones import count_asking, count_identity_try
from api.policy import identities as policy
from api.policy.limits import PROOF, PROOF_ACCOUNT, SIGN_UP
from api.vouching import IdentityRefused, IssuerAway, IssuerOff, vouched_for
from schemas.accounts import ACCOUNT, Account
from schemas.base import local_date, new_id
from schemas.data_keys import DataKey
from schemas.database import transaction
from schemas.identities import (
    ACCOUNT_BY_IDENTITY,
    IDENTITIES,
    UNLINK,
    Identity,
    IdentityNonce,
    IdentityPublic,
    IdentitySignUp,
    IdentityToken,
    Issuer,
    Vouched,
)
from schemas.sealing import new_key
from schemas.sessions import END_OTHER_SESSIONS, Session, SignedIn

router = APIRouter(prefix="/identities", tags=["identities"])


class IdentityUnknown(Refusal):
    type = "/problems/identity-unknown"
    status = 403
    detail = "The token is good, but nobody signs in with it yet. It may be used to sign up."


class LastWayIn(Refusal):
    type = "/problems/last-way-in"
    status = 409
    detail = "There would be no way left to sign in."


async def vouched_for_me(
    issuer: Issuer, body: IdentityToken, claims: Claims, house: House, now: Now
) -> Vouched:
    """First whether somebody is signed in, and with that done: no stranger makes us ask."""
    async with transaction(house.engine) as db:
        await opened(claims, db, now, house, lock=False)
    return await vouched_for(issuer, body, house, now)


ForMe = Annotated[Vouched, Depends(vouched_for_me)]


@router.get("", summary="List my identities", responses=documented(NotSignedIn))
async def read_identities(me: Me, db: Db) -> list[IdentityPublic]:
    """With whom I can sign in, and since when. Nobody else can read it."""
    rows = await db.exec(IDENTITIES, params=me.scope)
    return [IdentityPublic.model_validate(row) for row in sorted(rows, key=lambda row: row.issuer)]


@router.post(
    "/{issuer}/sign-up",
    status_code=201,
    summary="Sign up with an identity",
    responses=documented(Underage, IssuerOff, IssuerAway, IdentityRefused),
    dependencies=[limited(SIGN_UP)],
)
async def sign_up(issuer: Issuer, body: IdentitySignUp, db: Db, now: Now, house: House) -> SignedIn:
    """Make an account without address and password, and begin a session. An identity with which
    somebody signs in already is refused like a token that is not good: sign in with it.
    """
    if not body.adult(local_date(now, body.zone)):
        raise Underage
    vouched = await vouched_for(issuer, body, house, now)

    key = new_key()
    account = Account.of(body, new_id(now), key, now)
    await become(db, account.id)
    db.add(account)
    await db.flush()
    db.add(DataKey.of(key, house.keyring, new_id(now), account.id, None))
    await put(IdentityNonce.of(vouched, account.id), db)
    await put(Identity.of(vouched, account.id, now), db)
    return await begin(account.id, None, db, house, now)


async def put(row: SQLModel, db: AsyncSession) -> None:
    """Once: a token that was used, or an identity that is linked, is refused the second time,
    whoever brings it, and of two at once.
    """
    new = insert(type(row)).values(**row.model_dump()).on_conflict_do_nothing()
    if (await db.exec(new.returning(literal(1)))).first() is None:
        raise IdentityRefused


@router.post(
    "/{issuer}/sign-in",
    status_code=201,
    summary="Sign in with an identity",
    responses=documented(IssuerOff, IssuerAway, IdentityRefused, IdentityUnknown),
    dependencies=[Depends(count_asking), Depends(count_identity_try)],
)
async def sign_in(issuer: Issuer, body: IdentityToken, db: Db, now: Now, house: House) -> SignedIn:
    """Begin a session on this phone. Only to whoever shows a good token is it told that nobody
    signs in with it yet, and that token is still good to sign up. Keep `known_phone` and send it
    along the next time.
    """
    vouched = await vouched_for(issuer, body, house, now)
    asked = {"subject_hash": vouched.subject_hash}
    if (account_id := (await db.exec(ACCOUNT_BY_IDENTITY, params=asked)).one()) is None:
        raise IdentityUnknown
    await become(db, account_id)
    await put(IdentityNonce.of(vouched, account_id), db)
    account = (await db.exec(ACCOUNT, params={"me": account_id})).one()
    return await begin(account_id, account.email, db, house, now)


@router.post(
    "/{issuer}/proof",
    status_code=204,
    summary="Prove with an identity that it is me",
    responses=documented(NotSignedIn, IssuerOff, IssuerAway, IdentityRefused),
    dependencies=[limited(PROOF, PROOF_ACCOUNT)],
)
async def prove(issuer: Issuer, vouched: ForMe, me: MeWriting, db: Db, now: Now) -> None:
    """For ten minutes, this session may do what wants a fresh proof. The identity must be mine."""
    mine = await db.get(Identity, (me.id, issuer))
    if mine is None or mine.subject_hash != vouched.subject_hash:
        raise IdentityRefused
    await put(IdentityNonce.of(vouched, me.id), db)
    session = await db.get_one(Session, me.session_id)
    session.proved_at = now


@router.put(
    "/{issuer}",
    summary="Link an identity",
    responses=documented(NotSignedIn, NotProved, IssuerOff, IssuerAway, IdentityRefused),
)
async def link(issuer: Issuer, vouched: ForMe, me: Fresh, db: Db, now: Now) -> IdentityPublic:
    """From now on I can sign in with it. One of the same issuer is replaced, and then every other
    session ends. One that is linked elsewhere is refused like a token that is not good.
    """
    await put(IdentityNonce.of(vouched, me.id), db)
    unlinked = await db.exec(UNLINK, params=me.scope | {"issuer": issuer})
    before = unlinked.scalar_one_or_none()
    identity = Identity.of(vouched, me.id, now)
    await put(identity, db)
    if before not in {None, vouched.subject_hash}:
        await db.exec(END_OTHER_SESSIONS, params=me.scope | {"session": me.session_id})
    return IdentityPublic.model_validate(identity)


@router.delete(
    "/{issuer}",
    status_code=204,
    summary="Unlink an identity",
    responses=documented(NotSignedIn, NotProved, LastWayIn),
)
async def unlink(issuer: Issuer, me: Fresh, db: Db, house: House) -> None:
    """From now on nobody signs in with it, and every other session ends: whoever came in that way
    is out. To unlink what is not linked changes nothing.
    """
    identities = [*await db.exec(IDENTITIES, params=me.scope)]
    if issuer not in {each.issuer for each in identities}:
        return
    account = (await db.exec(ACCOUNT, params=me.scope)).one()
    has_password = account.password_hash is not None
    if policy.locks_out(issuer, identities, house.issuers, has_password=has_password):
        raise LastWayIn
    await db.exec(UNLINK, params=me.scope | {"issuer": issuer})
    await db.exec(END_OTHER_SESSIONS, params=me.scope | {"session": me.session_id})
