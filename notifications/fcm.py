"""Firebase Cloud Messaging: our own way there.

firebase-admin builds and validates messages (`notifications/fcm_messages.py`) and holds the
credential. It does not send: its own transport is a tenth as fast, ignores Retry-After, and stands
still with the token endpoint.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any

from firebase_admin import credentials
from google.auth.transport import Response
from google.auth.transport.requests import Request

from notifications.fcm_access import ASK_AGAIN_AFTER, Access, NoAccess
from notifications.fcm_answers import Answer, judge, later, needs_new_credential
from notifications.fcm_lines import Lines
from notifications.fcm_messages import encode
from notifications.push import Outcome, Push, Refused, Sent, Unsent
from schemas.traces import span

GOOGLE = "https://fcm.googleapis.com"
PATIENCE = 10.0  # seconds for one push, with all that it takes
HEADERS = {
    "Content-Type": "application/json",
    "X-GOOG-API-FORMAT-VERSION": "2",  # errors with details, as firebase-admin asks
}

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
        Lines(url, HEADERS) as lines,
        Access(ask, now) as access,
    ):
        yield Fcm(lines, access, now, random, patience)


@dataclass(frozen=True, slots=True)
class Fcm:
    """A `Sender`."""

    lines: Lines
    access: Access
    now: Callable[[], datetime]
    random: Random
    patience: float

    async def send(self, push: Push, left: asyncio.Event) -> Outcome:
        """Try once. Whatever happens on the way is an outcome, never an exception."""
        try:
            body = encode(push, self.now())
        except ValueError as error:
            log.warning("push %s cannot be said: %s", push.id, type(error).__name__)
            return Refused()
        try:
            with span("fcm"):
                async with asyncio.timeout(self.patience):
                    answer = await self.deliver(body, left)
        except NoAccess:
            return Unsent(ASK_AGAIN_AFTER)
        except Exception as error:  # noqa: BLE001
            # Its type alone: a message may repeat the token.
            log.warning("push %s got no answer: %s", push.id, type(error).__name__)
            return later(self.random)
        outcome = judge(answer, push.target.kind, self.now(), self.random)
        level = logging.DEBUG if isinstance(outcome, Sent) else logging.WARNING
        log.log(level, "push %s: %d, %s", push.id, answer.status, type(outcome).__name__)
        return outcome

    async def deliver(self, body: bytes, left: asyncio.Event) -> Answer:
        """With a new credential at once, where the one in use is not taken; but only once."""
        token = await self.access.token()
        answer = await self.lines.post(body, token, left)
        if needs_new_credential(answer):
            self.access.spoil(token)
            answer = await self.lines.post(body, await self.access.token(), left)
        return answer


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
