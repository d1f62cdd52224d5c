"""How often somebody may ask, by whom it is counted, and what is never refused for it. Pure.

Whoever shares an address with somebody, or knows their e-mail address, must not be able to use
up what they may ask. So who is signed in is counted by account and not by address; a phone that
has signed in before has a count of its own; and what protects somebody is never counted.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network


class Subject(StrEnum):
    """What a count is of."""

    ADDRESS = "address"
    ACCOUNT = "account"
    SESSION = "session"
    EMAIL = "email"
    PHONE = "phone"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Policy:
    """At most so many in so many seconds from the first on. What guards a secret is `closed`:
    while the counts cannot be read, it is refused rather than let through.
    """

    name: str
    subject: Subject
    most: int
    seconds: int
    closed: bool

    @property
    def told(self) -> str:
        """As an item of `RateLimit-Policy`."""
        return f'"{self.name}";q={self.most};w={self.seconds}'


MINUTE, QUARTER, HOUR = 60, 15 * 60, 60 * 60

ANYBODY = Policy("anybody", Subject.ADDRESS, 600, MINUTE, closed=False)
ANYBODY_PHONE = Policy("anybody-phone", Subject.PHONE, 60, MINUTE, closed=False)
SIGNED_IN = Policy("signed-in", Subject.ACCOUNT, 300, MINUTE, closed=False)

SIGN_UP = Policy("sign-up", Subject.ADDRESS, 20, HOUR, closed=True)
SIGN_UP_EMAIL = Policy("sign-up-email", Subject.EMAIL, 5, HOUR, closed=True)
SIGN_IN = Policy("sign-in", Subject.ADDRESS, 30, QUARTER, closed=True)
SIGN_IN_EMAIL = Policy("sign-in-email", Subject.EMAIL, 10, QUARTER, closed=True)
SIGN_IN_PHONE = Policy("sign-in-phone", Subject.PHONE, 10, QUARTER, closed=True)
# What is kept of each, and read again when somebody takes everything along or goes.
CONSENTS = Policy("consents", Subject.ACCOUNT, 60, HOUR, closed=False)
ONCE = Policy("once", Subject.ACCOUNT, 600, HOUR, closed=False)
EXPORT = Policy("export", Subject.ACCOUNT, 10, HOUR, closed=False)
# Nobody guesses 256 bits: these spare the database, and a phone must be able to go on.
REFRESH = Policy("refresh", Subject.ADDRESS, 300, QUARTER, closed=False)
REFRESH_PHONE = Policy("refresh-phone", Subject.PHONE, 60, QUARTER, closed=False)
# Many times what one person may, or one would learn that another at the same address types one.
CODES = Policy("codes", Subject.ADDRESS, 300, HOUR, closed=True)
CODES_ACCOUNT = Policy("codes-account", Subject.ACCOUNT, 10, HOUR, closed=True)
RESET = Policy("reset", Subject.ADDRESS, 20, HOUR, closed=True)
RESET_EMAIL = Policy("reset-email", Subject.EMAIL, 3, HOUR, closed=True)
DELETION = Policy("deletion", Subject.ADDRESS, 20, HOUR, closed=True)
DELETION_EMAIL = Policy("deletion-email", Subject.EMAIL, 3, HOUR, closed=True)
# Apart from `proof`: whoever reads a mailbox uses up no tries of the phone.
DELETION_PASSWORD = Policy("deletion-password", Subject.ACCOUNT, 5, QUARTER, closed=True)
# By session: wrong proofs on a phone that somebody took must not stop its owner on another.
PROOF = Policy("proof", Subject.SESSION, 5, QUARTER, closed=True)
PROOF_ACCOUNT = Policy("proof-account", Subject.ACCOUNT, 30, QUARTER, closed=True)
# As little: who is at home with somebody keeps them from opening no mail. The password of a
# sign-up can be guessed, with its link.
MAIL_LINK = Policy("mail-link", Subject.ADDRESS, 300, HOUR, closed=False)
MAIL_LINK_PASSWORD = Policy("mail-link-password", Subject.LINK, 10, HOUR, closed=True)
MAIL_LINK_ACCOUNT = Policy("mail-link-account", Subject.ACCOUNT, 10, HOUR, closed=True)

POLICIES = (
    *(
        ANYBODY,
        ANYBODY_PHONE,
        SIGNED_IN,
        SIGN_UP,
        SIGN_UP_EMAIL,
        SIGN_IN,
        SIGN_IN_EMAIL,
        SIGN_IN_PHONE,
    ),
    *(REFRESH, REFRESH_PHONE, CODES, CODES_ACCOUNT, RESET, RESET_EMAIL, DELETION, DELETION_EMAIL),
    *(CONSENTS, ONCE, EXPORT),
    *(DELETION_PASSWORD, PROOF, PROOF_ACCOUNT, MAIL_LINK, MAIL_LINK_PASSWORD, MAIL_LINK_ACCOUNT),
)

# Whoever leaves, takes space, says no or shuts a phone out waits for no count.
NEVER_REFUSED = {
    ("POST", "/v1/pairing/leave"),
    ("DELETE", "/v1/pairing/invitation"),
    ("PUT", "/v1/space"),
    ("DELETE", "/v1/space"),
    ("PUT", "/v1/boundaries"),
    ("DELETE", "/v1/schedules/{schedule_id}/signature"),
    ("PUT", "/v1/schedules/{schedule_id}/declined"),
    ("DELETE", "/v1/checkins/{checkin_id}/answers/released/{question}"),
    ("DELETE", "/v1/nudges/behind-the-door"),
    ("DELETE", "/v1/consents/{purpose}"),
    ("DELETE", "/v1/sessions"),
    ("DELETE", "/v1/privacy/deletion"),
    ("DELETE", "/v1/credentials/pending/{kind}"),
    ("DELETE", "/v1/sessions/{session_id}"),
    ("DELETE", "/v1/identities/{issuer}"),
    ("DELETE", "/v1/devices/{device_id}"),
}
# Not counted with everything else: refreshing and signing in are counted by phone where one is
# known, so that no neighbour keeps a phone from going on or from coming in. A proof is counted by
# session: whoever is signed in elsewhere as somebody must not keep them from ending that. Whoever
# supervises a process must hear that it lives, and that it can work.
AT_THE_ROUTE = {
    ("POST", "/v1/sessions/refresh"),
    ("POST", "/v1/sessions"),
    ("POST", "/v1/identities/{issuer}/sign-in"),
    ("POST", "/v1/sessions/current/proof"),
    ("POST", "/v1/identities/{issuer}/proof"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
}


def matching(places: set[tuple[str, str]]) -> re.Pattern[str]:
    """Of `METHOD /path`, with anything in the place of a name in braces."""
    forms = [re.sub(r"{\w+}", "[^/]+", f"{method} {path}") for method, path in sorted(places)]
    return re.compile("|".join(forms))


PROTECTS = matching(NEVER_REFUSED)
COUNTED_LATER = matching(NEVER_REFUSED | AT_THE_ROUTE)


def protects(method: str, path: str) -> bool:
    """Does somebody protect themselves with this?"""
    return PROTECTS.fullmatch(f"{method} {path}") is not None


def counted_at_once(method: str, path: str) -> bool:
    """Before a route is looked for, as nearly everything is?"""
    return COUNTED_LATER.fullmatch(f"{method} {path}") is None


def neighbourhood(host: str) -> str:
    """The address that somebody has: of IPv6 a whole /64, in which one phone has any it likes."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((int(address), 64), strict=False).network_address)
    return host
