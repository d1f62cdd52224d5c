import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlalchemy import event
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications.chores import sweep
from schemas.accounts import Account
from schemas.base import Locale
from schemas.mail import MailKind
from tests.builders import PASSWORD, Stranger, Two, letters_to
from tests.catalog import contents
from tests.conftest import Engines
from tests.fakes import NOON, Clock

ROBIN = "robin@example.org"
JSON = {"content-type": "application/json"}


@pytest.fixture
def robin(app: FastAPI, db: AsyncSession) -> Stranger:  # noqa: ARG001 - whoever signs up leaves
    return Stranger(app)


async def accounts(db: AsyncSession, email: str = ROBIN) -> list[Account]:
    return list(await db.exec(select(Account).where(Account.email == email)))


# The address is proved first


async def test_before_the_mail_is_opened_there_is_no_account(
    robin: Stranger, db: AsyncSession
) -> None:
    wrong = await robin.signs_in("nobody@example.org")
    await robin.asks_to_sign_up()

    early = await robin.signs_in()

    assert await accounts(db) == []
    assert (early.status_code, early.content) == (wrong.status_code, wrong.content)
    token = await robin.token_sent_to(ROBIN, MailKind.PROVE_SIGN_UP)
    assert (await robin.confirms(token)).status_code == 204
    assert (await robin.signs_in()).status_code == 201


async def test_a_sign_up_waits_unreadable_for_whoever_holds_its_token(
    robin: Stranger, db: AsyncSession
) -> None:
    await robin.asks_to_sign_up(display_name="Canary")

    kept = str(await contents(db))

    for word in (ROBIN, "Canary", "argon2"):
        assert word not in kept
        assert word.encode().hex() not in kept


async def test_whoever_signs_up_with_anothers_address_waits_in_vain_for_them_to_open_the_mail(
    robin: Stranger, db: AsyncSession
) -> None:
    await robin.asks_to_sign_up(password="a password that mallory knows")
    mallorys = await robin.token_sent_to(ROBIN, MailKind.PROVE_SIGN_UP)
    await robin.asks_to_sign_up()

    answer = await robin.confirms(mallorys)

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/wrong-password")
    assert await accounts(db) == []
    token = await robin.token_sent_to(ROBIN, MailKind.PROVE_SIGN_UP)
    assert (await robin.confirms(token)).status_code == 204
    later = await robin.confirms(mallorys, "a password that mallory knows")
    assert (later.status_code, later.json()["type"]) == (410, "/problems/link-over")
    assert (await robin.signs_in()).status_code == 201


async def test_a_link_is_good_once_and_for_a_day(robin: Stranger, clock: Clock) -> None:
    await robin.asks_to_sign_up()
    token = await robin.token_sent_to(ROBIN, MailKind.PROVE_SIGN_UP)
    clock.forward(days=1)
    assert (await robin.confirms(token)).status_code == 410
    clock.to(NOON)
    wrong = [await robin.confirms(each) for each in ("nonsense", token[:-1], token + "A")]
    assert {answer.status_code for answer in wrong} == {410}

    both = await asyncio.gather(*(robin.confirms(token) for _ in range(2)))

    assert sorted(answer.status_code for answer in both) == [204, 410]
    assert (await robin.confirms(token)).status_code == 410


async def test_a_sign_up_that_nobody_confirmed_is_swept(
    robin: Stranger, db: AsyncSession, engines: Engines
) -> None:
    await robin.asks_to_sign_up()
    await sweep(engines["worker"], NOON + timedelta(hours=23))
    assert len((await contents(db))["link"]) == 1

    await sweep(engines["worker"], NOON + timedelta(days=1))

    assert (await contents(db))["link"] == []


async def test_a_known_address_is_told_that_somebody_tried_and_nothing_to_open(
    robin: Stranger, app: FastAPI
) -> None:
    await robin.signs_up(locale="pt")
    await robin.asks_to_sign_up(password="another otter on a tuesday")

    *_, told = await letters_to(ROBIN, app)

    assert told == (MailKind.KNOWN, ROBIN, Locale.PT, None)


@pytest.mark.parametrize("path", ["/accounts", "/accounts/reset"])
async def test_a_known_and_an_unknown_address_are_the_same_work_and_answer(
    robin: Stranger, engines: Engines, path: str
) -> None:
    await robin.signs_up()
    work: list[str] = []

    def asked(_: object, __: object, statement: str, *___: object) -> None:
        work.append(statement)

    async def asks(email: str) -> Response:
        if path == "/accounts":
            return await robin.asks_to_sign_up(email=email)
        return await robin.post(path, json={"email": email})

    event.listen(engines["api"].sync_engine, "before_cursor_execute", asked)
    try:
        known = await asks(ROBIN)
        of_known, work[:] = [*work], []
        unknown = await asks("kit@example.org")
    finally:
        event.remove(engines["api"].sync_engine, "before_cursor_execute", asked)

    assert of_known == work
    assert any("INSERT INTO mail" in each for each in work)
    assert known.status_code == 202
    assert (known.content, known.headers.raw) == (unknown.content, unknown.headers.raw)


