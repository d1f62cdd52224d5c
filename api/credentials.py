"""Credentials: the address and the password with which I sign in. Shape: mine.

Whoever has my phone in hand, or reads my mailbox, may try to make my account theirs. So a change
wants a fresh proof, is seen on every phone that is signed in, takes effect only after a day (an
address: after three), and until then any of them may stop it, without a proof. There is no other
way back in than the mailbox: no question whose answer somebody close to me knows.
"""

from typing import Annotated

from fastapi import Depends

from api import links, passwords
from api.areas import area
from api.deps import Asks, Db, Fresh, House, Me, MeWriting, Now, fresh, limited
from api.errors import NotProved, NotSignedIn, Refusal, documented
from api.links import LinkOver
from api.passwords import PasswordCommonlyUsed
from api.policy.limits import MAIL_LINK, MAIL_LINK_ACCOUNT
from notifications import outbox
from schemas.accounts import ACCOUNT, ACCOUNT_BY_EMAIL
from schemas.credentials import (
    CHANGES,
    PROVE,
    STOP,
    CredentialChange,
    CredentialChangePublic,
    CredentialKind,
    EmailWrite,
    PasswordWrite,
)
from schemas.database import transaction
from schemas.links import Link, LinkKind, Opening, new_token
from schemas.mail import Letter, MailKind
from schemas.security import SecurityEvent, SecurityEventKind


class NoPassword(Refusal):
    type = "/problems/no-password"
    status = 409
    detail = "This account has no address and no password: it is signed in to with an identity."


router = area("/credentials")


@router.get("/pending", summary="See what is about to change", responses=documented(NotSignedIn))
async def read_pending(me: Me, db: Db) -> list[CredentialChangePublic]:
    """Show it to me wherever I am signed in: if I did not ask for it, I can stop it here."""
    rows = await db.exec(CHANGES, params=me.scope)
    changes = sorted(rows, key=lambda row: row.takes_effect_at)
    return [CredentialChangePublic.model_validate(row) for row in changes]


@router.delete(
    "/pending/{kind}",
    status_code=204,
    summary="Stop what is about to change",
    responses=documented(NotSignedIn),
)
async def stop(kind: CredentialKind, me: MeWriting, db: Db, now: Now) -> None:
    """Everything stays as it is. Where nothing is about to change, nothing happens."""
    stopped = await db.exec(STOP, params=me.scope | {"kind": kind})
    if stopped.first():
        event = SecurityEventKind(f"{kind}_stopped")
        db.add(SecurityEvent.by(me, event, now))


async def chosen_password(body: PasswordWrite, asks: Asks, house: House, now: Now) -> str:
    """Its hash, for whoever has just proved to be me. No transaction is open while it is made."""
    async with transaction(house.engine) as db:
        me = await fresh(await asks.open(db, lock=False), now)
        account = (await db.exec(ACCOUNT, params=me.scope)).one()
        if account.email is None:
            raise NoPassword
        about_me = [account.email, account.public(me.key).display_name]
    return await passwords.chosen(house.passwords, body.password, about_me)


@router.put(
    "/password",
    status_code=202,
    summary="Change my password",
    responses=documented(NotSignedIn, NotProved, NoPassword, PasswordCommonlyUsed),
)
async def change_password(
    password_hash: Annotated[str, Depends(chosen_password)], me: Fresh, db: Db, now: Now
) -> CredentialChangePublic:
    """In a day; then every other session ends. Until then the old one is good, and each of my
    phones can stop it. Asked again, the day begins again.
    """
    change = CredentialChange.to_password(me.id, me.session_id, password_hash, now)
    await db.merge(change)
    db.add(SecurityEvent.by(me, SecurityEventKind.PASSWORD_ASKED, now))
    return CredentialChangePublic.model_validate(change)


@router.put(
    "/email",
    status_code=202,
    summary="Change my address",
    responses=documented(NotSignedIn, NotProved, NoPassword),
    dependencies=[limited(MAIL_LINK_ACCOUNT)],
)
async def change_email(
    body: EmailWrite, me: Fresh, db: Db, now: Now, house: House
) -> CredentialChangePublic:
    """In three days, if by then the link was opened that goes to the new address. The old one is
    told as well. The answer is the same where the new address is somebody's already.
    """
    account = (await db.exec(ACCOUNT, params=me.scope)).one()
    if account.email is None:
        raise NoPassword
    taken = (await db.exec(ACCOUNT_BY_EMAIL, params={"email": body.email, "now": now})).one()
    change = await db.merge(CredentialChange.to_email(me.id, me.session_id, body.email, now))
    token = new_token()
    db.add(Link.of(token, LinkKind.EMAIL, me.id, body.email, now))
    prove = Letter(MailKind.PROVE_EMAIL, body.email, account.locale, token)
    if taken:
        prove = Letter(MailKind.KNOWN, body.email, account.locale, None)
    for letter in (
        prove,
        Letter(MailKind.EMAIL_CHANGE, account.email, account.locale, None),
    ):
        await outbox.post(db, letter, house.mail_keys, now, me.id)
    db.add(SecurityEvent.by(me, SecurityEventKind.EMAIL_ASKED, now))
    return CredentialChangePublic.model_validate(change)


@router.post(
    "/email/confirm",
    status_code=204,
    summary="Show that the new address is mine",
    responses=documented(LinkOver),
    dependencies=[limited(MAIL_LINK)],
)
async def confirm_email(body: Opening, db: Db, now: Now) -> None:
    """With the token that came by mail, on whichever phone. It does not take effect sooner."""
    account_id, email = await links.opened(body.token, LinkKind.EMAIL, db, now, spend=True)
    proved = await db.exec(PROVE, params={"me": account_id, "to": email})
    if proved.first() is None:
        raise LinkOver
