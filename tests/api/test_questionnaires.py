import pytest

from tests.builders import Two


async def test_everybody_reads_the_same_packs(couple: Two) -> None:
    sam, alex = couple

    packs = await sam.sees("/questionnaires")

    shown = [(pack["id"], pack["audience"]) for pack in packs]
    assert shown == [
        ("daily_pulse", "couple"),
        ("weekly_checkin", "couple"),
        ("how_we_talk", "couple"),
        ("for_myself", "self"),
    ]
    assert await alex.sees("/questionnaires") == packs


async def test_a_version_stays_readable_by_its_number(couple: Two) -> None:
    sam, _ = couple

    newest = await sam.sees("/questionnaires/daily_pulse")

    asked = [question["id"] for question in newest["questions"]]
    assert asked == ["mood", "closeness", "good_for_me", "a_word"]
    assert await sam.sees(f"/questionnaires/daily_pulse/{newest['version']}") == newest


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("no_such_pack", 404),
        ("daily_pulse/999", 404),
        ("no_such_pack/1", 404),
        ("daily_pulse/0", 422),
        ("daily_pulse/1000", 422),
        ("Daily-Pulse", 422),
        (f"a{'b' * 40}", 422),
    ],
)
async def test_what_was_never_published_is_not_found(couple: Two, path: str, status: int) -> None:
    sam, _ = couple

    answer = await sam.get(f"/questionnaires/{path}")

    assert answer.status_code == status
