"""The way out without the app, as a browser goes it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from unicodedata import normalize

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from api.limits import Limits
from api.policy.limits import DELETION_PASSWORD
from schemas.mail import MailKind
from tests.builders import PASSWORD, Person, Stranger, Two, in_bytes, letters_to
from tests.catalog import contents
from tests.fakes import Clock

PAGE, CONFIRM = "/delete-account", "/delete-account/confirm"
IN_A_WEEK = {"asked_at": "2026-03-02T12:00:00Z", "due_at": "2026-03-09T12:00:00Z"}
NOT_ASKED = {"asked_at": None, "due_at": None}


class Browser(AsyncClient):
    """Of somebody who has no phone at hand."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        super().__init__(
            base_url="http://api", transport=ASGITransport(app, raise_app_exceptions=False)
        )

    async def asks(self, email: str) -> Response:
        return await self.post(PAGE, data={"email": email})

    async def token(self, email: str) -> str:
        """Of the newest link."""
        letters = await letters_to(email, self.app)
        return [each.token for each in letters if each.kind is MailKind.DELETION][-1] or ""

    async def presses(self, token: str, password: str = PASSWORD) -> Response:
        return await self.post(CONFIRM, data={"token": token, "password": password})


@pytest.fixture
def browser(app: FastAPI) -> Browser:
    return Browser(app)


@pytest.fixture
def counting(app: FastAPI) -> Iterator[Browser]:
    """Where tries are counted, from nothing."""
    house = app.state.house
    app.state.house = replace(house, limits=Limits())
    yield Browser(app)
    app.state.house = house


async def address_of(person: Person) -> str:
    email: str = (await person.sees("/accounts/me"))["email"]
    return email


async def test_a_form_a_mail_and_a_password_begin_the_week(couple: Two, browser: Browser) -> None:
    sam, alex = couple
    email = await address_of(sam)

    pages = [await browser.get(PAGE), await browser.asks(email)]
    token = await browser.token(email)
    pages += [await browser.get(CONFIRM, params={"token": token}), await browser.presses(token)]

    assert [each.status_code for each in pages] == [200] * 4
    assert await sam.sees("/privacy/deletion") == IN_A_WEEK
    assert await alex.sees("/privacy/deletion") == NOT_ASKED


async def test_each_form_leads_to_the_next_page(couple: Two, browser: Browser) -> None:
    email = await address_of(couple[0])
    await browser.asks(email)
    token = await browser.token(email)

    ask = await browser.get(PAGE)
    confirm = await browser.get(CONFIRM, params={"token": token})

    assert re.findall(r'action="(.*?)"|name="(email|token)"', ask.text) == [
        *((PAGE, ""), ("", "email"))
    ]
    assert f'action="{CONFIRM}"' in confirm.text
    assert f'name="token" type="hidden" value="{token}"' in confirm.text
    assert 'name="password" type="password"' in confirm.text


WRONG = "gravel lantern tuesday badger"


@pytest.mark.parametrize(
    ("language", "note"),
    [("en", "This is not the password."), ("pt", "Esta não é a palavra-passe.")],
)
async def test_whoever_only_reads_a_mailbox_deletes_nobody(
    couple: Two, browser: Browser, language: str, note: str
) -> None:
    sam, _ = couple
    email = await address_of(sam)
    browser.headers["accept-language"] = language
    await browser.asks(email)
    token = await browser.token(email)
    asked = await browser.get(CONFIRM, params={"token": token})

    for wrong in (WRONG, "", "\0"):
        answer = await browser.presses(token, wrong)
        assert answer.status_code == 403
        assert answer.text.replace(f"<p>{note}</p>", "") == asked.text != answer.text

    assert await sam.sees("/privacy/deletion") == NOT_ASKED
    events = (await sam.sees("/security"))["events"]
    assert [(each["kind"], each["session_id"]) for each in events] == [("proof_failed", None)] * 3
    # Whose link it is may have mistyped.
    assert (await browser.presses(token)).status_code == 200
    assert await sam.sees("/privacy/deletion") == IN_A_WEEK


async def test_nobody_tries_passwords_there_for_long_nor_uses_up_the_phones_tries(
    couple: Two, counting: Browser
) -> None:
    sam, browser = couple[0], counting
    email = await address_of(sam)
    await browser.asks(email)
    token = await browser.token(email)

    tries = [
        (await browser.presses(token, WRONG)).status_code for _ in range(DELETION_PASSWORD.most)
    ]

    assert set(tries) == {403}
    assert (await browser.presses(token)).status_code == 429
    assert await sam.sees("/privacy/deletion") == NOT_ASKED
    assert (await sam.proves()).status_code == 204


async def test_the_password_is_one_however_a_phone_writes_it(browser: Browser) -> None:
    robin, email = Stranger(browser.app), "robin@example.org"
    await robin.signs_up(password=normalize("NFC", "é gravel lantern otter"))
    await browser.asks(email)

    pressed = await browser.presses(
        await browser.token(email), normalize("NFD", "é gravel lantern otter")
    )

    assert pressed.status_code == 200


