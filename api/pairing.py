"""Pairing: how two accounts become a couple, and how either of them leaves.

Sam invites, Alex types the code, Sam confirms that it is Alex. Until then neither has seen
anything of the other but the name that Sam confirms. Leaving needs one call and nobody's
consent; what was between the two ends in the same transaction, because it hangs on a row that
is deleted, and each keeps what they wrote.
"""

import secrets
from datetime import date, datetime
from hashlib import sha256

from sqlmodel.ext.asyncio.session import AsyncSession

from api.areas import area
from api.deps import Db, House, Me, MeWriting, Now, Writer, limited
from api.errors import NotPaired, NotSignedIn, Refusal, documented
from api.fittings import Fittings
from api.policy.limits import CODES, CODES_ACCOUNT
from notifications import outbox
from schemas.accounts import ACCOUNT, name_of
from schemas.base import local_date, new_id
from schemas.blocks import Block
from schemas.invitations import (
    CODE_LENGTH,
    CODE_SIGNS,
    DROP_INVITATION,
    FOUND_COUPLE,
    INVITATIONS,
    INVITED,
    REDEEM,
    SOMEBODY_WAITS,
    STEP_BACK,
    Invitation,
    InvitationPublic,
    Redeem,
    name_for,
    to_share,
)
from schemas.nudges import Kind
from schemas.pairing import (
    LEAVE,
    TOGETHER,
    Leave,
    Member,
    Pairing,
    PairingState,
    Person,
    partners_name,
)

SILENTLY = Leave()

router = area("/pairing", NotSignedIn)


class AlreadyPaired(Refusal):
    type = "/problems/already-paired"
    status = 409
    detail = "You have a partner. Leave first."


class CodeNotGood(Refusal):
    type = "/problems/code-not-good"
    status = 404
    detail = "This code does not work. Ask for a new one."


class NobodyWaits(Refusal):
    type = "/problems/nobody-waits"
    status = 409
    detail = "Nobody waits to be confirmed."


@router.get("", summary="See where I stand")
async def read_pairing(me: Me, db: Db, now: Now, house: House) -> Pairing:
    """Alone, inviting, confirming, joining or paired. A name is shown to whoever must confirm
    it, and between partners; a code shows nobody's.
    """
    return await standing(me, db, now, house)


async def standing(me: Person, db: AsyncSession, now: datetime, house: Fittings) -> Pairing:
    if together := (await db.exec(TOGETHER, params=me.scope)).one_or_none():
        paired_at, sealed = together
        return shown(PairingState.PAIRED, partners_name(me, sealed), paired_on=paired_at.date())
    rows = (await db.exec(INVITATIONS, params=me.scope | {"now": now})).all()
    if not rows:
        return shown(PairingState.ALONE)
    row = max(rows, key=lambda each: [*PairingState].index(each.state_of(me.id)))
    name = row.who_waits(house.keyring) if row.account_id == me.id else None
    return shown(row.state_of(me.id), name, row.expires_at)


def shown(
    state: PairingState,
    name: str | None = None,
    expires_at: datetime | None = None,
    paired_on: date | None = None,
) -> Pairing:
    return Pairing(state=state, name=name, expires_at=expires_at, paired_on=paired_on)


@router.put("/invitation", summary="Invite my partner", responses=documented(AlreadyPaired))
async def invite(me: MeWriting, db: Db, now: Now, house: House) -> InvitationPublic:
    """A code for one person, good for 24 hours and one use. It replaces the one before."""
    if me.couple_id:
        raise AlreadyPaired
    code = "".join(secrets.choice(CODE_SIGNS) for _ in range(CODE_LENGTH))
    await db.exec(DROP_INVITATION, params=me.scope)
    invitation = Invitation.of(me.id, hashed(code), house.keyring, now)
    db.add(invitation)
    in_groups = "-".join((code[:4], code[4:8], code[8:]))
    return InvitationPublic(code=in_groups, expires_at=invitation.expires_at)


def hashed(code: str) -> bytes:
    # 60 random bits and 24 hours: a fast hash is enough, there is nothing to be guessed from.
    return sha256(code.encode()).digest()


@router.delete("/invitation", status_code=204, summary="Take an invitation back")
async def withdraw(_: MeWriting, db: Db) -> None:
    """My own, with whoever waits on it, or the one that I typed. Neither is told."""
    await db.exec(STEP_BACK)


@router.post(
    "/redeem",
    status_code=202,
    summary="Type a code",
    responses=documented(AlreadyPaired, CodeNotGood),
    dependencies=[limited(CODES_ACCOUNT, CODES)],
)
async def redeem(body: Redeem, me: Me, db: Db, now: Now, house: House) -> Pairing:
    """Whoever invited me now sees my name and confirms me. Unknown, used, run out or one's own:
    the answer is the same.
    """
    if me.couple_id:
        raise AlreadyPaired
    typed = {"hash": hashed(body.code), "now": now}
    invited = (await db.exec(INVITED, params=typed)).one_or_none()
    if invited is None:
        raise CodeNotGood
    name = name_for(*invited, await my_name(me, db), house.keyring)
    redeemed = (await db.exec(REDEEM, params=typed | {"name": name})).one_or_none()
    if redeemed is None:
        raise CodeNotGood
    inviter, anew = redeemed
    if anew:
        await outbox.tell(db, inviter, None, Kind.JOINER_WAITING, now)
    return await standing(me, db, now, house)


async def my_name(me: Person, db: AsyncSession) -> str:
    return name_of(me.id, (await db.exec(ACCOUNT, params=me.scope)).one().name, me.key)


@router.post(
    "/confirm",
    summary="Confirm who typed my code",
    responses=documented(AlreadyPaired, NobodyWaits),
)
async def confirm(me: Me, db: Db, now: Now, house: House) -> Pairing:
    """From here on the two are a couple. Nothing that either had before is shared by it."""
    if me.couple_id:
        raise AlreadyPaired
    invitation = (await db.exec(SOMEBODY_WAITS, params=me.scope)).one_or_none()
    name = invitation.who_waits(house.keyring) if invitation else None
    if invitation is None or invitation.joiner_id is None or name is None:
        raise NobodyWaits
    couple_id, joiner = new_id(now), invitation.joiner_id
    names = {me.id: name, joiner: await my_name(me, db)}
    couple = {"couple": couple_id, "joiner": joiner, "now": now}
    shared = to_share(couple_id, names, house.keyring, now)
    if not (await db.exec(FOUND_COUPLE, params=couple | shared)).one():
        raise NobodyWaits
    await outbox.tell(db, joiner, couple_id, Kind.PAIRED, now)
    return shown(PairingState.PAIRED, name, paired_on=now.date())


@router.post("/leave", status_code=204, summary="Leave", responses=documented(NotPaired))
async def leave(me: Writer, db: Db, now: Now, body: Leave = SILENTLY) -> None:
    """Alone, at once, without a reason. Silent unless I say otherwise: then my partner's phone
    says once that something changed.
    """
    if body.tell:
        await outbox.tell(db, me.partner_id, None, Kind.PAIRING_ENDED, now)
    if body.block:
        await block(me, db, now)
    await db.exec(LEAVE, params=me.scope)


async def block(me: Member, db: AsyncSession, now: datetime) -> None:
    """While it is known whom: a moment later nothing says who that was."""
    _, sealed = (await db.exec(TOGETHER, params=me.scope)).one()
    name = partners_name(me, sealed) or ""
    db.add(Block.of(me, name, new_id(now), local_date(now, me.zone)))
    await db.flush()
