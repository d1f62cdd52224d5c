"""HTTP/1.1, as far as FCM needs it: a message goes out, an answer comes back, the line is kept.

A client for everything takes more of a core for one push than all the rest that is done for it.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

import httptools

from notifications.fcm_answers import Answer

# Seconds that a line is kept for another message. A server that hangs up is noticed; what stands
# between us may forget a silent line without a word.
KEPT = 60.0
FINAL = 200  # what is below only says that an answer will come
LARGEST = 64 * 1024  # bytes of one answer, of which FCM needs a hundredth
PORTS = {"http": 80, "https": 443}


class Line(asyncio.Protocol):
    """One connection, with one message on its way at a time."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.answer: asyncio.Future[Answer] | None = None
        self.begin()

    def begin(self) -> None:
        self.retry_after: str | None = None
        self.body = b""
        self.size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    async def ask(self, request: bytes, left: asyncio.Event) -> Answer:
        """Whoever stops waiting hangs up: a late answer must not be taken for the next one's."""
        self.begin()
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        left.set()
        try:
            return await self.answer
        except BaseException:
            self.transport.abort()
            raise
        finally:
            self.answer = None

    def data_received(self, data: bytes) -> None:
        self.size += len(data)
        try:
            if self.size > LARGEST:
                msg = "an answer that does not end"
                raise httptools.HttpParserError(msg)  # noqa: TRY301
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.fail(error)
            self.transport.abort()

    def on_message_begin(self) -> None:
        if self.answer is None or self.answer.done():
            self.transport.abort()  # nobody has asked for this one

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after":
            self.retry_after = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        if status < FINAL:
            self.begin()
        elif self.answer and not self.answer.done():
            self.answer.set_result(Answer(status, self.retry_after, self.body))
            if not self.parser.should_keep_alive():
                self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self.fail(error or ConnectionResetError())

    def fail(self, error: Exception) -> None:
        if self.answer and not self.answer.done():
            self.answer.set_exception(error)


class Lines:
    """To one address, as many as there are messages on their way: a push must not stand in line
    here after it was judged.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        to = urlsplit(url)
        self.host, self.port = to.hostname or "", to.port or PORTS[to.scheme]
        self.tls = ssl.create_default_context() if to.scheme == "https" else None
        said = {"Host": to.netloc, **headers}
        self.head = f"POST {to.path} HTTP/1.1\r\n" + "".join(
            f"{n}: {v}\r\n" for n, v in said.items()
        )
        self.idle: list[tuple[float, Line]] = []  # since when; the last used last

    async def __aenter__(self) -> Self:
        return self

    async def post(self, body: bytes, token: str, left: asyncio.Event) -> Answer:
        """A redirect is an answer like any other: nothing is sent on to where it points."""
        if not token.isprintable():
            msg = "this is no token, and might end its line"
            raise ValueError(msg)
        head = f"{self.head}Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
        line = self.free() or await self.open()
        answer = await line.ask(head.encode() + body, left)
        self.idle.append((asyncio.get_running_loop().time(), line))
        return answer

    def free(self) -> Line | None:
        """The one used last; those that have been silent for long are given up."""
        now = asyncio.get_running_loop().time()
        while self.idle:
            since, line = self.idle.pop()
            if now - since < KEPT and not line.transport.is_closing():
                return line
            line.transport.abort()
        return None

    async def open(self) -> Line:
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(Line, self.host, self.port, ssl=self.tls)
        return line

    async def __aexit__(self, *_: object) -> None:
        for _since, line in self.idle:
            line.transport.abort()
        await asyncio.sleep(0)  # until they are gone
