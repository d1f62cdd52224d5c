"""The way out without the app: a form, a mail, a password. Both app stores ask for it.

The answer to an address is always the same, and what there is to say goes to its mailbox. The
link that is mailed shows a form and does nothing: mail is opened by machines as well, and by
whoever reads a mailbox that is not theirs. With the password, it begins the same week as in the
app, which every phone of that account sees and may stop.

Nothing here runs a script or is kept; whoever looks at the tabs of this browser reads "Account".
"""

from html import escape
from urllib.parse import parse_qsl

from pydantic import SecretStr, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from api import links
from api.deletion_texts import TEXTS, Page
from api.fittings import Fittings
from api.passwords import WrongPassword
from api.policy.limits import DELETION, DELETION_EMAIL, DELETION_PASSWORD, MAIL_LINK
from api.proof import become_known
from notifications import outbox
from schemas.accounts import ACCOUNT, Email, composed
from schemas.base import Locale
from schemas.database import transaction
from schemas.links import Link, LinkKind, new_token
from schemas.mail import Letter, MailKind
from schemas.privacy import begun
from schemas.security import SecurityEvent, SecurityEventKind

PATH = "/delete-account"
ADDRESS: TypeAdapter[str] = TypeAdapter(Email)
RUN_NOTHING = {
    "content-security-policy": "default-src 'none'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
}


async def ask(request: Request) -> HTMLResponse:
    """For the address."""
    label = TEXTS[Page.ASK][locale_of(request)].field
    field = f'<label>{label} <input name="email" type="email" required maxlength="254"></label>'
    return shown(Page.ASK, request, form(PATH, field, Page.ASK, request))


async def mail_it(request: Request) -> HTMLResponse:
    """The same for every address, and with as many statements for nobody's."""
    house: Fittings = request.app.state.house
    await request.state.tally.add(DELETION)
    try:
        email = ADDRESS.validate_python(await said(request, "email"))
    except ValidationError:
        return shown(Page.MAILED, request)
    heard = await request.state.tally.within(DELETION_EMAIL, email)
    now, token = house.clock(), new_token()
    async with transaction(house.engine) as db:
        known = await become_known(email, db, now)
        account_id = known.id if known else None
        db.add(Link.of(token, LinkKind.DELETION, account_id, email, now))
        letter = Letter(MailKind.NOTHING_TO_DELETE, email, locale_of(request), None)
        if known:
            letter = Letter(MailKind.DELETION, email, known.locale, token)
        await outbox.post(db, letter, house.mail_keys, now, account_id, sent=heard)
    return shown(Page.MAILED, request)


async def ask_again(request: Request) -> HTMLResponse:
    """The same form, whatever the token: to look is to do nothing."""
    return shown(Page.CONFIRM, request, confirming(request.query_params.get("token", ""), request))


def confirming(token: str, request: Request) -> str:
    label = TEXTS[Page.CONFIRM][locale_of(request)].field
    field = (
        f'<input name="token" type="hidden" value="{escape(token, quote=True)}">'
        f'<label>{label} <input name="password" type="password" required></label>'
    )
    return form(f"{PATH}/confirm", field, Page.CONFIRM, request)


async def begin(request: Request) -> HTMLResponse:
    """From here on it is as if its owner had asked for it in the app."""
    house: Fittings = request.app.state.house
    await request.state.tally.add(MAIL_LINK)
    token = await said(request, "token")
    try:
        right = await tried(SecretStr(token), request)
        await ask_with(SecretStr(token), house, right=right)
    except links.LinkOver:
        return shown(Page.OVER, request, status=links.LinkOver.status)
    if not right:
        note = f"<p>{TEXTS[Page.CONFIRM][locale_of(request)].note}</p>"
        below = note + confirming(token, request)
        return shown(Page.CONFIRM, request, below, WrongPassword.status)
    return shown(Page.BEGUN, request)


async def tried(token: SecretStr, request: Request) -> bool:
    """Is it the password of whose link this is? No transaction is open while it is tried."""
    house: Fittings = request.app.state.house
    async with transaction(house.engine) as db:
        link = await links.opened(token, LinkKind.DELETION, db, house.clock(), spend=False)
        account = (await db.exec(ACCOUNT, params={"me": link.account_id})).one_or_none()
    await request.state.tally.add(DELETION_PASSWORD, str(link.account_id))
    password = composed(SecretStr(await said(request, "password")))
    known = account.password_hash if account else None
    return await house.passwords.match(known, password.get_secret_value())


async def ask_with(token: SecretStr, house: Fittings, *, right: bool) -> None:
    """With a wrong password the link stays good, and the failure is seen on every phone."""
    now = house.clock()
    async with transaction(house.engine) as db:
        whose, _ = await links.opened(token, LinkKind.DELETION, db, now, spend=right)
        if whose and not right:
            db.add(SecurityEvent.of(whose, SecurityEventKind.PROOF_FAILED, now, None))
        elif whose and (await db.exec(begun(whose, now))).first():
            db.add(SecurityEvent.of(whose, SecurityEventKind.DELETION_ASKED, now, None))


async def said(request: Request, name: str) -> str:
    """A field of the form, as browsers send it."""
    body = (await request.body()).decode(errors="replace")
    return dict(parse_qsl(body)).get(name, "")


def locale_of(request: Request) -> Locale:
    wanted = request.headers.get("accept-language", "").lower()
    return Locale.PT if wanted.startswith("pt") else Locale.EN


def form(path: str, field: str, page: Page, request: Request) -> str:
    button = TEXTS[page][locale_of(request)].button
    return f'<form method="post" action="{path}">{field} <button>{button}</button></form>'


def shown(page: Page, request: Request, below: str = "", status: int = 200) -> HTMLResponse:
    locale = locale_of(request)
    text = TEXTS[page][locale]
    html = (
        f'<!doctype html><html lang="{locale}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="referrer"'
        f' content="no-referrer"><title>{text.title}</title><p>{text.words}</p>{below}</html>'
    )
    return HTMLResponse(html, status, RUN_NOTHING)


ROUTES = [
    Route(PATH, ask),
    Route(PATH, mail_it, methods=["POST"]),
    Route(f"{PATH}/confirm", ask_again),
    Route(f"{PATH}/confirm", begin, methods=["POST"]),
]