async def test_whoever_signs_up_can_sign_in(robin: Stranger) -> None:
    answer = await robin.signs_up()
    assert answer.status_code == 202

    tokens = (await robin.signs_in()).json()

    me = (await robin.asks(tokens["access_token"])).json()
    assert me.pop("id")
    assert me == {
        "email": ROBIN,
        "display_name": "Robin",
        "zone": "Europe/Lisbon",
        "locale": "en",
    }


@pytest.mark.parametrize(
    ("zone", "now", "born_on", "status"),
    [
        ("UTC", "2026-03-02T12:00", "2008-03-02", 202),  # the birthday itself
        ("UTC", "2026-03-02T12:00", "2008-03-03", 422),
        ("UTC", "2026-01-01T00:00", "2007-12-31", 202),
        ("UTC", "2026-02-28T23:59", "2008-02-29", 422),  # 2026 has no 29 February
        ("UTC", "2026-03-01T00:00", "2008-02-29", 202),
        ("Pacific/Kiritimati", "2026-03-01T11:00", "2008-03-02", 202),  # it is the 2nd there
        ("Pacific/Honolulu", "2026-03-02T09:00", "2008-03-02", 422),  # still the 1st
        ("Pacific/Honolulu", "2026-03-02T10:00", "2008-03-02", 202),
        ("UTC", "2026-03-02T12:00", "2030-01-01", 422),
        ("UTC", "2026-03-02T12:00", "1920-02-29", 202),
    ],
)
async def test_only_adults_sign_up_by_the_date_where_they_are(  # noqa: PLR0913
    *, robin: Stranger, clock: Clock, zone: str, now: str, born_on: str, status: int
) -> None:
    clock.to(datetime.fromisoformat(now).replace(tzinfo=UTC))

    answer = await robin.signs_up(zone=zone, born_on=born_on)

    assert answer.status_code == status
    if status == 422:
        assert answer.json()["type"] == "/problems/underage"
        assert answer.json()["errors"][0]["pointer"] == "#/born_on"


async def test_the_birthday_is_not_kept(robin: Stranger, db: AsyncSession) -> None:
    await robin.signs_up(born_on="1990-05-17")

    (account,) = await accounts(db)

    assert set(account.model_dump()) == {
        *("id", "email", "password_hash", "created_at", "name", "zone", "locale")
    }


async def test_one_mailbox_is_one_account_however_it_is_typed(
    robin: Stranger, db: AsyncSession
) -> None:
    await robin.signs_up(email="Robin@Example.ORG")
    await robin.signs_up(email="ROBIN@example.org", password="another otter on a tuesday")

    assert len(await accounts(db)) == 1
    assert (await robin.signs_in("rObIn@eXample.org")).status_code == 201


async def test_two_who_sign_up_with_one_address_at_once_are_one_account(
    robin: Stranger, db: AsyncSession
) -> None:
    spellings = ("robin@example.org", "Robin@example.org", "ROBIN@EXAMPLE.ORG")

    answers = await asyncio.gather(*(robin.asks_to_sign_up(email=each) for each in spellings))
    assert {answer.status_code for answer in answers} == {202}
    tokens = [letter.token for letter in await letters_to(ROBIN, robin.app)]

    confirmed = await asyncio.gather(*(robin.confirms(token) for token in tokens))

    assert sorted(answer.status_code for answer in confirmed) == [204, 410, 410]
    assert len(await accounts(db)) == 1


async def test_a_known_address_answers_like_an_unknown_one_and_nothing_changes(
    robin: Stranger, db: AsyncSession
) -> None:
    unknown = await robin.signs_up()
    (before,) = await accounts(db)

    known = await robin.signs_up(
        password="another otter on a tuesday", display_name="Mallory", zone="UTC", locale="pt"
    )

    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert known.headers.raw == unknown.headers.raw
    db.expire_all()
    assert [each.model_dump() for each in await accounts(db)] == [before.model_dump()]
    assert (await robin.signs_in(password="another otter on a tuesday")).status_code == 401
    assert (await robin.signs_in()).status_code == 201


@pytest.mark.parametrize(
    ("password", "type_"),
    [
        ("kX9$mQ2!vL7@pZ", "/problems/invalid"),  # good, but of 14 characters
        ("kX9$mQ2!vL7@pZ" * 10, "/problems/invalid"),  # of 140
        ("passwordpassword", "/problems/password-commonly-used"),
        ("123456789012345", "/problems/password-commonly-used"),
        ("qwertyuiopasdfgh", "/problems/password-commonly-used"),
        ("iloveyousomuch1", "/problems/password-commonly-used"),
        ("twofoldtwofold1", "/problems/password-commonly-used"),
        ("canaryquokkazebu1", "/problems/password-commonly-used"),  # the name in the address
        ("QuokkaZebuCanary", "/problems/password-commonly-used"),  # the display name
    ],
)
async def test_a_bad_password_is_refused_and_never_repeated(
    robin: Stranger, db: AsyncSession, password: str, type_: str
) -> None:
    answer = await robin.signs_up(
        email="canaryquokkazebu@example.org", display_name="Quokka Zebu Canary", password=password
    )

    assert (answer.status_code, answer.json()["type"]) == (422, type_)
    assert answer.json()["errors"][0]["pointer"] == "#/password"
    assert password not in answer.text
    assert await accounts(db, "canaryquokkazebu@example.org") == []


