import re
import stat
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import FrozenInstanceError, fields
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from api.settings import Settings
from api.settings_refused import SettingRefused
from tests.conftest import ROOT

KEY, OTHER_KEY = "00" * 32, "ab" * 40
NAMED_IN_README = re.compile(r"^\| `(\w+)` \| (.+?) \|", re.MULTILINE)


def settings(data: Path, **environment: str) -> Settings:
    return Settings.from_environment({"TWOFOLD_DATA": str(data)} | environment)


class Asked(Mapping[str, str]):
    """An environment in which nothing is set, and that remembers what it was asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_nothing_has_to_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    read = Settings.from_environment({})

    assert read.data == tmp_path / ".data"
    assert (read.host, read.port, read.database_url) == ("127.0.0.1", 8000, None)
    assert (read.fcm_credentials, read.fcm_emulator) == (None, None)
    assert (read.redis_url, read.trusted_proxies, read.docs) == (None, (), True)
    assert [len(key) for key in read.token_keys.values()] == [32]


def test_the_readme_names_every_setting_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = Asked()
    read = Settings.from_environment(asked)

    table = dict(NAMED_IN_README.findall((ROOT / "README.md").read_text()))

    assert {name for name in table if name.isupper()} == asked.names
    assert table["TWOFOLD_DATA"] == f"`{read.data.relative_to(tmp_path)}`"
    assert table["TWOFOLD_HOST"] == f"`{read.host}`"
    assert table["TWOFOLD_PORT"] == f"`{read.port}`"


def test_what_is_set_is_read(tmp_path: Path) -> None:
    account = tmp_path / "account.json"
    account.write_text("{}")

    read = settings(
        tmp_path,
        TWOFOLD_DATABASE_URL="postgresql://twofold:hunter2@db/twofold?sslmode=require",
        TWOFOLD_TOKEN_KEYS=f"new:{KEY}, old:{OTHER_KEY}",
        TWOFOLD_DATA_KEYS=f"sealing:{KEY}",
        TWOFOLD_HOST="0.0.0.0",  # noqa: S104
        TWOFOLD_PORT="80",
        TWOFOLD_FCM_CREDENTIALS=str(account),
        TWOFOLD_FCM_EMULATOR="http://127.0.0.1:9099",
        TWOFOLD_FCM_PER_MINUTE="1200",
        TWOFOLD_REDIS_URL="rediss://:hunter2@redis:6379/1",
        TWOFOLD_TRUSTED_PROXIES="10.0.0.1, 2001:db8::/32",
        TWOFOLD_DOCS="on",
        TWOFOLD_SMTP_URL="smtp+starttls://us:p%40ss@mail.example.org:2525",
        TWOFOLD_MAIL_FROM="Post <post@example.org>",
        TWOFOLD_APP_URL="https://app.example.org/open/",
        TWOFOLD_PUBLIC_URL="https://api.example.org/",
    )

    assert read.database_url is not None
    assert read.database_url.render_as_string(hide_password=False) == (
        "postgresql+psycopg://twofold:hunter2@db/twofold?sslmode=require"
    )
    keys = [("new", bytes.fromhex(KEY)), ("old", bytes.fromhex(OTHER_KEY))]
    assert [*read.token_keys.items()] == keys  # in this order: the first signs
    assert read.data_keys == {"sealing": bytes.fromhex(KEY)}
    assert (read.host, read.port) == ("0.0.0.0", 80)  # noqa: S104
    assert (read.fcm_credentials, read.fcm_emulator) == (account, "http://127.0.0.1:9099")
    assert read.fcm_per_minute == 1200
    assert read.redis_url == "rediss://:hunter2@redis:6379/1"
    assert [*map(str, read.trusted_proxies)] == ["10.0.0.1/32", "2001:db8::/32"]
    assert read.docs
    assert read.smtp_url is not None
    assert (read.smtp_url.hostname, read.smtp_url.port) == ("mail.example.org", 2525)
    assert read.mail_from == "Post <post@example.org>"
    assert read.app_url == "https://app.example.org/open"
    assert read.public_url == "https://api.example.org"
    assert [*tmp_path.iterdir()] == [account]  # no key is made where keys are given


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_a_database_is_reached_by_our_driver_however_it_is_named(
    tmp_path: Path, scheme: str
) -> None:
    read = settings(tmp_path, TWOFOLD_DATABASE_URL=f"{scheme}://db/twofold")

    assert str(read.database_url) == "postgresql+psycopg://db/twofold"


@pytest.mark.parametrize("missing", ["TWOFOLD_MAIL_FROM", "TWOFOLD_APP_URL", "TWOFOLD_PUBLIC_URL"])
def test_nobody_gets_a_mail_from_nobody_or_a_link_that_leads_nowhere(
    tmp_path: Path, missing: str
) -> None:
    mail = {
        "TWOFOLD_SMTP_URL": "smtps://us:pass@mail.example.org",
        "TWOFOLD_MAIL_FROM": "post@example.org",
        "TWOFOLD_APP_URL": "https://app.example.org",
        "TWOFOLD_PUBLIC_URL": "https://api.example.org",
    }
    assert settings(tmp_path, **mail).smtp_url
    del mail[missing]

    with pytest.raises(SettingRefused, match=missing):
        settings(tmp_path, **mail)


def test_what_is_set_to_nothing_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked = Asked()
    nothing_set = Settings.from_environment(asked)

    assert Settings.from_environment(dict.fromkeys(asked.names, "")) == nothing_set


def test_firebase_is_also_named_the_way_google_does(tmp_path: Path) -> None:
    google, ours = tmp_path / "google.json", tmp_path / "ours.json"
    for account in (google, ours):
        account.write_text("{}")
    both = {"GOOGLE_APPLICATION_CREDENTIALS": str(google), "TWOFOLD_FCM_CREDENTIALS": str(ours)}

    assert settings(tmp_path, **both).fcm_credentials == ours
    del both["TWOFOLD_FCM_CREDENTIALS"]
    assert settings(tmp_path, **both).fcm_credentials == google


def test_docs_are_closed_with_a_database_of_ones_own_unless_they_are_opened(
    tmp_path: Path,
) -> None:
    url = "postgresql://db/twofold"

    assert not settings(tmp_path, TWOFOLD_DATABASE_URL=url).docs
    assert settings(tmp_path, TWOFOLD_DATABASE_URL=url, TWOFOLD_DOCS="on").docs
    assert settings(tmp_path).docs
    assert not settings(tmp_path, TWOFOLD_DOCS="off").docs


CANARY = "xyzzy"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TWOFOLD_DATABASE_URL", CANARY),
        ("TWOFOLD_DATABASE_URL", f"mysql://sam:{CANARY}@db/twofold"),
        ("TWOFOLD_DATABASE_URL", f"sqlite:///{CANARY}"),
        ("TWOFOLD_DATABASE_URL", f"postgresql://sam:pass@word:{CANARY}@db"),
        ("TWOFOLD_DATABASE_URL", f"postgresql://db:{CANARY}/twofold"),
        ("TWOFOLD_TOKEN_KEYS", CANARY),
        ("TWOFOLD_TOKEN_KEYS", f"{CANARY}:{'00' * 31}"),
        ("TWOFOLD_TOKEN_KEYS", f"first:{CANARY * 20}"),
        ("TWOFOLD_TOKEN_KEYS", f"{CANARY}:{KEY}:{KEY}"),
        ("TWOFOLD_TOKEN_KEYS", f"{CANARY}:{KEY},"),
        ("TWOFOLD_TOKEN_KEYS", f":{KEY}"),
        ("TWOFOLD_TOKEN_KEYS", f"{CANARY}:{KEY},{CANARY}:{OTHER_KEY}"),
        ("TWOFOLD_TOKEN_KEYS", f"{CANARY}:{'00' * 31} 0"),
        ("TWOFOLD_SMTP_URL", CANARY),
        ("TWOFOLD_SMTP_URL", f"smtp://us:{CANARY}@mail.example.org"),
        ("TWOFOLD_SMTP_URL", f"smtps://us:{CANARY}@"),
        ("TWOFOLD_SMTP_URL", f"smtps://us:{CANARY}@mail.example.org:port"),
        ("TWOFOLD_MAIL_FROM", CANARY),
        ("TWOFOLD_MAIL_FROM", f"{CANARY}\n <post@example.org>"),
        ("TWOFOLD_APP_URL", CANARY),
        ("TWOFOLD_PUBLIC_URL", CANARY),
        ("TWOFOLD_APP_URL", f"https://app.example.org/#{CANARY}"),
        ("TWOFOLD_PORT", CANARY),
        ("TWOFOLD_DATA_KEYS", CANARY),
        ("TWOFOLD_DATA_KEYS", f"{CANARY}:{KEY}00"),
        ("TWOFOLD_PORT", "-1"),
        ("TWOFOLD_PORT", "65536"),
        ("TWOFOLD_PORT", "80.5"),
        ("TWOFOLD_PORT", "9" * 5000),
        ("TWOFOLD_DATA", f"/dev/null/{CANARY}"),
        ("TWOFOLD_DATA", "/dev/null"),
        ("TWOFOLD_FCM_CREDENTIALS", f"/{CANARY}.json"),
        ("TWOFOLD_FCM_CREDENTIALS", "/"),
        ("GOOGLE_APPLICATION_CREDENTIALS", f"/{CANARY}.json"),
        ("TWOFOLD_FCM_EMULATOR", CANARY),
        ("TWOFOLD_FCM_EMULATOR", f"ftp://{CANARY}"),
        ("TWOFOLD_FCM_PER_MINUTE", CANARY),
        ("TWOFOLD_FCM_PER_MINUTE", "1199"),
        ("TWOFOLD_FCM_PER_MINUTE", "500_000"),
        ("TWOFOLD_REDIS_URL", CANARY),
        ("TWOFOLD_REDIS_URL", f"http://:{CANARY}@redis"),
        ("TWOFOLD_TRUSTED_PROXIES", CANARY),
        ("TWOFOLD_TRUSTED_PROXIES", "*"),
        ("TWOFOLD_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TWOFOLD_TRUSTED_PROXIES", "10.0.0.1,"),
        ("TWOFOLD_DOCS", CANARY),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_by_name_and_not_repeated(
    tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(SettingRefused, match=f"^{name} ") as refused:
        settings(tmp_path, **{name: value})

    assert value not in str(refused.value) or value == "/"
    assert CANARY not in "".join(traceback.format_exception(refused.value))


def test_settings_stay_as_they_were_read(tmp_path: Path) -> None:
    read: Any = settings(tmp_path)

    for field in fields(Settings):
        with pytest.raises(FrozenInstanceError):
            setattr(read, field.name, None)
    for keys in (read.token_keys, read.data_keys):
        with pytest.raises(TypeError):
            keys["first"] = bytes(32)


def test_settings_that_are_printed_hold_no_secret(tmp_path: Path) -> None:
    url = f"postgresql://sam:{CANARY}@db/twofold"

    redis = f"redis://:{CANARY}@redis"
    secrets = {"TWOFOLD_DATABASE_URL": url, "TWOFOLD_REDIS_URL": redis}

    printed = repr(settings(tmp_path, TWOFOLD_TOKEN_KEYS=f"first:{KEY}", **secrets))

    assert "twofold" in printed
    assert CANARY not in printed
    assert repr(bytes.fromhex(KEY)) not in printed


# The key that is made


@pytest.mark.parametrize("which", ["token_keys", "data_keys"])
def test_a_key_is_made_once_and_read_by_nobody_else(tmp_path: Path, which: str) -> None:
    data = tmp_path / "not" / "yet" / "there"

    made = getattr(settings(data), which)

    file = data / which.replace("_", ".")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert getattr(settings(data), which) == made
    assert getattr(settings(tmp_path / "elsewhere"), which) != made
    assert file.read_text().strip() == f"first:{made['first'].hex()}"


def test_a_broken_key_file_is_refused_by_its_name_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "token.keys"

    for text in ("", CANARY, f"first:{CANARY}"):
        file.write_text(text)
        with pytest.raises(SettingRefused, match=r"^token\.keys in TWOFOLD_DATA ") as refused:
            settings(tmp_path)
        assert CANARY not in str(refused.value)
        assert file.read_text() == text


def keys_in(data: Path) -> bytes:
    return settings(data).token_keys["first"]


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(200) for _ in range(2)]

    with ProcessPoolExecutor(2, get_context("spawn")) as processes:
        read = [*processes.map(keys_in, folders)]

    assert read[::2] == read[1::2]
    assert len({*read}) == 200
    assert [len([*folder.iterdir()]) for folder in folders] == [2] * 400
