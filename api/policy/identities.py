"""Which identity token is good, and which way in may go."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from schemas.identities import Identity, Issuer, Said

# Whatever a token says of itself (Apple's say a day): it shows who holds the phone now.
GOOD_FOR = timedelta(minutes=10)
# From linking to signing in: as long as for another address, and for the same reason.
LINKED_FOR = timedelta(days=3)
CLOCKS_DIFFER_BY = timedelta(seconds=30)


def good(
    said: Said, names: Collection[str], client_ids: Collection[str], nonce: str, now: datetime
) -> bool:
    """Is it from this issuer, for an app of ours, of now, and the one that was asked for?"""
    # `azp` is the app that asked, where it asked for our server: that app is ours as well.
    ours = said.aud in client_ids and (said.azp is None or said.azp in client_ids)
    return said.iss in names and ours and said.nonce == nonce and of_now(said, now)


def of_now(said: Said, now: datetime) -> bool:
    # As numbers: a token may name a year that no calendar has.
    at, leeway = now.timestamp(), CLOCKS_DIFFER_BY.total_seconds()
    issued = at - GOOD_FOR.total_seconds() - leeway < said.iat <= at + leeway
    return issued and at < said.exp + leeway


def good_until(said: Said) -> datetime:
    """From when on nobody takes it again, so that nobody has to remember that it was used."""
    return datetime.fromtimestamp(said.iat, UTC) + GOOD_FOR + 2 * CLOCKS_DIFFER_BY


def locks_out(
    without: Issuer, identities: Iterable[Identity], on: Collection[Issuer], *, has_password: bool
) -> bool:
    """Would there be no way in left? One whose issuer is off here is none."""
    others = {each.issuer for each in identities} - {without}
    return not has_password and not others & {*on}
