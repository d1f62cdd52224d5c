"""A layer around the application: it meets every request before a route is looked for."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Header = tuple[bytes, bytes]
Headers = Iterable[Header]


class Layer(ABC):
    """What is no request, such as the start of the process, passes untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.http(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    @abstractmethod
    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on to `self.app`."""


def with_headers(message: Message, more: Headers) -> Message:
    """The start of an answer with these, rather than others of the same names; any other part of
    it as it is.
    """
    if message["type"] != "http.response.start":
        return message
    ours = [*more]
    names = {name for name, _ in ours}
    theirs = [each for each in message["headers"] if each[0] not in names]
    return {**message, "headers": [*theirs, *ours]}
