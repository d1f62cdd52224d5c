import asyncio
import os
import signal
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from mailbox import Maildir
from pathlib import Path

import httpx
import pytest
from sqlalchemy import URL, text
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from api.demo_phone import Phone
from notifications import outbox
from notifications.carriers import Delivered, NotNow, Outcome, Undeliverable
from notifications.letters import Letterhead
from notifications.maildir import Folder
from notifications.postman import AT_ONCE, BATCH, LEASE, Postman
from schemas.accounts import Account
from schemas.base import Locale
from schemas.database import transaction
from schemas.mail import SEALED_FOR, Letter, Mail, MailKind
from tests.builders import KEYRING, Two
from tests.catalog import contents
from tests.conftest import Engines
from tests.fakes import NOON, Clock

KEYS = KEYRING.derived(SEALED_FOR)
HEAD = Letterhead("Us <post@example.org>", "https://app.example.org", "https://api.example.org")
LETTER = Letter(MailKind.RESET, "robin@example.org", Locale.EN, "t0ken")


@dataclass
class Carrying:
    """The network's end: it answers what it is told to."""

    answers: list[Outcome] = field(default_factory=list)
    carried: list[EmailMessage] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def carry(self, message: EmailMessage, to: str) -> Outcome:
        assert to == message["To"]
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        self.carried.append(message)
        return self.answers.pop(0) if self.answers else Delivered()


@pytest.fixture
async def mails(db: AsyncSession) -> None:
    """None of anybody's, before."""
    await db.exec(delete(Mail))
    await db.commit()


async def posted(engines: Engines, letters: Iterable[Letter] = (LETTER,)) -> None:
    async with transaction(engines["api"]) as api:
        for letter in letters:
            await outbox.post(api, letter, KEYS, NOON)


async def waiting(db: AsyncSession) -> list[Mail]:
    db.expire_all()
    rows = list(await db.exec(select(Mail)))
    await db.commit()
    return rows


@pytest.mark.usefixtures("mails")
async def test_a_mail_that_was_posted_is_sent_once_and_gone(
    db: AsyncSession, engines: Engines
) -> None:
    await posted(engines)
    carrier = Carrying()

    for _ in range(2):
        await Postman(carrier, HEAD, KEYS).deliver(engines["worker"], NOON)

    [mail] = carrier.carried
    assert (mail["To"], mail["Subject"]) == ("robin@example.org", "Your account")
    assert "https://app.example.org/reset#t0ken" in mail.get_content()
    assert await waiting(db) == []


@pytest.mark.usefixtures("mails")
async def test_a_mail_whose_request_fails_is_never_sent(db: AsyncSession, engines: Engines) -> None:
    async def fails() -> None:
        async with transaction(engines["api"]) as api:
            await outbox.post(api, LETTER, KEYS, NOON)
            await api.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()

    assert await waiting(db) == []


@pytest.mark.usefixtures("mails")
async def test_a_dump_tells_no_address_and_no_token(db: AsyncSession, engines: Engines) -> None:
    await posted(engines)

    [row] = (await contents(db))["mail"]

    for secret in ("robin", "t0ken"):
        assert secret not in row
        assert secret.encode().hex() not in row


@pytest.mark.usefixtures("mails")
async def test_nobody_posts_in_somebody_elses_name(engines: Engines, couple: Two) -> None:
    sam, _ = couple
    with pytest.raises(Exception, match="row-level security"):
        async with transaction(engines["api"]) as api:
            await outbox.post(api, LETTER, KEYS, NOON, sam.id)


