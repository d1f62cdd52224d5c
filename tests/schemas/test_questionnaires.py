import re
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from schemas import questionnaires
from schemas.base import Locale
from schemas.questionnaires import (
    NEWEST,
    PACKS,
    Pack,
    PackPublic,
    PackRefused,
    Topic,
    latest,
    load,
)
from schemas.questions import Words

FOLDER = Path(questionnaires.__file__).parent / "packs"


def test_two_questions_of_a_pack_never_share_an_id() -> None:
    path = FOLDER / "daily_pulse.v1.yaml"
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    twice = {**written, "questions": written["questions"] * 2}

    with pytest.raises(ValidationError, match="same id"):
        Pack.model_validate(twice)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "packs"))


def test_a_published_version_that_changed_stops_everything(folder: Path) -> None:
    pulse = folder / "daily_pulse.v1.yaml"
    pulse.write_text(pulse.read_text(encoding="utf-8").replace("?", "!"), encoding="utf-8")

    with pytest.raises(PackRefused, match=r"changed .* daily_pulse\.v1\.yaml"):
        load(folder)


def test_a_published_version_that_is_missing_stops_everything(folder: Path) -> None:
    (folder / "daily_pulse.v1.yaml").unlink()

    with pytest.raises(PackRefused, match=r"missing: daily_pulse\.v1\.yaml"):
        load(folder)


def test_a_version_that_nobody_published_stops_everything(folder: Path) -> None:
    (folder / "daily_pulse.v2.yaml").write_text("id: daily_pulse", encoding="utf-8")

    with pytest.raises(PackRefused, match=r"not published: daily_pulse\.v2\.yaml"):
        load(folder)


def test_a_file_holds_the_version_that_its_name_says(folder: Path) -> None:
    (folder / "daily_pulse.v1.yaml").rename(folder / "daily_pulse.v2.yaml")
    published = folder / "published.txt"
    listed = published.read_text(encoding="utf-8")
    published.write_text(listed.replace("pulse 1", "pulse 2"), encoding="utf-8")

    with pytest.raises(PackRefused, match=r"another name: daily_pulse\.v2\.yaml"):
        load(folder)


def test_a_checkout_with_other_line_ends_is_the_same_publication(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert load(folder) == PACKS


def test_a_new_version_takes_the_place_of_the_old_one_which_stays(folder: Path) -> None:
    old = (folder / "daily_pulse.v1.yaml").read_text(encoding="utf-8")
    new = old.replace("version: 1", "version: 2")
    (folder / "daily_pulse.v2.yaml").write_text(new, encoding="utf-8")
    with (folder / "published.txt").open("a", encoding="utf-8") as published:
        published.write(f"daily_pulse 2 {sha256(new.encode()).hexdigest()}\n")

    packs = load(folder)

    asked_today = [(pack.id, pack.version) for pack in latest(packs).values()]
    assert asked_today == [
        ("daily_pulse", 2),
        ("weekly_checkin", 1),
        ("how_we_talk", 1),
        ("for_myself", 1),
    ]
    assert packs["daily_pulse", 1] == PACKS["daily_pulse", 1]


def test_a_pack_is_found_by_its_id() -> None:
    assert [NEWEST[pack.id] for pack in NEWEST.values()] == list(PACKS.values())
    assert "no_such_pack" not in NEWEST


def test_a_question_is_found_by_its_id_within_its_pack() -> None:
    pack = PACKS["weekly_checkin", 1]

    found = pack.question("trust_today")

    assert found is not None
    assert found.topic is Topic.TRUST
    assert pack.question("mood") is None


def in_language(written: object, locale: str) -> object:
    if isinstance(written, dict):
        if "en" in written:
            return written[locale]
        return {key: in_language(value, locale) for key, value in written.items()}
    if isinstance(written, list):
        return [in_language(value, locale) for value in written]
    return written


@pytest.mark.parametrize("locale", Locale)
def test_a_pack_is_shown_whole_and_in_one_language(locale: Locale) -> None:
    for pack in NEWEST.values():
        path = FOLDER / f"{pack.id}.v{pack.version}.yaml"
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert pack.shown_in[locale].model_dump(mode="json") == in_language(written, locale)


def texts(model: BaseModel) -> Iterator[Words]:
    for _, value in model:
        if isinstance(value, Words):
            yield value
        for each in value if isinstance(value, tuple) else ():
            yield from texts(each)


# No blame, no score, no fault, no deadline, nothing that compares the two.
HARSH = re.compile(
    r"\b(blame|fault|guilt|score|points?|should|must|always|never|deadline|late|failed|wrong"
    r"|better|worse|than your partner|culpa|pontos|deves|devias|sempre|nunca|prazo|errad[oa]"
    r"|falhaste|melhor|pior|do que o teu par)\b",
    re.IGNORECASE,
)
BRAZILIAN = re.compile(r"\b(você|vocês|celular|seu|sua|a gente)\b", re.IGNORECASE)


@pytest.mark.parametrize("pack", PACKS.values(), ids=lambda pack: pack.id)
def test_every_text_is_gentle_in_both_languages(pack: Pack) -> None:
    for text in texts(pack):
        assert not HARSH.search(f"{text.en} {text.pt}")
        assert not BRAZILIAN.search(text.pt)
        assert text.en != text.pt


def test_trust_is_never_answered_with_a_number() -> None:
    questions = [each for pack in PACKS.values() for each in pack.questions]
    about_trust = [each for each in questions if each.topic is Topic.TRUST]

    assert about_trust
    assert "scale" not in {each.kind for each in about_trust}


def test_a_client_can_tell_the_kinds_of_question_apart() -> None:
    items = PackPublic.model_json_schema()["properties"]["questions"]["items"]

    assert items["discriminator"]["propertyName"] == "kind"
    assert set(items["discriminator"]["mapping"]) == {"scale", "choice", "choices", "text"}
