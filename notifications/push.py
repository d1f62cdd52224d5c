"""One push to one phone, and what may come of it. Providers end here."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from schemas.base import Locale
from schemas.devices import Platform, TargetKind
from schemas.nudges import Kind


@dataclass(frozen=True, slots=True)
class Target:
    """A phone as the provider knows it, and how its owner wants to be told."""

    kind: TargetKind
    value: str = field(repr=False)
    platform: Platform
    locale: Locale
    discreet: bool


@dataclass(frozen=True, slots=True)
class Push:
    """No names and no content: the app fetches the rest after unlock."""

    id: UUID  # of the nudge, and the collapse key: a repeat replaces, it does not add
    kind: Kind
    target: Target
    ttl: timedelta  # what is left of the window; after it nothing may ring


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider has it."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The target reaches no phone any more; forget it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Never to be taken, however often it is sent. The target may be well: keep it."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now. `everybody` means that nothing at all may be sent before `after` has passed."""

    after: timedelta
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class Unsent:
    """Nothing was tried: at present nobody would listen to us, for whomever it is."""

    after: timedelta


Outcome = Sent | Gone | Refused | Retry | Unsent


class Sender(Protocol):
    """Where the network begins."""

    async def send(self, push: Push, left: asyncio.Event) -> Outcome:
        """Try once, and set `left` when it is with the network. Whatever happens on the way is an
        outcome, never an exception.
        """
