"""Identities: signing in with Apple or Google. Shape: mine.

The app gets a token from the issuer and shows it here, with the nonce that it was made for; the
token is good for ten minutes, and once. Only what the issuer calls somebody is kept, as a hash:
never an address, which may change hands. An issuer that cannot be reached says nothing, and then
neither do we; passwords do not wait for it.

Whoever has my phone in hand and my password could link an identity of theirs. So it is good only
after three days, and until then it is shown, and each of my phones may unlink it without a proof.
"""

from fastapi import Depends
from fastapi.responses import JSONResponse

from api.areas import area
from api.begun import begin
from api.deps import Db, Fresh, House, Me, MeWriting, Now, become, fresh, limited
from api.errors import NotProved, NotSignedIn, Refusal, Underage, documented
from api.known_phones import count_asking, count_identity_try
from api.linking import ForMe, IdentityLinked, LastWayIn, keep_a_way_in, put
from api.policy import identities as policy
from api.policy.limits import PROOF, PROOF_ACCOUNT, SIGN_UP
from api.vouching import IdentityRefused, IssuerAway, IssuerOff, vouched_for
from schemas.accounts import ACCOUNT, Account
from schemas.base import EARLIEST, local_date, new_id
from schemas.data_keys import DataKey
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
)
from schemas.sealing import new_key
from schemas.security import SecurityEvent, SecurityEventKind
from schemas.sessions import END_OTHER_SESSIONS, Session, SignedIn

router = area("/identities")


class IdentityUnknown(Refusal):
    type = "/problems/identity-unknown"
    status = 403
    detail = "The token is good, but nobody signs in with it yet. It may be used to sign up."


@router.get("", summary="List my identities", responses=documented(NotSignedIn))
async def read_identities(me: Me, db: Db) -> list[IdentityPublic]:
    """With whom I can sign in, and from when on. Nobody else can read it."""
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
    await put(Identity.of(vouched, account.id, now, good_from=now), db)
    return await begin(account.id, None, db, house, now)


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
    asked = {"subject_hash": vouched.subject_hash, "now": now}
    if (account_id := (await db.exec(ACCOUNT_BY_IDENTITY, params=asked)).one()) is None:
        raise IdentityUnknown
    await become(db, account_id)
    await put(IdentityNonce.of(vouched, account_id), db)
    account = (await db.exec(ACCOUNT, params={"me": account_id})).one()
    return await begin(account_id, account.email, db, house, now)


@router.post(
    "/{issuer}/proof",
    status_code=204,
    response_model=None,
    summary="Prove with an identity that it is me",
    responses=documented(NotSignedIn, IssuerOff, IssuerAway, IdentityRefused),
    dependencies=[limited(PROOF, PROOF_ACCOUNT)],
)
async def prove(
    issuer: Issuer, vouched: ForMe, me: MeWriting, db: Db, now: Now
) -> JSONResponse | None:
    """For ten minutes, this session may do what wants a fresh proof. The identity must be mine, and
    good; one that is not is seen in `GET /security`.
    """
    mine = await db.get(Identity, (me.id, issuer))
    if mine is None or not mine.shown_by(vouched, now):
        failed = SecurityEventKind.PROOF_FAILED
        db.add(SecurityEvent.by(me, failed, now))
        return IdentityRefused.response()
    await put(IdentityNonce.of(vouched, me.id), db)
    session = await db.get_one(Session, me.session_id)
    session.proved_at = now
    return None


@router.put(
    "/{issuer}",
    summary="Link an identity",
    responses=documented(
        NotSignedIn, NotProved, IssuerOff, IssuerAway, IdentityRefused, IdentityLinked
    ),
)
async def link(issuer: Issuer, vouched: ForMe, me: Fresh, db: Db, now: Now) -> IdentityPublic:
    """In three days I can sign in with it, and until then each of my phones can unlink it. Another
    of the same issuer must be unlinked first. One that is linked elsewhere is refused like a token
    that is not good.
    """
    await put(IdentityNonce.of(vouched, me.id), db)
    before = await db.get(Identity, (me.id, issuer))
    if before and before.subject_hash == vouched.subject_hash:
        return IdentityPublic.model_validate(before)
    if before and before.good(now):
        raise IdentityLinked
    await db.exec(UNLINK, params=me.scope | {"issuer": issuer})
    identity = Identity.of(vouched, me.id, now, good_from=now + policy.LINKED_FOR)
    await put(identity, db)
    linked = SecurityEventKind.IDENTITY_LINKED
    db.add(SecurityEvent.by(me, linked, now))
    return IdentityPublic.model_validate(identity)


@router.delete(
    "/{issuer}",
    status_code=204,
    summary="Unlink an identity",
    responses=documented(NotSignedIn, NotProved, LastWayIn),
)
async def unlink(issuer: Issuer, me: MeWriting, db: Db, now: Now, house: House) -> None:
    """From now on nobody signs in with it, and every other session ends: whoever came in that way
    is out. While it is not good yet, it takes no proof, and nobody came in. To unlink what is not
    linked changes nothing.
    """
    mine = await db.get(Identity, (me.id, issuer))
    if mine is None:
        return
    since = mine.good_from
    if mine.good(now):
        await fresh(me, now)
        await keep_a_way_in(issuer, me, db, now, house)
        since = EARLIEST
    await db.exec(UNLINK, params=me.scope | {"issuer": issuer})
    # Not good yet by my clock, and yet somebody may have come in while I waited for the lock.
    others = {"session": me.session_id, "since": since}
    await db.exec(END_OTHER_SESSIONS, params=me.scope | others)
    unlinked = SecurityEventKind.IDENTITY_UNLINKED
    db.add(SecurityEvent.by(me, unlinked, now))
