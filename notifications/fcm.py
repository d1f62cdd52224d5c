"""Firebase Cloud Messaging: the only import of firebase_admin.

It builds and validates messages and holds the credential. It does not send: its own transport
is a tenth as fast, ignores Retry-After, and stands still with the token endpoint.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
from firebase_admin import credentials, messaging
from google.auth.transport import Response
from google.auth.transport.requests import Request

from notifications.fcm_access import ASK_AGAIN_AFTER, Access, NoAccess
from notifications.fcm_answers import Answer, judge, later, needs_new_credential
from notifications.push import Outcome, Push, Refused, Unsent
from notifications.texts import CHANNEL, SHOWN, TEXTS, UNSEEN, Manner, Text
from schemas.devices import Platform, TargetKind
from schemas.traces import span

GOOGLE = "https://fcm.googleapis.com"
PATIENCE = 10.0  # seconds for one push, with all that it takes
LARGEST = 4096  # bytes; FCM refuses more
LONGEST_TTL = timedelta(weeks=4)  # likewise
SECOND = timedelta(seconds=1)

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_fcm(
    service_account: Mapping[str, str] | str | Path,
    base_url: str | None,
    *,
    now: Callable[[], datetime],
    random: Random,
    patience: float = PATIENCE,
) -> AsyncIterator["Fcm"]:
    """A sender for the service account's project, open until the block is left."""
    given = dict(service_account) if isinstance(service_account, Mapping) else service_account
    certificate = credentials.Certificate(given)
    if not certificate.project_id:
        msg = "the service account names no project"
        raise ValueError(msg)
    url = f"{base_url or GOOGLE}/v1/projects/{certificate.project_id}/messages:send"
    # Half of it, so that whoever waits for a credential hears that there is none.
    ask = partial(ask_for_token, certificate, patience / 2)
    async with (
        # No limit of its own: a push must not stand in line here after it was judged.
        aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0)
        ) as session,
        Access(ask, now) as access,
    ):
        yield Fcm(url, session, access, now, random, patience)


@dataclass(frozen=True, slots=True)
class Fcm:
    """A `Sender`."""

    url: str
    session: aiohttp.ClientSession
    access: Access
    now: Callable[[], datetime]
    random: Random
    patience: float

    async def send(self, push: Push) -> Outcome:
        """Try once. Whatever happens on the way is an outcome, never an exception."""
        try:
            body = encode(push, self.now())
        except ValueError as error:
            log.warning("push %s cannot be said: %s", push.id, type(error).__name__)
            return Refused()
        try:
            with span("fcm"):
                async with asyncio.timeout(self.patience):
                    answer = await self.deliver(body)
        except NoAccess:
            return Unsent(ASK_AGAIN_AFTER)
        except Exception as error:  # noqa: BLE001
            # Its type alone: a message may repeat the token.
            log.warning("push %s got no answer: %s", push.id, type(error).__name__)
            return later(self.random)
        outcome = judge(answer, push.target.kind, self.now(), self.random)
        log.info("push %s: %d, %s", push.id, answer.status, type(outcome).__name__)
        return outcome

    async def deliver(self, body: bytes) -> Answer:
        """With a new credential at once, where the one in use is not taken; but only once."""
        token = await self.access.token()
        answer = await self.post(body, token)
        if needs_new_credential(answer):
            self.access.spoil(token)
            answer = await self.post(body, await self.access.token())
        return answer

    async def post(self, body: bytes, token: str) -> Answer:
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "X-GOOG-API-FORMAT-VERSION": "2",  # errors with details, as firebase-admin asks
        }
        posted = self.session.post(self.url, data=body, headers=headers, allow_redirects=False)
        async with posted as response:
            wait = response.headers.get("Retry-After")
            return Answer(response.status, wait, await response.read())


def encode(push: Push, now: datetime) -> bytes:
    """The body of the request. What FCM would not take in any case is a ValueError."""
    message = str(build(push, now))  # validates, and is the exact JSON
    if len(message.encode()) > LARGEST:
        msg = "a message is at most 4096 bytes"
        raise ValueError(msg)
    return f'{{"message": {message}}}'.encode()


def build(push: Push, now: datetime) -> messaging.Message:
    """A kind and an id, and, unless the phone's owner wants none, one generic line."""
    target, tag = push.target, str(push.id)
    manner = UNSEEN if target.discreet else SHOWN
    text = None if target.discreet else TEXTS[push.kind][target.locale]
    # Whole seconds, rounded down: rather gone a moment early than ringing late.
    ttl = min(push.ttl, LONGEST_TTL) // SECOND * SECOND
    message = messaging.Message(
        data={"kind": push.kind.value, "id": tag},
        notification=text and messaging.Notification(text.title, text.body),
        android=for_android(tag, ttl, manner),
        apns=for_apple(tag, now + ttl, manner),
        webpush=for_web(tag, ttl, text) if target.platform is Platform.WEB else None,
    )
    if target.kind is TargetKind.FID:
        message.fid = target.value
    else:
        message.token = target.value  # afterwards, since as an argument it warns
    return message


def for_android(tag: str, ttl: timedelta, manner: Manner) -> messaging.AndroidConfig:
    """No collapse key: FCM keeps four of them for a phone, and ours are all different."""
    shown = messaging.AndroidNotification(tag=tag, channel_id=CHANNEL, visibility="private")
    return messaging.AndroidConfig(
        priority=manner.android_priority,
        ttl=ttl,
        notification=shown if manner is SHOWN else None,
    )


def for_apple(tag: str, until: datetime, manner: Manner) -> messaging.APNSConfig:
    headers = {
        "apns-collapse-id": tag,
        "apns-push-type": manner.apns_push_type,
        "apns-priority": manner.apns_priority,
        "apns-expiration": str(int(until.timestamp())),
    }
    unseen = messaging.APNSPayload(messaging.Aps(content_available=True))
    return messaging.APNSConfig(headers=headers, payload=unseen if manner is UNSEEN else None)


def for_web(tag: str, ttl: timedelta, text: Text | None) -> messaging.WebpushConfig:
    """Browsers take the words from here, since here is the tag that makes a repeat replace."""
    shown = text and messaging.WebpushNotification(text.title, text.body, tag=tag)
    return messaging.WebpushConfig(headers={"TTL": str(ttl // SECOND)}, notification=shown)


def ask_for_token(certificate: credentials.Certificate, patience: float) -> str:
    """`get_access_token()` with a limit: by itself it waits two minutes, three times over."""
    credential = certificate.get_credential()
    credential.refresh(partial(ask_once, Request(), patience))
    return str(credential.token)


def ask_once(transport: Request, patience: float, **asked: Any) -> Response:  # noqa: ANN401
    """Anything but a token ends the question; asking again is for the next push."""
    answer: Response = transport(timeout=patience, **asked)
    if answer.status != HTTPStatus.OK:
        raise NoAccess
    return answer
