"""The issuers of identities, as the environment names them."""

from collections.abc import Mapping
from types import MappingProxyType

from api.issuers import Terms, guarded
from api.settings_refused import SettingRefused
from schemas.identities import Issuer

APPLE, GOOGLE = "https://appleid.apple.com", "https://accounts.google.com"


def read_issuers(environment: Mapping[str, str]) -> Mapping[Issuer, Terms]:
    """Those that know an app of ours; the others are off."""
    apple = issuer_url(environment.get("TWOFOLD_APPLE_ISSUER") or APPLE, "TWOFOLD_APPLE_ISSUER")
    google = issuer_url(environment.get("TWOFOLD_GOOGLE_ISSUER") or GOOGLE, "TWOFOLD_GOOGLE_ISSUER")
    # Google also signs as its host alone, and says so in its documentation.
    names = frozenset({google, google.removeprefix("https://")})
    known = {
        Issuer.APPLE: Terms(
            apple, frozenset({apple}), client_ids(environment.get("TWOFOLD_APPLE_CLIENT_IDS"))
        ),
        Issuer.GOOGLE: Terms(
            google, names, client_ids(environment.get("TWOFOLD_GOOGLE_CLIENT_IDS"))
        ),
    }
    return MappingProxyType({name: each for name, each in known.items() if each.client_ids})


def issuer_url(text: str, name: str) -> str:
    if not guarded(text) or text.endswith("/") or {*"@?#"} & {*text}:
        raise SettingRefused(f"{name} must be an https URL without a slash at its end")  # noqa: EM102, TRY003
    return text


def client_ids(text: str | None) -> frozenset[str]:
    return frozenset(each.strip() for each in (text or "").split(",") if each.strip())
