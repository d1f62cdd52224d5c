"""One of the two phones of the demo: an app that knows Twofold only through HTTP and the pushes."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from mailbox import Maildir, NoSuchMailboxError
from pathlib import Path
from typing import Any

import httpx

PASSWORD = "seven quiet lanterns on the river"  # noqa: S105 - of made-up people, to sign in with
SOON = 15.0  # seconds within which a push must have arrived

Answer = dict[str, Any]


class Unexpected(Exception):
    """Something that the story did not foresee, in words for whoever runs it."""


@dataclass
class Phone:
    """Somebody's phone: signed in, with a push target at the local FCM."""

    name: str
    zone: str
    email: str
    twofold: httpx.AsyncClient
    fcm: httpx.AsyncClient
    mailbox: Path
    tokens: Answer = field(default_factory=dict)
    seen_pushes: int = 0

    @property
    def target(self) -> str:
        return f"fid-{self.email}"

    async def sign_up(self) -> None:
        me = {"display_name": self.name, "zone": self.zone, "locale": "en"}
        proof = {"email": self.email, "password": PASSWORD, "born_on": "1990-05-04"}
        await self.call("POST", "/accounts", me | proof)
        confirmation = {"token": await self.mailed_token(), "password": PASSWORD}
        await self.call("POST", "/accounts/confirm", confirmation)
        self.tokens = await self.call(
            "POST", "/sessions", {"email": self.email, "password": PASSWORD}
        )
        device = {"target_kind": "fid", "platform": "android", "locale": "en", "discreet": False}
        await self.call("PUT", "/devices/current", device | {"target": self.target})

    async def mailed_token(self) -> str:
        """What stands behind the `#` of the link that came by mail."""
        token = None
        try:
            async with asyncio.timeout(SOON):
                while token is None:
                    await asyncio.sleep(0.05)
                    token = await asyncio.to_thread(self.take_mail)
        except TimeoutError:
            msg = f"no mail to {self.email} arrived in {self.mailbox}"
            raise Unexpected(msg) from None
        return token

    def take_mail(self) -> str | None:
        # No mail has come to anybody yet, or another phone takes its own this very moment.
        with suppress(NoSuchMailboxError, FileNotFoundError):
            letters = Maildir(self.mailbox, create=False)
            for key, mail in letters.items():
                if mail["To"] == self.email:
                    letters.discard(key)
                    return str(mail.get_payload()).partition("#")[2].split()[0]
        return None

    async def call(self, method: str, path: str, body: object = None, status: int = 2) -> Any:  # noqa: ANN401
        """The answer, which must be of this class or status; with a new token where one ran out."""
        answer = await self.send(method, path, body)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self.tokens:
            old = {"refresh_token": self.tokens["refresh_token"]}
            renewed = await self.send("POST", "/sessions/refresh", old)
            self.tokens = renewed.raise_for_status().json()
            answer = await self.send(method, path, body)
        if status not in {answer.status_code, answer.status_code // 100}:
            msg = f"{self.name}: {method} {path} answered {answer.status_code}: {answer.text[:300]}"
            raise Unexpected(msg)
        return answer.json() if answer.content else None

    async def send(self, method: str, path: str, body: object) -> httpx.Response:
        """Where Twofold is busy, once more after as long as it says."""
        bearer = {"Authorization": f"Bearer {self.tokens['access_token']}"} if self.tokens else {}
        while True:
            answer = await self.twofold.request(method, f"/v1{path}", json=body, headers=bearer)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answer
            await asyncio.sleep(float(answer.headers["Retry-After"]))

    async def get(self, path: str) -> Any:  # noqa: ANN401
        return await self.call("GET", path)

    async def new_pushes(self) -> list[str]:
        """The kinds of what has arrived since this was last asked."""
        phone = (await self.fcm.get(f"/phones/{self.target}")).json()
        kinds = [arrival["message"]["data"]["kind"] for arrival in phone["log"]]
        new, self.seen_pushes = kinds[self.seen_pushes :], len(kinds)
        return new

    async def waits_for(self, *kinds: str) -> list[str]:
        """These pushes, and in this order no others, arrive shortly."""
        arrived: list[str] = []
        try:
            async with asyncio.timeout(SOON):
                while len(arrived) < len(kinds):
                    arrived += await self.new_pushes()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        if arrived != [*kinds]:
            msg = f"{self.name}'s phone got {arrived or 'no push'}, and not {[*kinds]}"
            raise Unexpected(msg)
        return arrived