@pytest.mark.parametrize("password", ["kX9$mQ2!vL7@pZ4", "kX9$mQ2!vL7@pZ4#" * 8, PASSWORD])
async def test_a_password_of_15_to_128_characters_signs_up(robin: Stranger, password: str) -> None:
    assert (await robin.signs_up(password=password)).status_code == 202
    assert (await robin.signs_in(password=password)).status_code == 201


async def test_every_character_of_a_long_password_counts(robin: Stranger) -> None:
    password = "kX9$mQ2!vL7@pZ4#" * 8
    await robin.signs_up(password=password)

    assert (await robin.signs_in(password=password[:-1] + "!")).status_code == 401


async def test_a_password_is_the_same_whichever_keyboard_composed_it(robin: Stranger) -> None:
    await robin.signs_up(password="crème brûlée à l'été")  # é as one sign

    apart = "cre\u0300me bru\u0302le\u0301e a\u0300 l'e\u0301te\u0301"

    assert (await robin.signs_in(password=apart)).status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "robin"),
        ("email", "robin@localhost"),
        ("email", "@example.org"),
        ("email", "robin smith@example.org"),
        ("email", "robin@example.org\u0000"),
        ("email", "kit@example.org,robin@example.org"),
        ("email", "<robin@example.org>"),
        ("email", "robin@example.org (kit)"),
        ("email", f"{'r' * 250}@example.org"),
        ("password", 123456789012345),
        ("password", None),
        ("display_name", "   "),
        ("display_name", "R" * 41),
        ("zone", "Lisbon"),
        ("locale", "xx"),
        ("born_on", "2008-02-30"),
        ("born_on", None),
        ("nickname", "Rob"),
    ],
)
async def test_a_form_that_does_not_fit_is_refused_by_field(
    robin: Stranger, db: AsyncSession, field: str, value: object
) -> None:
    body = {"password": PASSWORD, "email": ROBIN, field: value}

    answer = await robin.signs_up(**body)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")
    assert [each["pointer"] for each in answer.json()["errors"]] == [f"#/{field}"]
    assert PASSWORD not in answer.text
    assert await accounts(db) == []


async def test_half_a_character_in_a_password_is_refused(robin: Stranger) -> None:
    for path in ("/accounts", "/sessions"):
        form = {"email": ROBIN, "password": "gravel lantern \ud800 otter"}

        answer = await robin.post(path, content=json.dumps(form), headers=JSON)

        assert answer.status_code == 422
        assert "#/password" in [each["pointer"] for each in answer.json()["errors"]]


async def test_what_i_am_called_by_my_partner_stays_as_it_was_when_we_paired(couple: Two) -> None:
    sam, alex = couple
    mine = {"display_name": "Sammy", "zone": "America/Denver", "locale": "pt"}
    before = [await alex.get(path) for path in ("/today", "/pairing")]

    answer = await sam.put("/accounts/me", json=mine)

    assert answer.status_code == 200
    assert await sam.sees("/accounts/me") == answer.json() == answer.json() | mine
    assert (await sam.sees("/today"))["name"] == "Sammy"
    after = [await alex.get(path) for path in ("/today", "/pairing")]
    assert [each.text for each in after] == [each.text for each in before]

    await sam.leaves()
    await sam.pairs_with(alex)
    assert (await alex.sees("/pairing"))["name"] == "Sammy"


@pytest.mark.parametrize("field", ["email", "id", "password_hash", "created_at"])
async def test_nothing_else_of_an_account_is_changed_that_way(
    couple: Two, db: AsyncSession, field: str
) -> None:
    sam, _ = couple
    before = (await db.get_one(Account, sam.id)).model_dump()
    mine = {"display_name": "Sam", "zone": "Europe/Lisbon", "locale": "en"}

    answer = await sam.put("/accounts/me", json=mine | {field: str(uuid4())})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"#/{field}")
    db.expire_all()
    assert (await db.get_one(Account, sam.id)).model_dump() == before


async def test_no_answer_shows_my_address_or_my_hash_to_my_partner(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple
    account = await db.get_one(Account, sam.id)
    paths = ("/accounts/me", "/pairing", "/today", "/sessions", "/devices", "/nudges", "/consents")

    shown = "".join([(await alex.get(path)).text for path in paths])

    for secret in (str(account.email), str(account.password_hash), str(account.id)):
        assert secret not in shown