async def test_every_opening_of_the_app_shows_that_it_waits_and_the_partners_does_not(
    couple: Two, browser: Browser
) -> None:
    sam, alex = couple
    email = await address_of(sam)
    before = in_bytes(await alex.get("/today"))
    assert (await sam.sees("/today"))["deletion_due_on"] is None
    await browser.asks(email)
    await browser.presses(await browser.token(email))

    assert (await sam.sees("/today"))["deletion_due_on"] == "2026-03-09"
    assert in_bytes(await alex.get("/today")) == before

    await sam.delete("/privacy/deletion")
    assert (await sam.sees("/today"))["deletion_due_on"] is None


async def test_whatever_opens_links_in_mail_deletes_nobody(
    couple: Two, browser: Browser, db: AsyncSession
) -> None:
    sam, _ = couple
    email = await address_of(sam)
    await browser.asks(email)
    token, before = await browser.token(email), await contents(db)

    for ask in (browser.get, browser.head, browser.options):
        await ask(CONFIRM, params={"token": token})

    assert await contents(db) == before
    assert (await browser.presses(token)).status_code == 200


async def test_no_answer_tells_whether_an_address_is_known(
    couple: Two, browser: Browser, db: AsyncSession
) -> None:
    known, unknown = await address_of(couple[0]), "nobody@example.org"

    answers = [await browser.asks(each) for each in (known, unknown, "no address", "")]

    assert {(each.status_code, each.content, str(each.headers)) for each in answers} == {
        (200, answers[0].content, str(answers[0].headers))
    }
    [[to_known], [to_unknown]] = [await letters_to(each, browser.app) for each in (known, unknown)]
    assert (to_known.kind, to_unknown.kind) == (MailKind.DELETION, MailKind.NOTHING_TO_DELETE)
    assert to_unknown.token is None
    rows = await contents(db)
    assert len(rows["mail"]) == len(rows["link"]) == 2


async def test_a_link_is_good_once_and_for_an_hour(
    couple: Two, browser: Browser, clock: Clock
) -> None:
    sam, alex = couple
    mine, theirs = await address_of(sam), await address_of(alex)
    await browser.asks(mine)
    await browser.asks(theirs)
    token = await browser.token(mine)
    await browser.presses(token)
    await sam.delete("/privacy/deletion")

    again = await browser.presses(token)
    clock.forward(hours=1)
    late = await browser.presses(await browser.token(theirs))
    made_up = await browser.presses("made-up")

    assert [each.status_code for each in (again, late, made_up)] == [410] * 3
    assert again.content == late.content == made_up.content
    for person in couple:
        assert await person.sees("/privacy/deletion") == NOT_ASKED


@pytest.mark.usefixtures("db")
async def test_a_token_for_something_else_deletes_nobody(browser: Browser, app: FastAPI) -> None:
    robin = Stranger(app)
    await robin.signs_up()
    await robin.post("/accounts/reset", json={"email": "robin@example.org"})
    reset = await robin.token_sent_to("robin@example.org", MailKind.RESET)

    assert (await browser.presses(reset)).status_code == 410


async def test_pressed_while_it_waits_already_it_is_not_put_off(
    couple: Two, browser: Browser, clock: Clock
) -> None:
    sam, _ = couple
    email = await address_of(sam)
    await sam.post("/privacy/deletion")
    clock.forward(days=1)
    await browser.asks(email)

    await browser.presses(await browser.token(email))

    assert await sam.sees("/privacy/deletion") == IN_A_WEEK


async def test_what_happened_is_seen_on_every_phone(couple: Two, browser: Browser) -> None:
    sam, _ = couple
    email = await address_of(sam)
    await browser.asks(email)
    await browser.presses(await browser.token(email))
    await sam.delete("/privacy/deletion")

    events = (await sam.sees("/security"))["events"]

    assert {each["kind"]: each["session_id"] is None for each in events} == {
        "deletion_asked": True,
        "deletion_stopped": False,
    }


@pytest.mark.parametrize("language", ["", "pt-PT,pt;q=0.9", "de"])
async def test_the_pages_run_nothing_are_not_kept_and_have_a_neutral_title(
    browser: Browser, language: str
) -> None:
    token = '"><script>alert(1)</script>'
    for page in (
        await browser.get(PAGE, headers={"accept-language": language}),
        await browser.get(CONFIRM, params={"token": token}, headers={"accept-language": language}),
        await browser.presses(token),
    ):
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["content-security-policy"].startswith("default-src 'none';")
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert re.search(r"<title>(Account|Conta)</title>", page.text)
        assert 'name="referrer" content="no-referrer"' in page.text
        assert not re.search(r"<script|<style|src=|http-equiv|couple|partner", page.text)


@pytest.mark.parametrize("body", [b"", b"email", b"%00=%ff&email=%ff%00", b"email=" + b"a" * 999])
async def test_whatever_is_sent_is_answered_in_the_same_words(
    browser: Browser, body: bytes
) -> None:
    said = await browser.post(PAGE, content=body)
    assert (said.status_code, said.content) == (200, (await browser.asks("")).content)
