"""The keys that sign and seal, as the environment says; without, they are made once."""

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkstemp
from types import MappingProxyType

from api.settings_refused import SettingRefused
from schemas.sealing import KEY as KEY_LENGTH

KEY = re.compile(r"(?P<id>[\w.-]+):(?P<key>(?:[0-9a-fA-F]{2}){32,})", re.ASCII)


def data_keys(environment: Mapping[str, str], kept: Path) -> Mapping[str, bytes]:
    """Of exactly 32 bytes each, as AES-256 wants them."""
    keys = read_keys(environment, "TWOFOLD_DATA_KEYS", kept)
    if any(len(key) != KEY_LENGTH for key in keys.values()):
        raise SettingRefused("TWOFOLD_DATA_KEYS must have 32 bytes each")  # noqa: EM101, TRY003
    return keys


def read_keys(environment: Mapping[str, str], name: str, kept: Path) -> Mapping[str, bytes]:
    """Those that are set, or else those of this file, which is made on the first start."""
    text = environment.get(name)
    return keys_in(text, name) if text else kept_keys(kept)


def keys_in(text: str, name: str) -> Mapping[str, bytes]:
    """`id:hex,id:hex`. The first signs, all of them verify: so keys are changed without a break."""
    pairs = text.strip().split(",")
    found = [match for pair in pairs if (match := KEY.fullmatch(pair.strip()))]
    keys = {match["id"]: bytes.fromhex(match["key"]) for match in found}
    if len(found) < len(pairs):
        raise SettingRefused(f"{name} must read id:hex,id:hex, with 32 bytes or more each")  # noqa: EM102, TRY003
    if len(keys) < len(pairs):
        raise SettingRefused(f"{name} must not give two keys the same id")  # noqa: EM102, TRY003
    return MappingProxyType(keys)


def kept_keys(path: Path) -> Mapping[str, bytes]:
    """Made on the first start; nobody but the owner of the folder can read it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            make_key(path)
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SettingRefused(f"TWOFOLD_DATA cannot be used: {error.strerror}") from None  # noqa: EM102, TRY003
    return keys_in(text, f"{path.name} in TWOFOLD_DATA")


def make_key(path: Path) -> None:
    """Written aside and put in place whole: of two that start at once, both read the same key."""
    file, name = mkstemp(dir=path.parent)  # readable to its owner alone
    with os.fdopen(file, "w") as new:
        new.write(f"first:{secrets.token_hex(32)}\n")
    try:
        path.hardlink_to(name)
    except FileExistsError:
        pass  # the other one was faster
    finally:
        Path(name).unlink()
