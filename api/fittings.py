"""What the application was built with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from api.crowd import Crowd
from api.issuers import Trusted
from api.limits import Limits
from api.passwords import Passwords
from schemas.identities import Issuer
from schemas.mail import SEALED_FOR
from schemas.sealing import Keyring


@dataclass(frozen=True, slots=True)
class Fittings:
    """What the application was built with."""

    engine: AsyncEngine
    clock: Callable[[], datetime]
    token_keys: Mapping[str, bytes]
    keyring: Keyring
    passwords: Passwords = field(default_factory=Passwords)
    security_contact: str | None = None
    issuers: Mapping[Issuer, Trusted] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    crowd: Crowd = field(default_factory=Crowd)
    docs: bool = False  # are /docs and the like open?

    @property
    def mail_keys(self) -> Keyring:
        """With which mail is sealed until it is sent."""
        return self.keyring.derived(SEALED_FOR)
