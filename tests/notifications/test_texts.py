import re
from dataclasses import astuple
from datetime import timedelta
from uuid import UUID

import pytest

from notifications.fcm_messages import build
from notifications.push import Push, Target
from notifications.texts import CHANNEL, REMINDER
from schemas.base import Locale
from schemas.devices import Platform, TargetKind
from schemas.nudges import Kind
from tests.fakes import NOON


@pytest.mark.parametrize("locale", Locale)
def test_there_is_a_line_in_every_language_and_nothing_to_be_filled_in(locale: Locale) -> None:
    text = REMINDER[locale]

    for line in (text.title, text.body):
        assert line.strip() == line != ""
        assert not re.search(r"[{}%$<>\[\]\n]|\d", line)


@pytest.mark.parametrize("locale", Locale)
def test_a_lock_screen_does_not_tell_one_kind_from_another(locale: Locale) -> None:
    target = Target(TargetKind.TOKEN, "a-phone", Platform.IOS, locale, discreet=False)
    shown = [
        build(Push(UUID(int=0), kind, target, timedelta(hours=1)), NOON).notification
        for kind in Kind
    ]
    assert {(each.title, each.body) for each in shown} == {astuple(REMINDER[locale])}


def test_neither_line_nor_channel_names_what_it_is_about() -> None:
    shown = f"{REMINDER} {CHANNEL}".lower()
    telling = {word for kind in Kind for word in kind.value.split("_")} - {"reminder"}

    assert not [word for word in (*telling, "parceir", "espaço", "check-in") if word in shown]
