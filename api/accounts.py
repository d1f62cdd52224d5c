"""Accounts: one person, on however many phones. Shape: mine.

Signing up with an address that is known answers exactly like signing up with one that is not,
and changes nothing. What that cannot hide without mail stands in DECISIONS.md.
"""

from fastapi import APIRouter
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from api.deps import Counted, Db, House, Me, MeWriting, Now, become, limited
from api.errors import NotSignedIn, Refusal, Underage, documented
from api.policy.limits import SIGN_UP, SIGN_UP_EMAIL
from schemas.accounts import ACCOUNT, Account, AccountPublic, AccountWrite, SignUp
from schemas.base import local_date, new_id
from schemas.data_keys import DataKey
from schemas.sealing import new_key

router = APIRouter(prefix="/accounts", tags=["accounts"])


class PasswordCommonlyUsed(Refusal):
    type = "/problems/password-commonly-used"
    status = 422
    detail = "This password is easily guessed. Four or five unrelated words make a good one."
    pointer = "#/password"


@router.post(
    "",
    status_code=202,
    summary="Sign up",
    responses=documented(Underage, PasswordCommonlyUsed),
    dependencies=[limited(SIGN_UP)],
)
async def sign_up(body: SignUp, db: Db, now: Now, house: House, counted: Counted) -> None:
    """Accepted, then sign in. The answer is the same where the address is already known."""
    await counted.add(SIGN_UP_EMAIL, body.email)
    if not body.adult(local_date(now, body.zone)):
        raise Underage
    password = body.password.get_secret_value()
    if await house.passwords.commonly_used(password, [body.email, body.display_name]):
        raise PasswordCommonlyUsed

    key = new_key()
    account = Account.of(body, await house.passwords.hash(password), new_id(now), key, now)
    await become(db, account.id)
    new = insert(Account).values(**account.model_dump()).on_conflict_do_nothing()
    if (await db.exec(new.returning(col(Account.id)))).first():
        db.add(DataKey.of(key, house.keyring, new_id(now), account.id, None))


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
