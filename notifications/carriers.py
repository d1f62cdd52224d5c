"""One mail to one address, and what may come of it. Providers end here."""

from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Delivered:
    """Somebody else answers for it now."""


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """Never to be taken, however often it is sent."""


@dataclass(frozen=True, slots=True)
class NotNow:
    """Try again later."""


Outcome = Delivered | Undeliverable | NotNow


class Carrier(Protocol):
    """Where the network begins."""

    async def carry(self, message: EmailMessage, to: str) -> Outcome:
        """Try once. Whatever happens on the way is an outcome, never an exception."""
