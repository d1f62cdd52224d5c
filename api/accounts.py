"""Accounts: one person, on however many phones. Shape: mine.

An account begins with a proof that its address is its owner's, and no answer tells whether an
address is known: signing up and asking for a reset are accepted in the same words and with the
same statements, and what there is to say goes to the mailbox. Whoever reads along there learns
that somebody asked, and no more: to end a sign-up takes the password as well, and a reset is seen
by whoever is signed in, who may stop it.
"""

from typing import Annotated

from fastapi import Depends
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from api import links, passwords
from api.areas import area
from api.deps import Counted, Db, House, Me, MeWriting, Now, become, limited
from api.errors import NotSignedIn, Underage, documented
from api.links import LinkOver
from api.passwords import PasswordCommonlyUsed, WrongPassword
from api.policy import credentials as policy
from api.policy.limits import (
    MAIL_LINK,
    MAIL_LINK_PASSWORD,
    RESET,
    RESET_EMAIL,
    SIGN_UP,
    SIGN_UP_EMAIL,
)
from api.proof import become_known
from notifications import outbox
from schemas.accounts import (
    ACCOUNT,
    NOBODY,
    Account,
    AccountPublic,
    AccountWrite,
    Applicant,
    SignUp,
)
from schemas.base import Locale, local_date, new_id
from schemas.credentials import ASKED_ON_A_PHONE, CredentialChange, Reset, ResetConfirm, ResetPublic
from schemas.data_keys import DataKey
from schemas.database import transaction
from schemas.links import Confirmation, Link, LinkKind, hash_of, new_token
from schemas.mail import Letter, MailKind
from schemas.sealing import new_key
from schemas.security import ENDED_LATELY, NOTE, SecurityEvent, SecurityEventKind
from schemas.sessions import SESSIONS

router = area("/accounts")


@router.post(
    "",
    status_code=202,
    summary="Sign up",
    responses=documented(Underage, PasswordCommonlyUsed),
    dependencies=[limited(SIGN_UP)],
)
async def sign_up(body: SignUp, db: Db, now: Now, house: House, counted: Counted) -> None:
    """Accepted: a mail is on its way, with a link that is good for a day, or, where the address is
    known, without. Until the link is opened there is no account.
    """
    heard = await counted.within(SIGN_UP_EMAIL, body.email)
    if not body.adult(local_date(now, body.zone)):
        raise Underage
    about_them = [body.email, body.display_name]
    password_hash = await passwords.chosen(house.passwords, body.password, about_them)

    known, token = await become_known(body.email, db, now), new_token()
    waiting = Applicant.of(body, password_hash).model_dump_json()
    db.add(Link.of(token, LinkKind.SIGN_UP, None, waiting, now))
    letter = Letter(MailKind.PROVE_SIGN_UP, body.email, body.locale, token)
    if known:
        letter = Letter(MailKind.KNOWN, body.email, known.locale, None)
    whose = known.id if known else None
    await outbox.post(db, letter, house.mail_keys, now, whose, sent=heard)


async def applicant(body: Confirmation, now: Now, house: House, counted: Counted) -> Applicant:
    """Whoever signed up, and it takes their password: else somebody could sign up with another's
    address, and wait for its owner to open the mail. No transaction is open while it is tried.
    """
    async with transaction(house.engine) as db:
        link = await links.opened(body.token, LinkKind.SIGN_UP, db, now, spend=False)
    await counted.add(MAIL_LINK_PASSWORD, hash_of(body.token.get_secret_value()).hex())
    waiting = Applicant.model_validate_json(link.about)
    if not await house.passwords.match(waiting.password_hash, body.password.get_secret_value()):
        raise WrongPassword
    return waiting


