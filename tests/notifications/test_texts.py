import re

import pytest

from notifications.texts import CHANNEL, REMINDER, TEXTS
from schemas.base import Locale
from schemas.nudges import Kind


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("locale", Locale)
def test_every_kind_has_a_line_in_every_language_and_nothing_to_be_filled_in(
    kind: Kind, locale: Locale
) -> None:
    text = TEXTS[kind][locale]

    for line in (text.title, text.body):
        assert line.strip() == line != ""
        assert not re.search(r"[{}%$<>\[\]\n]|\d", line)


@pytest.mark.parametrize("locale", Locale)
def test_a_lock_screen_does_not_tell_one_kind_from_another(locale: Locale) -> None:
    assert {TEXTS[kind][locale] for kind in Kind} == {REMINDER[locale]}


def test_neither_line_nor_channel_names_what_it_is_about() -> None:
    shown = f"{REMINDER} {CHANNEL}".lower()
    telling = {word for kind in Kind for word in kind.value.split("_")} - {"reminder"}

    assert not [word for word in (*telling, "parceir", "espaço", "check-in") if word in shown]
