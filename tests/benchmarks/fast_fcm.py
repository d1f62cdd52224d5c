"""An FCM that answers fast enough to be no part of what is measured, in a process of its own.

    python -m tests.benchmarks.fast_fcm PORT [CERTIFICATE]

It looks at who asks and at what a message must have, and keeps when each was accepted, and for
whom. With a certificate it speaks TLS, and HTTP/2 with whoever offers it, as Google's does.
"""

import asyncio
import json
import secrets
import ssl
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import time
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import httptools
import uvloop
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.settings import SettingCodes

from notifications.emulator_account import PROJECT, is_ours, service_account

SEND = f"/v1/projects/{PROJECT}/messages:send".encode()
STREAMS = 100  # at once on a connection, as Google allows


class Said(NamedTuple):
    status: int
    body: bytes
    after: float = 0.0  # seconds


class FastFcm:
    """What it was asked since the round began."""

    def __init__(self, url: str) -> None:
        self.account = json.dumps(service_account(url)).encode()
        self.token = secrets.token_urlsafe(32)
        self.bearer = f"Bearer {self.token}".encode()
        self.begin(0)

    def begin(self, wait: float) -> None:
        """A new round, in which each answer takes `wait` seconds."""
        self.wait = wait
        self.accepted: list[float] = []
        self.phones: set[str] = set()
        self.greeted = 0

    def answer(self, path: bytes, bearer: bytes, body: bytes) -> Said:
        if path == SEND:
            return self.send(bearer, body)
        if path == b"/service-account":
            self.greeted += 1
            return Said(200, self.account)
        if path == b"/token":
            return self.sign_in(body)
        if path == b"/round" and body:
            self.begin(json.loads(body)["wait"])
        return Said(200, json.dumps(self.found()).encode())

    def found(self) -> dict[str, Any]:
        return {
            "greeted": self.greeted,
            "accepted": self.accepted,
            "phones": len(self.phones),
            "bearer": self.token,
        }

    def send(self, bearer: bytes, body: bytes) -> Said:
        if bearer != self.bearer:
            return Said(401, b'{"error": {"status": "UNAUTHENTICATED"}}')
        message = json.loads(body)["message"]
        target = message.get("token") or message["fid"]
        if not (message["data"]["id"] and message["android"]["ttl"] and message["apns"]["headers"]):
            return Said(400, b'{"error": {"status": "INVALID_ARGUMENT"}}')
        self.accepted.append(time())
        self.phones.add(target)
        name = f"projects/{PROJECT}/messages/{len(self.accepted)}"
        return Said(200, json.dumps({"name": name}).encode(), self.wait)

    def sign_in(self, body: bytes) -> Said:
        if not is_ours(parse_qs(body.decode())["assertion"][0]):
            return Said(400, b'{"error": "invalid_grant"}')
        granted = {"access_token": self.token, "expires_in": 3600, "token_type": "Bearer"}
        return Said(200, json.dumps(granted).encode())


def after(seconds: float, do: Callable[[], None]) -> None:
    if seconds:
        asyncio.get_running_loop().call_later(seconds, do)
    else:
        do()


class Line(asyncio.Protocol):
    """HTTP/1.1, until TLS says that it is HTTP/2."""

    def __init__(self, fcm: FastFcm) -> None:
        self.fcm = fcm
        self.parser = httptools.HttpRequestParser(self)
        self.path, self.bearer, self.body = b"", b"", b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if tls and tls.selected_alpn_protocol() == "h2":
            streams = Streams(self.fcm, transport)
            transport.set_protocol(streams)
            streams.greet()

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, path: bytes) -> None:
        self.path, self.bearer, self.body = path, b"", b""

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"authorization":
            self.bearer = value

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        said = self.fcm.answer(self.path, self.bearer, self.body)
        after(said.after, partial(self.say, said))

    def say(self, said: Said) -> None:
        head = b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self.transport.write(head % (said.status, len(said.body)) + said.body)


class Asked(NamedTuple):
    path: bytes
    bearer: bytes
    body: bytearray


class Streams(asyncio.Protocol):
    """HTTP/2."""

    def __init__(self, fcm: FastFcm, transport: asyncio.Transport) -> None:
        self.fcm, self.transport = fcm, transport
        self.http = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.asked: dict[int, Asked] = {}

    def greet(self) -> None:
        self.http.initiate_connection()
        self.http.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: STREAMS})
        self.transport.write(self.http.data_to_send())

    def data_received(self, data: bytes) -> None:
        for event in self.http.receive_data(data):
            self.take(event)
        self.transport.write(self.http.data_to_send())

    def take(self, event: object) -> None:
        match event:
            case RequestReceived(stream_id=number, headers=headers):
                named: dict[Any, Any] = dict(headers or [])
                self.asked[number] = Asked(
                    named[b":path"], named.get(b"authorization", b""), bytearray()
                )
            case DataReceived(stream_id=number, data=data, flow_controlled_length=length):
                self.asked[number].body.extend(data or b"")
                self.http.acknowledge_received_data(length, number)
            case StreamEnded(stream_id=number):
                asked = self.asked.pop(number)
                said = self.fcm.answer(asked.path, asked.bearer, bytes(asked.body))
                after(said.after, partial(self.say, number, said))

    def say(self, number: int, said: Said) -> None:
        self.http.send_headers(number, [(b":status", b"%d" % said.status)])
        self.http.send_data(number, said.body, end_stream=True)
        self.transport.write(self.http.data_to_send())


def tls(certificate: Path) -> ssl.SSLContext:
    """The key stands in the same file."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


async def serve(port: int, certificate: Path | None) -> None:
    context = tls(certificate) if certificate else None
    fcm = FastFcm(f"{'https' if context else 'http'}://127.0.0.1:{port}")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Line(fcm), "127.0.0.1", port, ssl=context)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2:] else None))
