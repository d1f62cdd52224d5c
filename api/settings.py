"""What differs from one place to another: one frozen object, read once from the environment."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sqlalchemy import URL, make_url


class SettingRefused(Exception):
    """A setting that cannot be meant as it stands; says which, and nothing of its value."""


@dataclass(frozen=True, slots=True)
class Settings:
    """See the table in README.md, which a test compares with `from_environment`."""

    data: Path
    database_url: URL | None
    token_keys: Mapping[str, bytes]
    host: str
    port: int
    fcm_credentials: Path | None
    fcm_emulator: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """`SettingRefused` names what does not fit. A folder for the data is made if need be."""
        data = Path(environment.get("TWOFOLD_DATA", ".data")).absolute()
        credentials = environment.get("TWOFOLD_FCM_CREDENTIALS") or environment.get(
            "GOOGLE_APPLICATION_CREDENTIALS"
        )
        return cls(
            data=data,
            database_url=read_url(environment.get("TWOFOLD_DATABASE_URL")),
            token_keys=read_keys(environment.get("TWOFOLD_TOKEN_KEYS") or kept_key(data)),
            host=environment.get("TWOFOLD_HOST", "127.0.0.1"),
            port=read_port(environment.get("TWOFOLD_PORT", "8000")),
            fcm_credentials=Path(credentials) if credentials else None,
            fcm_emulator=environment.get("TWOFOLD_FCM_EMULATOR") or None,
        )


def read_url(text: str | None) -> URL | None:
    if not text:
        return None
    try:
        url = make_url(text)
    except Exception as error:
        raise SettingRefused("TWOFOLD_DATABASE_URL is not a URL") from error  # noqa: EM101, TRY003
    if url.get_backend_name() != "postgresql":
        raise SettingRefused("TWOFOLD_DATABASE_URL must be of PostgreSQL")  # noqa: EM101, TRY003
    return url.set(drivername="postgresql+psycopg")


def read_keys(text: str) -> dict[str, bytes]:
    """`id:hex,id:hex`. The first signs, all of them verify: so keys are changed without a break."""
    try:
        pairs = [pair.split(":") for pair in text.split(",")]
        keys = {key_id.strip(): bytes.fromhex(key) for key_id, key in pairs}
    except ValueError as error:
        raise SettingRefused("TWOFOLD_TOKEN_KEYS must read id:hex,id:hex") from error  # noqa: EM101, TRY003
    if min(map(len, keys.values())) < 32:  # noqa: PLR2004 - the size of HMAC-SHA256's output
        raise SettingRefused("TWOFOLD_TOKEN_KEYS need 32 bytes each")  # noqa: EM101, TRY003
    return keys


def read_port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 65535:  # noqa: PLR2004
        raise SettingRefused("TWOFOLD_PORT must be a number up to 65535")  # noqa: EM101, TRY003
    return int(text)


def kept_key(data: Path) -> str:
    """Made on the first start; nobody but the owner of the folder can read it."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / "token.keys"
    try:
        # O_EXCL: of two that start at once, one makes the key and the other reads it.
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(file, "w") as new:
        new.write(f"first:{secrets.token_hex(32)}\n")
    return path.read_text().strip()
