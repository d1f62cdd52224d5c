import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from notifications.carriers import Delivered, NotNow, Outcome, Undeliverable
from notifications.letters import Letterhead, written
from notifications.smtp import Smtp
from schemas.base import Locale, new_id
from schemas.mail import Letter, MailKind
from tests.fakes import NOON
from tests.notifications.local_smtp import (
    PASSWORD,
    USER,
    MailServer,
    a_certificate,
    mail_server,
)

ROBIN = "robin@example.org"
HEAD = Letterhead("Us <post@example.org>", "https://app.example.org", "https://api.example.org")
LETTER = Letter(MailKind.RESET, ROBIN, Locale.PT, "t0ken")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["smtps", "smtp+starttls"])
async def server(
    request: pytest.FixtureRequest, certificate: Path
) -> AsyncIterator[tuple[str, MailServer]]:
    async with mail_server(certificate, starttls=request.param != "smtps") as server:
        yield request.param, server


Mailing = Callable[..., Smtp]


@pytest.fixture
def mailing(server: tuple[str, MailServer], certificate: Path) -> Mailing:
    scheme, at = server
    tls = ssl.create_default_context(cafile=certificate)

    def smtp(password: str = PASSWORD, port: int = 0, trust: ssl.SSLContext = tls) -> Smtp:
        login = f"{USER}:{quote(password, safe='')}"
        url = f"{scheme}://{login}@127.0.0.1:{port or at.port}"
        return Smtp(urlsplit(url), HEAD, trust, stalled=0.3)

    return smtp


@pytest.fixture
def there(server: tuple[str, MailServer]) -> MailServer:
    return server[1]


async def carried(smtp: Smtp, to: str = ROBIN) -> Outcome:
    message = written(LETTER._replace(to=to), new_id(NOON), HEAD, NOON)
    return await smtp.carry(message, to)


async def test_a_mail_arrives_as_it_was_written(mailing: Mailing, there: MailServer) -> None:
    assert await carried(mailing()) == Delivered()

    [mail] = there.mails
    assert there.envelopes == [("post@example.org", [ROBIN])]
    assert (mail["From"], mail["To"]) == ("Us <post@example.org>", ROBIN)
    assert (mail["Subject"], mail["Auto-Submitted"]) == ("A sua conta", "auto-generated")
    assert mail.get_content_type() == "text/plain"
    [said] = there.said
    assert "Isto é sobre a sua conta." in said
    assert "\nhttps://app.example.org/reset#t0ken\n" in said.replace("\r\n", "\n")
    assert there.logins == [True]


@pytest.mark.parametrize(
    ("command", "answer", "outcome"),
    [
        ("to_rcpt", "550 5.1.1 robin@example.org? never heard", Undeliverable()),
        ("to_rcpt", "450 4.2.1 greylisted, robin@example.org", NotNow()),
        ("to_data", "554 5.7.1 not with us", Undeliverable()),
        ("to_data", "452 4.3.1 full", NotNow()),
        # Our sender is wrong, and the mail is well.
        ("to_mail", "550 5.7.1 who are you?", NotNow()),
        ("to_mail", "421 4.3.2 going down", NotNow()),
    ],
)
async def test_what_the_server_refuses_for_good_is_given_up_and_the_rest_is_not(  # noqa: PLR0913
    *,
    mailing: Mailing,
    there: MailServer,
    caplog: pytest.LogCaptureFixture,
    command: str,
    answer: str,
    outcome: Outcome,
) -> None:
    caplog.set_level(logging.DEBUG, logger="notifications")
    setattr(there, command, answer)

    assert await carried(mailing()) == outcome
    assert there.mails == []
    assert answer[:3] in caplog.text
    assert "robin" not in caplog.text


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
async def test_a_server_that_hangs_up_is_tried_again(
    mailing: Mailing, there: MailServer, command: str
) -> None:
    there.hangs_up_at = command

    assert await carried(mailing()) == NotNow()


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
async def test_a_server_that_stalls_holds_up_nobody_else(
    mailing: Mailing, there: MailServer, command: str
) -> None:
    there.hangs_at = command
    waiting = asyncio.create_task(carried(mailing()))
    turns = 0
    while not waiting.done():
        await asyncio.sleep(0)
        turns += 1

    assert waiting.result() == NotNow()
    assert turns > 100


async def test_what_was_taken_is_delivered_whatever_becomes_of_the_goodbye(
    mailing: Mailing, there: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        await there.after.wait()

    monkeypatch.setattr(MailServer, "handle_QUIT", never, raising=False)

    assert await carried(mailing()) == Delivered()


async def test_where_there_is_no_server_it_is_tried_again(mailing: Mailing) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    assert await carried(mailing(port=port)) == NotNow()


async def test_a_server_that_says_nothing_at_all_is_tried_again(mailing: Mailing) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert await carried(mailing(port=silent.getsockname()[1])) == NotNow()


async def test_a_server_that_somebody_else_plays_hears_nothing(
    mailing: Mailing, there: MailServer
) -> None:
    nobody_we_trust = ssl.create_default_context()

    assert await carried(mailing(trust=nobody_we_trust)) == NotNow()
    assert (there.mails, there.logins) == ([], [])


async def test_a_wrong_password_is_not_the_mails_fault(mailing: Mailing, there: MailServer) -> None:
    assert await carried(mailing(password="wr0ng")) == NotNow()
    assert there.logins[0] is False


async def test_an_address_that_this_server_cannot_write_is_given_up(
    mailing: Mailing, there: MailServer
) -> None:
    assert await carried(mailing(), "josé@example.org") == Undeliverable()
    assert there.mails == []


async def test_nothing_leaves_over_a_line_that_anybody_can_read(
    certificate: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # It speaks SMTP, and has no TLS to offer.
    plain = MailServer()
    server = await asyncio.get_running_loop().create_server(
        lambda: plain.speaks(None), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    url = urlsplit(f"smtp+starttls://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}")
    smtp = Smtp(url, HEAD, ssl.create_default_context(cafile=certificate), stalled=0.3)

    assert await carried(smtp) == NotNow()
    server.close()
    assert (plain.mails, plain.logins) == ([], [])
    assert PASSWORD not in caplog.text
