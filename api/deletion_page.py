"""The way out without the app: a form, a mail, a button. Both app stores ask for it.

The answer to an address is always the same, and what there is to say goes to its mailbox. The
link that is mailed shows a button and does nothing: mail is opened by machines as well. Pressed,
it begins the same week as in the app, which every phone of that account sees and may stop.

Nothing here runs a script or is kept; whoever looks at the tabs of this browser reads "Account".
"""

from html import escape
from urllib.parse import parse_qsl

from pydantic import SecretStr, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from api import links
from api.accounts import become_known
from api.deletion_texts import TEXTS, Page
from api.deps import Fittings
from api.policy.limits import DELETION, DELETION_EMAIL, MAIL_LINK
from notifications import outbox
from schemas.accounts import Email
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
    """A button, whatever the token: to look is to do nothing."""
    token = escape(request.query_params.get("token", ""), quote=True)
    field = f'<input name="token" type="hidden" value="{token}">'
    return shown(Page.CONFIRM, request, form(f"{PATH}/confirm", field, Page.CONFIRM, request))


async def begin(request: Request) -> HTMLResponse:
    """From here on it is as if its owner had asked for it in the app."""
    house: Fittings = request.app.state.house
    await request.state.tally.add(MAIL_LINK)
    try:
        await ask_with(SecretStr(await said(request, "token")), house)
    except links.LinkOver:
        return shown(Page.OVER, request, status=links.LinkOver.status)
    return shown(Page.BEGUN, request)


async def ask_with(token: SecretStr, house: Fittings) -> None:
    now = house.clock()
    async with transaction(house.engine) as db:
        link = await links.opened(token, LinkKind.DELETION, db, now, spend=True)
        if link.account_id and (await db.exec(begun(link.account_id, now))).first():
            asked = SecurityEventKind.DELETION_ASKED
            db.add(SecurityEvent.of(link.account_id, asked, now, None))


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