@router.post(
    "/confirm",
    status_code=204,
    summary="Show that the address is mine",
    responses=documented(LinkOver, WrongPassword),
    dependencies=[limited(MAIL_LINK)],
)
async def confirm(
    body: Confirmation,
    waiting: Annotated[Applicant, Depends(applicant)],
    db: Db,
    now: Now,
    house: House,
) -> None:
    """With the token that came by mail and the password that was chosen: now there is an account,
    then sign in.
    """
    await links.opened(body.token, LinkKind.SIGN_UP, db, now, spend=True)
    await become_known(waiting.email, db, now)
    key = new_key()
    account = Account.of(waiting, new_id(now), key, now)
    await become(db, account.id)
    new = insert(Account).values(**account.model_dump()).on_conflict_do_nothing()
    if (await db.exec(new.returning(col(Account.id)))).first() is None:
        raise LinkOver  # the address has become somebody's since
    db.add(DataKey.of(key, house.keyring, new_id(now), account.id, None))


@router.post(
    "/reset",
    status_code=202,
    summary="Ask for a new password",
    dependencies=[limited(RESET)],
)
async def ask_for_reset(body: Reset, db: Db, now: Now, house: House, counted: Counted) -> None:
    """Accepted: a mail is on its way, with a link that is good for an hour, or, where the address
    is not known, without.
    """
    heard = await counted.within(RESET_EMAIL, body.email)
    known, token = await become_known(body.email, db, now), new_token()
    db.add(Link.of(token, LinkKind.RESET, known.id if known else None, body.email, now))
    letter = Letter(MailKind.UNKNOWN, body.email, Locale.EN, None)
    if known:
        letter = Letter(MailKind.RESET, body.email, known.locale, token)
    whose = known.id if known else None
    await outbox.post(db, letter, house.mail_keys, now, whose, sent=heard)
    note = {"event": new_id(now), "happened": SecurityEventKind.RESET_ASKED, "now": now}
    await db.exec(NOTE, params=note | {"me": (heard and whose) or NOBODY})


async def new_password(body: ResetConfirm, now: Now, house: House) -> str:
    """Its hash. No transaction is open while it is made."""
    async with transaction(house.engine) as db:
        link = await links.opened(body.token, LinkKind.RESET, db, now, spend=False)
    return await passwords.chosen(house.passwords, body.password, [link.about])


@router.post(
    "/reset/confirm",
    summary="Choose a new password",
    responses=documented(LinkOver, PasswordCommonlyUsed),
    dependencies=[limited(MAIL_LINK)],
)
async def reset(
    body: ResetConfirm, password_hash: Annotated[str, Depends(new_password)], db: Db, now: Now
) -> ResetPublic:
    """With the token that came by mail. It is good at once, if nobody was signed in within the last
    day; else a day later, since whoever is signed in sees it and may stop it. Then every session
    ends. What a phone that is signed in has asked for stays, and the answer is the same.
    """
    account_id, _ = await links.opened(body.token, LinkKind.RESET, db, now, spend=True)
    if account_id is None:
        raise LinkOver
    change = CredentialChange.to_password(account_id, None, password_hash, now)
    sessions = (await db.exec(SESSIONS, params={"me": account_id})).all()
    lately = {"me": account_id, "since": now - policy.LATELY}
    ended = (await db.exec(ENDED_LATELY, params=lately)).first()
    if policy.nobody_is_there(sessions, now, ended_lately=ended is not None):
        change.takes_effect_at = now
    if (await db.exec(ASKED_ON_A_PHONE, params={"me": account_id})).first() is None:
        await db.merge(change)
    db.add(SecurityEvent.of(account_id, SecurityEventKind.PASSWORD_ASKED, now, None))
    return ResetPublic(takes_effect_at=change.takes_effect_at)


@router.get("/me", summary="Read my account", responses=documented(NotSignedIn))
async def read_account(me: Me, db: Db) -> AccountPublic:
    """What I am called, where I am, what I read. Nobody else can read it."""
    account = (await db.exec(ACCOUNT, params=me.scope)).one()
    return account.public(me.key)


@router.put("/me", summary="Change my account", responses=documented(NotSignedIn))
async def change_account(body: AccountWrite, me: MeWriting, db: Db) -> AccountPublic:
    """What my partner sees stays as it is. Schedules keep the zone they were made with."""
    account = (await db.exec(ACCOUNT, params=me.scope)).one()
    account.change(body, me.key)
    return account.public(me.key)
