"""The access token: one for all sends, asked for in a thread, and anew before it runs out."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Self

RENEW_AFTER = timedelta(minutes=50)  # Google's tokens live for an hour
ASK_AGAIN_AFTER = timedelta(seconds=10)

log = logging.getLogger(__name__)


class NoAccess(Exception):
    """There is no token to be had at present."""


class Access:
    """Asks one question at a time, however many wait for its answer."""

    def __init__(self, ask: Callable[[], str], now: Callable[[], datetime]) -> None:
        self.ask = ask  # blocks, and raises where there is no token
        self.now = now
        self.held: str | None = None
        self.ask_at = now()
        self.asking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def token(self) -> str:
        """The one in use, also while it is being renewed; without one, wait for it."""
        if self.asking is None and self.now() >= self.ask_at:
            self.asking = asyncio.create_task(self.renew())
        if self.held is None and self.asking is not None:
            await asyncio.shield(self.asking)  # others wait for it too
        if self.held is None:
            raise NoAccess
        return self.held

    def spoil(self, token: str) -> None:
        """FCM does not take this one. It may have been replaced meanwhile; then nothing is lost."""
        if token == self.held:
            self.held = None
            self.ask_at = self.now()

    async def renew(self) -> None:
        """Ask once. The old token stays where there is no new one: it is good for a while."""
        try:
            self.held = await asyncio.to_thread(self.ask)
            self.ask_at = self.now() + RENEW_AFTER
        except Exception as error:  # noqa: BLE001
            # Whatever a token endpoint may answer. Its type alone: the text may hold secrets.
            log.warning("no access token: %s", type(error).__name__)
            self.ask_at = self.now() + ASK_AGAIN_AFTER
        finally:
            self.asking = None

    async def __aexit__(self, *_: object) -> None:
        if self.asking is not None:
            self.asking.cancel()
            await asyncio.wait([self.asking])
