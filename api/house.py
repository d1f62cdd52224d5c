"""What a process is built with, as its settings say: in production, in development, in the demo."""

import hmac
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from random import Random

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from api.counts import open_counts
from api.fittings import Fittings
from api.issuers import Trusted
from api.limits import Limits
from api.metrics import metrics
from api.passwords import Passwords
from api.settings import Settings
from notifications.emulator import local_emulator
from notifications.fcm import Fcm, open_fcm
from notifications.letters import Letterhead
from notifications.maildir import Folder
from notifications.postman import Postman
from notifications.smtp import Smtp
from schemas.database import Role
from schemas.mail import SEALED_FOR
from schemas.sealing import Keyring

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def fittings(settings: Settings, engine: AsyncEngine, clock: Clock) -> Fittings:
    """Processes that share token keys and a Redis share the counts in it."""
    key = hmac.new(next(iter(settings.token_keys.values())), b"limits", sha256).digest()
    return Fittings(
        engine,
        clock,
        settings.token_keys,
        Keyring(settings.data_keys),
        security_contact=settings.security_contact,
        issuers=Trusted.on(settings.issuers),
        limits=Limits(open_counts(settings.redis_url), key),
        docs=settings.docs,
    )


def counted(
    settings: Settings, engines: Mapping[Role, AsyncEngine], passwords: Passwords | None = None
) -> AbstractAsyncContextManager[int | None]:
    return metrics(settings.metrics_port, settings.metrics_host, engines, passwords)


def a_postman(settings: Settings) -> Postman:
    """By way of the mail server that is named, or into a folder."""
    head = Letterhead(settings.mail_from, settings.app_url, settings.public_url)
    keys = Keyring(settings.data_keys).derived(SEALED_FOR)
    if settings.smtp_url:
        carrier = Smtp(settings.smtp_url, head, ssl.create_default_context())
        return Postman(carrier, head, keys)
    log.warning("no mail server is set: mail goes to the maildir %s", settings.maildir)
    return Postman(Folder(settings.maildir), head, keys)


@asynccontextmanager
async def a_sender(settings: Settings, clock: Clock) -> AsyncIterator[tuple[Fcm, str | None]]:
    """Google with credentials; without, the emulator that is named, or one of our own."""
    random = Random()  # noqa: S311 - spreads retries, guards nothing
    async with AsyncExitStack() as stack:
        account: Path | dict[str, str]
        fcm_url: str | None = None
        if settings.fcm_credentials:
            account = settings.fcm_credentials
        else:
            fcm_url = settings.fcm_emulator
            if fcm_url is None:
                fcm_url = await stack.enter_async_context(local_emulator(clock))
            account = await emulators_account(fcm_url)
            log.warning("no FCM credentials: pushes go to the local FCM at %s", fcm_url)
        fcm = open_fcm(account, fcm_url, now=clock, random=random)
        yield await stack.enter_async_context(fcm), fcm_url


async def emulators_account(url: str) -> dict[str, str]:
    async with httpx.AsyncClient(base_url=url) as client:
        account: dict[str, str] = (await client.get("/service-account")).json()
    return account
