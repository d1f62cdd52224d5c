from pathlib import Path

import pytest

from api.settings import Settings
from api.settings_refused import SettingRefused
from schemas.identities import Issuer

APPS = "org.example.twofold, org.example.twofold.web"


def settings(data: Path, **environment: str) -> Settings:
    return Settings.from_environment({"TWOFOLD_DATA": str(data)} | environment)


def test_without_an_app_an_issuer_is_off(tmp_path: Path) -> None:
    for nothing in ("", " ", ",", " , "):
        assert settings(tmp_path, TWOFOLD_APPLE_CLIENT_IDS=nothing).issuers == {}
    assert [*settings(tmp_path, TWOFOLD_APPLE_CLIENT_IDS=APPS).issuers] == [Issuer.APPLE]
    assert [*settings(tmp_path, TWOFOLD_GOOGLE_CLIENT_IDS=APPS).issuers] == [Issuer.GOOGLE]


def test_apple_and_google_are_who_they_say_they_are(tmp_path: Path) -> None:
    both = {"TWOFOLD_APPLE_CLIENT_IDS": APPS, "TWOFOLD_GOOGLE_CLIENT_IDS": "2.apps.example"}

    apple, google = settings(tmp_path, **both).issuers.values()

    assert apple.url == "https://appleid.apple.com"
    assert apple.names == {"https://appleid.apple.com"}
    assert apple.client_ids == {"org.example.twofold", "org.example.twofold.web"}
    assert google.url == "https://accounts.google.com"
    assert google.names == {"https://accounts.google.com", "accounts.google.com"}
    assert google.client_ids == {"2.apps.example"}


@pytest.mark.parametrize("name", ["APPLE", "GOOGLE"])
def test_an_issuer_may_be_a_local_one(tmp_path: Path, name: str) -> None:
    url = "http://127.0.0.1:9000/issuer"
    set_to = {f"TWOFOLD_{name}_ISSUER": url, f"TWOFOLD_{name}_CLIENT_IDS": APPS}

    [issuer] = settings(tmp_path, **set_to).issuers.values()

    assert (issuer.url, {*issuer.names}) == (url, {url})


@pytest.mark.parametrize("name", ["TWOFOLD_APPLE_ISSUER", "TWOFOLD_GOOGLE_ISSUER"])
@pytest.mark.parametrize(
    "url",
    [
        "http://xyzzy.example",
        "https://xyzzy.example/",
        "https://sam:xyzzy@issuer.example",
        "https://issuer.example?xyzzy",
        "https://issuer.example#xyzzy",
        "xyzzy.example",
    ],
)
def test_an_issuer_that_anybody_could_speak_for_is_refused_and_not_repeated(
    tmp_path: Path, name: str, url: str
) -> None:
    with pytest.raises(SettingRefused, match=f"^{name} ") as refused:
        settings(tmp_path, **{name: url})

    assert "xyzzy" not in str(refused.value)
