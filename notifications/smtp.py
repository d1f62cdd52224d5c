"""The mail server: TLS always, since a mail carries what opens an account.

What goes wrong before the server has heard of this mail (it is away, stalls, does not know our
password or our sender) is not this mail's fault, and is tried again; so is whatever it calls
temporary. What it refuses for good is given up.
"""

import asyncio
import logging
import ssl
from email.message import EmailMessage
from urllib.parse import SplitResult, unquote

import aiosmtplib
from aiosmtplib import errors

from notifications.carriers import Delivered, NotNow, Outcome, Undeliverable
from notifications.letters import Letterhead

PORTS = {"smtps": 465, "smtp+starttls": 587}
STALLED = 10.0  # seconds for one command
LONGEST = 20.0  # for all of them: a worker that is told to stop has 25
FOR_GOOD = 500

log = logging.getLogger(__name__)


class Smtp:
    """A connection for each mail: there are few, and none waits behind one that stalls."""

    def __init__(
        self, url: SplitResult, head: Letterhead, tls: ssl.SSLContext, stalled: float = STALLED
    ) -> None:
        self.url, self.head, self.tls, self.stalled = url, head, tls, stalled

    async def carry(self, message: EmailMessage, to: str) -> Outcome:
        outcome: Outcome = NotNow()
        try:
            # Said once the server has taken it, whatever becomes of the goodbye.
            async with asyncio.timeout(LONGEST), self.client() as client:
                outcome = await self.hand_over(client, message, to)
        except (OSError, errors.SMTPException) as error:
            log.warning("mail: %s", said(error))
        return outcome

    def client(self) -> aiosmtplib.SMTP:
        url = self.url
        return aiosmtplib.SMTP(
            hostname=url.hostname,
            port=url.port or PORTS[url.scheme],
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            local_hostname=self.head.domain,  # else it asks the name server, and all stand still
            timeout=self.stalled,
            use_tls=url.scheme == "smtps",
            start_tls=url.scheme == "smtp+starttls",
            tls_context=self.tls,
        )

    async def hand_over(self, client: aiosmtplib.SMTP, message: EmailMessage, to: str) -> Outcome:
        try:
            await client.send_message(message, sender=self.head.address, recipients=[to])
        except errors.SMTPRecipientsRefused as refused:
            return refused_with(refused.recipients[0])
        except errors.SMTPDataError as refused:
            return refused_with(refused)
        except (errors.SMTPNotSupported, UnicodeError) as error:
            log.warning("mail: %s", said(error))  # such an address, with this server
            return Undeliverable()
        return Delivered()


def refused_with(error: errors.SMTPResponseException) -> Outcome:
    log.warning("mail: %s", said(error))
    return Undeliverable() if error.code >= FOR_GOOD else NotNow()


def said(error: Exception) -> str:
    """Without the server's words, which may repeat the address."""
    return f"{type(error).__name__} {getattr(error, 'code', '')}".strip()
