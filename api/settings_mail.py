"""How mail leaves, as the environment says."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from api.settings_refused import SettingRefused

SENDER = re.compile(r"[^\s<>@]+@[^\s<>@]+|[^\r\n<>@]*<[^\s<>@]+@[^\s<>@]+>")
APP = re.compile(r"[a-z][a-z0-9+.-]*://[^\s?#]+")


def read_mail(environment: Mapping[str, str], served_at: str) -> dict[str, Any]:
    """The fields of the settings that are about mail."""
    return {
        "smtp_url": read_smtp(environment.get("TWOFOLD_SMTP_URL")),
        "mail_from": read_sender(environment),
        "app_url": read_place(environment, "TWOFOLD_APP_URL", "https://app.invalid"),
        "public_url": read_place(environment, "TWOFOLD_PUBLIC_URL", served_at),
    }


def read_smtp(text: str | None) -> SplitResult | None:
    if not text:
        return None
    try:
        url = urlsplit(text)
        fits = url.scheme in {"smtps", "smtp+starttls"} and url.hostname and url.port != 0
    except ValueError:
        fits = None
    if not fits:
        raise SettingRefused("TWOFOLD_SMTP_URL must begin smtps:// or smtp+starttls://")  # noqa: EM101, TRY003
    return url


def read_sender(environment: Mapping[str, str]) -> str:
    text = environment.get("TWOFOLD_MAIL_FROM") or ""
    if text and not SENDER.fullmatch(text):
        raise SettingRefused("TWOFOLD_MAIL_FROM must read name@example.org, or Name <…>")  # noqa: EM101, TRY003
    return text or only_without_smtp(environment, "TWOFOLD_MAIL_FROM", "post@app.invalid")


def read_place(environment: Mapping[str, str], name: str, default: str) -> str:
    """What links in mail begin with."""
    text = environment.get(name) or ""
    if text and not APP.fullmatch(text):
        raise SettingRefused(f"{name} is not a URL without query and fragment")  # noqa: EM102, TRY003
    return text.rstrip("/") or only_without_smtp(environment, name, default)


def only_without_smtp(environment: Mapping[str, str], name: str, default: str) -> str:
    """Good enough for a folder; nobody else should get a mail from nobody, that leads nowhere."""
    if environment.get("TWOFOLD_SMTP_URL"):
        raise SettingRefused(f"{name} must be set where TWOFOLD_SMTP_URL is")  # noqa: EM102, TRY003
    return default
