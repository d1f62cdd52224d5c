"""A real mail server over real sockets, with TLS, that can be told to fail."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from warnings import catch_warnings

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "us", "p@ss/word"


@dataclass
class MailServer:
    """What arrived, and what it should do instead of taking it."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    logins: list[bool] = field(default_factory=list)
    to_mail: str | None = None  # what it answers to each command, if not yes
    to_rcpt: str | None = None
    to_data: str | None = None
    hangs_at: str | None = None
    hangs_up_at: str | None = None
    after: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0

    @property
    def said(self) -> list[str]:
        return [mail.get_content() for mail in self.mails]

    async def handle_MAIL(  # noqa: N802 - as aiosmtpd calls it
        self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.to_mail
        await self.misbehaves("MAIL", server)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return answer or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.to_rcpt
        await self.misbehaves("RCPT", server)
        if answer is None:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.to_data
        await self.misbehaves("DATA", server)
        if answer is None:
            assert isinstance(envelope.content, bytes)
            mail: Any = message_from_bytes(envelope.content, policy=default)
            self.mails.append(mail)
            self.envelopes.append((str(envelope.mail_from), [*envelope.rcpt_tos]))
        return answer or "250 OK"

    async def misbehaves(self, command: str, server: SMTP) -> None:
        if self.hangs_at == command:
            await self.after.wait()
        if self.hangs_up_at == command:
            assert server.transport
            server.transport.abort()  # type: ignore[attr-defined]

    def knows(self, *login: object) -> AuthResult:
        given = login[-1]
        assert isinstance(given, LoginPassword)
        right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        self.logins.append(right)
        return AuthResult(success=right, handled=False)

    def speaks(self, tls: ssl.SSLContext | None) -> SMTP:
        self.connections += 1
        with catch_warnings(action="ignore"):  # it cannot know that the line is encrypted already
            return SMTP(
                self,
                hostname="mail.test",
                tls_context=tls,
                require_starttls=tls is not None,
                auth_required=True,
                auth_require_tls=tls is not None,
                authenticator=self.knows,
                enable_SMTPUTF8=False,
            )


@asynccontextmanager
async def mail_server(certificate: Path, *, starttls: bool) -> AsyncIterator[MailServer]:
    """On loopback, in this loop; `starttls` or TLS from the first byte."""
    here = MailServer()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    server = await asyncio.get_running_loop().create_server(
        lambda: here.speaks(tls if starttls else None),
        "127.0.0.1",
        0,
        ssl=None if starttls else tls,
    )
    here.port = server.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        here.after.set()
        server.close()
        await asyncio.sleep(0)


def a_certificate(folder: Path) -> Path:
    """Of 127.0.0.1, by itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=36500))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "mail.pem"
    path.write_bytes(b"".join(pem(key, certificate)))
    return path


def pem(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> Iterator[bytes]:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    yield key.private_bytes(*form, serialization.NoEncryption())
    yield certificate.public_bytes(serialization.Encoding.PEM)
