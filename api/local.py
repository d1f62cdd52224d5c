"""The whole of Twofold in one process: API, worker and, without credentials, a local FCM.

For development and the demo. In production the API and the worker are processes of their own,
as many of each as are needed.
"""

import asyncio
import hmac
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from random import Random

import httpx
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine

import migrations
from api.app import create_app
from api.deps import Fittings
from api.issuers import Trusted
from api.limits import Limits, open_storage
from api.metrics import metrics
from api.observed import Observed
from api.passwords import Passwords
from api.settings import Settings
from api.wire import wired
from notifications import postman, worker
from notifications.emulator import local_emulator
from notifications.emulator_socket import serve
from notifications.fcm import Fcm, open_fcm
from notifications.letters import Letterhead
from notifications.maildir import Folder
from notifications.postman import Postman
from notifications.smtp import Smtp
from schemas.database import Role, open_engine, ready
from schemas.mail import SEALED_FOR
from schemas.sealing import Keyring

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where to knock."""

    api: str
    fcm: str | None  # None: pushes go to Google


@asynccontextmanager
async def everything(
    url: URL, clock: Clock, settings: Settings, port: int
) -> AsyncIterator[Addresses]:
    """All of it by one clock, on this port or a free one, until the block is left."""

    async def shared_clock() -> datetime:
        return clock()

    async with AsyncExitStack() as house:
        engines = [open_engine(url, role) for role in Role]
        for engine in engines:
            house.push_async_callback(engine.dispose)
        api, workers = engines
        for engine in engines:
            await ready(engine, migrations.head())
        sender, fcm = await house.enter_async_context(a_sender(settings, clock))
        await house.enter_async_context(working(workers, sender, settings, shared_clock))
        fitted = fittings(settings, api, clock)
        by_role = dict(zip(Role, engines, strict=True))
        await house.enter_async_context(counted(settings, by_role, fitted.passwords))
        serving = serve(Observed(create_app(fitted)), port, settings.host, **wired(settings))
        address = await house.enter_async_context(serving)
        yield Addresses(address, fcm)


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
        limits=Limits(open_storage(settings.redis_url), key),
        docs=settings.docs,
    )


def counted(
    settings: Settings, engines: Mapping[Role, AsyncEngine], passwords: Passwords | None = None
) -> AbstractAsyncContextManager[int | None]:
    return metrics(settings.metrics_port, settings.metrics_host, engines, passwords)


@asynccontextmanager
async def working(
    engine: AsyncEngine,
    sender: Fcm,
    settings: Settings,
    clock: Callable[[], Awaitable[datetime]],
) -> AsyncIterator[None]:
    """A worker that finishes what it has begun when the block is left."""
    stop = asyncio.Event()
    both = asyncio.gather(
        worker.work(engine, sender, clock, stop, settings.fcm_per_minute),
        postman.work(engine, a_postman(settings), clock, stop),
    )
    try:
        yield
    finally:
        stop.set()
        await both


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
