"""What differs from one place to another: one frozen object, read once from the environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import SplitResult

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from api.issuers import Terms
from api.settings_issuers import read_issuers
from api.settings_keys import data_keys, read_keys
from api.settings_mail import read_mail
from api.settings_refused import SettingRefused
from notifications.pace import LEAST_PER_MINUTE, PER_MINUTE
from schemas.identities import Issuer

PER_MINUTES = re.compile(r"[0-9]{1,9}")
PORT = re.compile(r"[0-9]{1,5}")
HTTP = ("http://", "https://")
REDIS = ("redis://", "rediss://")
Port = TypeVar("Port", int, None)
CONTACTS = ("https://", "mailto:", "tel:")  # as RFC 9116 asks


@dataclass(frozen=True, slots=True)
class Settings:
    """See the table in README.md, which a test compares with `from_environment`."""

    data: Path
    database_url: URL | None
    token_keys: Mapping[str, bytes] = field(repr=False)
    data_keys: Mapping[str, bytes] = field(repr=False)
    host: str
    port: int
    fcm_credentials: Path | None
    fcm_emulator: str | None
    fcm_per_minute: int
    metrics_port: int | None
    metrics_host: str
    traces_endpoint: str | None
    security_contact: str | None
    issuers: Mapping[Issuer, Terms]
    redis_url: str | None = field(repr=False)
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    docs: bool
    smtp_url: SplitResult | None = field(repr=False)
    mail_from: str
    app_url: str
    public_url: str

    @property
    def maildir(self) -> Path:
        """Where mail goes without a mail server."""
        return self.data / "mail"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """`SettingRefused` names what does not fit. What is set to nothing is not set."""
        data = Path(environment.get("TWOFOLD_DATA") or ".data").absolute()
        port = read_port(environment, "TWOFOLD_PORT", 8000)
        return cls(
            data=data,
            database_url=read_url(environment.get("TWOFOLD_DATABASE_URL")),
            token_keys=read_keys(environment, "TWOFOLD_TOKEN_KEYS", data / "token.keys"),
            data_keys=data_keys(environment, data / "data.keys"),
            host=environment.get("TWOFOLD_HOST") or "127.0.0.1",
            port=port,
            fcm_credentials=read_file(environment, "TWOFOLD_FCM_CREDENTIALS")
            or read_file(environment, "GOOGLE_APPLICATION_CREDENTIALS"),
            fcm_emulator=read_emulator(environment.get("TWOFOLD_FCM_EMULATOR")),
            fcm_per_minute=read_pace(environment.get("TWOFOLD_FCM_PER_MINUTE")),
            metrics_port=read_port(environment, "TWOFOLD_METRICS_PORT", None),
            metrics_host=environment.get("TWOFOLD_METRICS_HOST") or "127.0.0.1",
            traces_endpoint=read_start(environment, "OTEL_EXPORTER_OTLP_ENDPOINT", HTTP),
            security_contact=read_start(environment, "TWOFOLD_SECURITY_CONTACT", CONTACTS),
            issuers=read_issuers(environment),
            redis_url=read_start(environment, "TWOFOLD_REDIS_URL", REDIS),
            trusted_proxies=read_proxies(environment.get("TWOFOLD_TRUSTED_PROXIES") or ""),
            docs=read_docs(environment),
            **read_mail(environment, f"http://127.0.0.1:{port}"),
        )


def read_url(text: str | None) -> URL | None:
    if not text:
        return None
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # `from None`, here and below: what went wrong may quote a part of the password.
        raise SettingRefused("TWOFOLD_DATABASE_URL is not a URL") from None  # noqa: EM101, TRY003
    if url.get_backend_name() not in {"postgresql", "postgres"}:
        raise SettingRefused("TWOFOLD_DATABASE_URL must be of PostgreSQL")  # noqa: EM101, TRY003
    return url.set(drivername="postgresql+psycopg")


def read_port(environment: Mapping[str, str], name: str, otherwise: Port) -> int | Port:
    if not (text := environment.get(name)):
        return otherwise
    if not PORT.fullmatch(text) or int(text) > 65535:  # noqa: PLR2004
        raise SettingRefused(f"{name} must be a number up to 65535")  # noqa: EM102, TRY003
    return int(text)


def read_start(environment: Mapping[str, str], name: str, starts: tuple[str, ...]) -> str | None:
    """A URI of one of these kinds."""
    text = environment.get(name) or None
    if text and (not text.startswith(starts) or not text.isprintable() or " " in text):
        raise SettingRefused(f"{name} must begin with {' or '.join(starts)}")  # noqa: EM102, TRY003
    return text


def read_file(environment: Mapping[str, str], name: str) -> Path | None:
    if not (text := environment.get(name)):
        return None
    if not Path(text).is_file():
        raise SettingRefused(f"{name} is not the path of a file")  # noqa: EM102, TRY003
    return Path(text)


def read_emulator(text: str | None) -> str | None:
    if text and not text.startswith(("http://", "https://")):
        raise SettingRefused("TWOFOLD_FCM_EMULATOR is not the URL of a local FCM")  # noqa: EM101, TRY003
    return text or None


def read_pace(text: str | None) -> int:
    """Messages a minute. Below the least, some people's phones would never have their turn."""
    if not text:
        return PER_MINUTE
    if not PER_MINUTES.fullmatch(text) or int(text) < LEAST_PER_MINUTE:
        raise SettingRefused(  # noqa: TRY003
            f"TWOFOLD_FCM_PER_MINUTE must be a number from {LEAST_PER_MINUTE}"  # noqa: EM102
        )
    return int(text)


def read_proxies(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses and networks. Nobody else is believed about whom they ask for."""
    try:
        return tuple(ip_network(each.strip()) for each in text.split(",") if text)
    except ValueError:
        raise SettingRefused(  # noqa: TRY003
            "TWOFOLD_TRUSTED_PROXIES must be addresses or networks, with commas"  # noqa: EM101
        ) from None


def read_docs(environment: Mapping[str, str]) -> bool:
    """On our own PostgreSQL somebody develops; with another, people may be served."""
    text = environment.get("TWOFOLD_DOCS")
    if text and text not in {"on", "off"}:
        raise SettingRefused("TWOFOLD_DOCS must be on or off")  # noqa: EM101, TRY003
    return text == "on" if text else not environment.get("TWOFOLD_DATABASE_URL")
