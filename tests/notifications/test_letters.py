import re
from email import message_from_bytes
from email.policy import default
from itertools import product
from uuid import UUID

import pytest

from notifications.letters import PATHS, Letterhead, written
from schemas.base import Locale, new_id
from schemas.mail import Letter, MailKind
from tests.fakes import NOON

HEAD = Letterhead("Post <post@example.org>", "https://app.example.org", "https://api.example.org")
ID = UUID("019cabd8-3800-7aaa-aaaa-aaaaaaaaaaaa")
TOKEN = "x4VhK6vuHcK3nMZy0oBqk2m1c2q8r0m5wQyR3n1pT7s"
EACH = [*product(MailKind, Locale)]


def arrived(kind: MailKind, locale: Locale, to: str = "robin@example.org") -> tuple[str, str]:
    """What the mailbox shows before it is opened, and what it says inside."""
    mail = written(Letter(kind, to, locale, TOKEN), ID, HEAD, NOON)
    read = message_from_bytes(mail.as_bytes(), policy=default)
    outside = {name: value for name, value in read.items() if not name.startswith("Content")}
    return str(outside), read.get_content().replace("\r\n", "\n")


@pytest.mark.parametrize("locale", Locale)
def test_from_outside_all_mails_look_alike(locale: Locale) -> None:
    mails = [arrived(kind, locale) for kind in MailKind]

    assert len({outside for outside, _ in mails}) == 1
    assert len({said.splitlines()[0] for _, said in mails}) == 1


@pytest.mark.parametrize(("kind", "locale"), EACH)
def test_no_mail_says_what_a_partner_should_not_read(kind: MailKind, locale: Locale) -> None:
    outside, said = arrived(kind, locale)

    words = set(re.findall(r"\w+", (outside + said).lower()))
    telling = "couple partner partners love relationship twofold casal parceiro parceira par amor"
    assert not words & {*telling.split()}
    assert "robin" not in said
    assert not re.search(r"[{}%$<>]", said)


@pytest.mark.parametrize(("kind", "locale"), EACH)
def test_a_mail_has_one_link_and_the_apps_sends_its_token_to_no_server(
    kind: MailKind, locale: Locale
) -> None:
    _, said = arrived(kind, locale)

    links = re.findall(r"\S+://\S+", said)
    # A page without a script reads nothing behind the `#`.
    own = {MailKind.DELETION: f"https://api.example.org/delete-account/confirm?token={TOKEN}"}
    own |= {kind: f"https://app.example.org/{path}#{TOKEN}" for kind, path in PATHS.items()}
    assert links == ([own[kind]] if kind in own else [])
    assert said.count(TOKEN) == len(links)


NOTHING_TO_DO = re.compile("nothing to do|não precisa de fazer nada")
IN_THE_APP = re.compile("Open the app: there you can stop|Abra a aplicação: aí pode impedir")


@pytest.mark.parametrize(("kind", "locale"), EACH)
def test_whoever_did_not_ask_is_told_where_to_stop_it_if_there_is_something_to_stop(
    kind: MailKind, locale: Locale
) -> None:
    _, said = arrived(kind, locale)

    stoppable = kind in {MailKind.RESET, MailKind.DELETION, MailKind.EMAIL_CHANGE}
    assert bool(IN_THE_APP.search(said)) == stoppable
    assert bool(NOTHING_TO_DO.search(said)) == (not stoppable)


def test_both_languages_say_something_of_their_own() -> None:
    said = [arrived(kind, locale)[1] for kind, locale in EACH]
    assert len({*said}) == len(EACH)


def test_a_mail_has_the_id_of_its_row_whenever_it_is_written() -> None:
    letter = Letter(MailKind.KNOWN, "robin@example.org", Locale.EN, None)
    first, second = written(letter, ID, HEAD, NOON), written(letter, ID, HEAD, NOON)

    assert first["Message-ID"] == second["Message-ID"] == f"<{ID}@example.org>"
    assert written(letter, new_id(NOON), HEAD, NOON)["Message-ID"] != first["Message-ID"]


@pytest.mark.parametrize("to", ["a,b@example.org", '"<kit@example.org>"@example.org', "a;b@x.org"])
def test_one_address_never_reads_as_two(to: str) -> None:
    mail = written(Letter(MailKind.KNOWN, to, Locale.EN, None), ID, HEAD, NOON)

    [address] = message_from_bytes(mail.as_bytes(), policy=default)["To"].addresses
    assert address.domain == to.rpartition("@")[2]