@pytest.mark.usefixtures("mails")
async def test_what_does_not_go_now_goes_later_each_time_after_a_longer_wait(
    db: AsyncSession, engines: Engines
) -> None:
    await posted(engines)
    carrier = Carrying([NotNow()] * 100)
    postman = Postman(carrier, HEAD, KEYS)

    waits, now = [], NOON
    while left := await waiting(db):
        waits.append(left[0].due_at - now)
        now = left[0].due_at
        assert await postman.deliver(engines["worker"], now - timedelta(seconds=1)) == 0
        await postman.deliver(engines["worker"], now)

    minutes = [wait.total_seconds() / 60 for wait in waits]
    assert minutes == [0, 0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert now < NOON + outbox.TRIED_FOR  # then it is given up
    assert len({mail["Message-ID"] for mail in carrier.carried}) == 1


@pytest.mark.usefixtures("mails")
async def test_what_nobody_will_ever_take_is_given_up(db: AsyncSession, engines: Engines) -> None:
    await posted(engines)

    await Postman(Carrying([Undeliverable()]), HEAD, KEYS).deliver(engines["worker"], NOON)

    assert await waiting(db) == []


@pytest.mark.usefixtures("mails")
async def test_a_mail_that_comes_too_late_is_not_sent(db: AsyncSession, engines: Engines) -> None:
    await posted(engines)
    carrier = Carrying()

    await Postman(carrier, HEAD, KEYS).deliver(engines["worker"], NOON + outbox.TRIED_FOR)

    assert (carrier.carried, await waiting(db)) == ([], [])


@pytest.mark.usefixtures("mails")
async def test_one_mail_that_fails_holds_up_no_other(db: AsyncSession, engines: Engines) -> None:
    await posted(engines, [LETTER] * (BATCH + 5))
    carrier = Carrying([NotNow(), Undeliverable(), NotNow()])
    postman = Postman(carrier, HEAD, KEYS)

    while await postman.deliver(engines["worker"], NOON):
        pass

    assert len(carrier.carried) == BATCH + 5
    assert carrier.most_at_once == AT_ONCE
    assert [mail.attempts for mail in await waiting(db)] == [1, 1]


@pytest.mark.usefixtures("mails")
async def test_without_the_right_key_a_mail_waits_for_a_worker_that_has_it(
    db: AsyncSession, engines: Engines
) -> None:
    await posted(engines)
    carrier = Carrying()

    other = KEYRING.derived("something else")
    await Postman(carrier, HEAD, other).deliver(engines["worker"], NOON)

    [left] = await waiting(db)
    assert carrier.carried == []
    await Postman(carrier, HEAD, KEYS).deliver(engines["worker"], left.due_at)
    assert len(carrier.carried) == 1


@pytest.mark.usefixtures("mails")
async def test_two_workers_share_the_mail_and_send_each_once(engines: Engines) -> None:
    await posted(engines, [LETTER] * 30)
    carrier = Carrying()
    postmen = [Postman(carrier, HEAD, KEYS) for _ in range(2)]

    for _ in range(2):
        await asyncio.gather(*(each.deliver(engines["worker"], NOON) for each in postmen))

    sent = [mail["Message-ID"] for mail in carrier.carried]
    assert len(sent) == len({*sent}) == 30


@pytest.mark.usefixtures("mails")
async def test_of_a_worker_that_dies_in_between_nothing_is_lost(
    db: AsyncSession, engines: Engines
) -> None:
    await posted(engines)

    class Killed(Carrying):
        async def carry(self, message: EmailMessage, to: str) -> Outcome:
            await super().carry(message, to)
            raise asyncio.CancelledError

    before, carrier = Killed(), Carrying()
    with pytest.raises(asyncio.CancelledError):
        await Postman(before, HEAD, KEYS).deliver(engines["worker"], NOON)

    postman = Postman(carrier, HEAD, KEYS)
    assert await postman.deliver(engines["worker"], NOON) == 0
    await postman.deliver(engines["worker"], NOON + LEASE)
    assert [each["Message-ID"] for each in carrier.carried] == [
        each["Message-ID"] for each in before.carried
    ]
    assert await waiting(db) == []


@pytest.mark.usefixtures("mails")
async def test_whoever_comes_back_after_their_lease_changes_nothing(
    db: AsyncSession, engines: Engines
) -> None:
    await posted(engines)
    postman = Postman(Carrying(), HEAD, KEYS)

    class Slow(Carrying):
        async def carry(self, message: EmailMessage, to: str) -> Outcome:
            failing = Postman(Carrying([NotNow()]), HEAD, KEYS)
            await failing.deliver(engines["worker"], NOON + LEASE)
            return await super().carry(message, to)

    await Postman(Slow(), HEAD, KEYS).deliver(engines["worker"], NOON)

    [left] = await waiting(db)
    assert left.attempts == 1
    await postman.deliver(engines["worker"], left.due_at)
    assert await waiting(db) == []


@pytest.mark.usefixtures("mails")
async def test_what_another_claim_holds_is_recorded_when_it_lets_go(
    db: AsyncSession, engines: Engines
) -> None:
    await posted(engines, [LETTER])
    carrier = Carrying()

    async with engines["owner"].connect() as another:

        class Meanwhile(Carrying):
            async def carry(self, message: EmailMessage, to: str) -> Outcome:
                await another.execute(text("select from mail for update"))
                return await carrier.carry(message, to)

        delivering = Postman(Meanwhile(), HEAD, KEYS).deliver(engines["worker"], NOON)
        waiting_for_it = asyncio.create_task(delivering)
        assert await asyncio.wait([waiting_for_it], timeout=0.5) == (set(), {waiting_for_it})
        await another.rollback()
    await waiting_for_it

    assert (len(carrier.carried), await waiting(db)) == (1, [])


@pytest.mark.usefixtures("mails")
async def test_once_told_to_stop_what_has_not_left_waits_for_another_worker(
    db: AsyncSession, engines: Engines
) -> None:
    await posted(engines, [LETTER] * BATCH)
    stop = asyncio.Event()

    class Stopping(Carrying):
        async def carry(self, message: EmailMessage, to: str) -> Outcome:
            stop.set()
            return await super().carry(message, to)

    carrier, other = Stopping(), Carrying()
    await Postman(carrier, HEAD, KEYS).deliver(engines["worker"], NOON, stop)

    assert len(carrier.carried) == 1
    left = await waiting(db)
    await Postman(other, HEAD, KEYS).deliver(engines["worker"], left[0].due_at)
    assert len(other.carried) == BATCH - 1


@pytest.mark.usefixtures("mails")
async def test_mail_goes_with_its_account(
    db: AsyncSession, engines: Engines, couple: Two, clock: Clock
) -> None:
    sam, _ = couple
    async with transaction(engines["owner"]) as owner:
        await outbox.post(owner, LETTER, KEYS, clock.now, sam.id)

    await db.exec(delete(Account).where(col(Account.id) == sam.id))
    await db.commit()

    assert await waiting(db) == []


@pytest.mark.usefixtures("mails")
async def test_without_a_mail_server_mail_lies_in_a_folder_of_its_owners_own(
    engines: Engines, tmp_path: Path
) -> None:
    await posted(engines)
    folder = tmp_path / "data" / "mail"

    await Postman(Folder(folder), HEAD, KEYS).deliver(engines["worker"], NOON)

    [mail] = Maildir(folder, create=False)
    assert mail["To"] == "robin@example.org"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_many_mails_at_once_find_one_folder(tmp_path: Path) -> None:
    folders = [Folder(tmp_path / str(number)) for number in range(50)]

    outcomes = await asyncio.gather(
        *(folder.carry(EmailMessage(), "robin@example.org") for folder in folders for _ in range(5))
    )

    assert set(outcomes) == {Delivered()}


def test_who_looks_before_the_first_mail_finds_none_and_makes_nothing(tmp_path: Path) -> None:
    mailbox = tmp_path / "mail"
    network = httpx.AsyncClient()
    phone = Phone("Robin", "UTC", "robin@example.org", network, network, mailbox)

    assert phone.take_mail() is None
    assert not mailbox.exists()
    mailbox.mkdir()
    assert phone.take_mail() is None


async def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("not a folder")

    assert await Folder(tmp_path / "mail").carry(EmailMessage(), "robin@example.org") == NotNow()


MANY = 300
ENOUGH = 60.0  # seconds


@pytest.mark.usefixtures("mails")
async def test_of_workers_that_are_killed_no_mail_is_lost_and_a_repeat_is_the_same_mail(
    db: AsyncSession, engines: Engines, database: URL, tmp_path: Path
) -> None:
    to = [f"crowd-{number}@example.org" for number in range(MANY)]
    await posted(engines, [LETTER._replace(to=each) for each in to])
    # As of the database's own time, by which these workers go.
    now = "update mail set due_at = now(), expires_at = now() + interval '1 day'"
    await db.exec(text(now))  # type: ignore[call-overload]
    await db.commit()

    for _ in range(2):
        worker = await a_worker(database, tmp_path)
        before = len(await waiting(db))
        async with asyncio.timeout(ENOUGH):
            while len(await waiting(db)) > before - 40:
                await asyncio.sleep(0.02)
        worker.send_signal(signal.SIGKILL)
        await worker.wait()
        assert await waiting(db), "it was killed too late to show anything"
        await db.exec(text("update mail set due_at = now()"))  # type: ignore[call-overload]
        await db.commit()
    worker = await a_worker(database, tmp_path)
    async with asyncio.timeout(ENOUGH):
        while await waiting(db):
            await asyncio.sleep(0.1)
    worker.send_signal(signal.SIGTERM)

    assert await worker.wait() == 0
    mails = [*Maildir(tmp_path / "mail", create=False)]
    assert {mail["To"] for mail in mails} == {*to}
    assert len({mail["Message-ID"] for mail in mails}) == MANY


async def a_worker(database: URL, data: Path) -> asyncio.subprocess.Process:
    [(name, key)] = KEYRING.keys.items()
    environment = os.environ | {
        "TWOFOLD_DATABASE_URL": database.render_as_string(hide_password=False),
        "TWOFOLD_DATA": str(data),
        "TWOFOLD_DATA_KEYS": f"{name}:{key.hex()}",
    }
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.cli", "worker"),
        env=environment,
        stderr=asyncio.subprocess.DEVNULL,
    )
