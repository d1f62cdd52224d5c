"""The service account of the local FCM, and what its token endpoint asks of an assertion."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from google.auth import jwt

PROJECT = "twofold-local"
EMAIL = f"emulator@{PROJECT}.iam.gserviceaccount.com"
AUDIENCE = "https://oauth2.googleapis.com/token"  # google-auth says this wherever it asks
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def service_account(base_url: str) -> dict[str, str]:
    """A service-account file, as Google would give it out, good for this process' emulators."""
    # Without a universe_domain: with a foreign one google-auth signs its tokens by itself, and
    # the token endpoint, with all that can go wrong there, is never asked.
    key = private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key": key.decode(),
        "client_email": EMAIL,
        "token_uri": f"{base_url}/token",
    }


@cache
def private_key() -> rsa.RSAPrivateKey:
    """Fresh with every process, and never written down."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def is_ours(assertion: str) -> bool:
    """Whether our service account has signed it, and lately."""
    public = private_key().public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    try:
        claims = jwt.decode(assertion, certs=pem, audience=AUDIENCE)  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, AttributeError):  # not a token, or not one of ours
        return False
    return bool(claims.get("iss") == EMAIL)
