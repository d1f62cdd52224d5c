"""What is asked, and what fits. The reveal is told in `tests/api/test_answers.py`."""

import json
from collections.abc import Collection, Mapping
from typing import Any
from uuid import uuid4

import pytest

from api.policy.answers import Sheet, not_to_release, refused_answers, shown_to, topics_closed
from schemas.answers import AnswersWrite, ReleaseWrite, Said, shared_place
from schemas.base import Locale
from schemas.boundaries import Boundaries
from schemas.checkins import Checkin
from schemas.consents import Purpose
from schemas.questionnaires import PACKS, Topic
from schemas.sealing import seal
from schemas.sheets import Revealed
from tests.builders import NO_BOUNDARIES, asking
from tests.fakes import NOON

PACK = PACKS["how_we_talk", 1]


def off_limits(*topics: str) -> Boundaries:
    setting = {"topics": topics, "shown": False}
    return Boundaries.model_validate(NO_BOUNDARIES.model_dump() | {"off_limit_topics": setting})


@pytest.mark.parametrize(
    ("boundaries", "consents", "closed"),
    [
        (NO_BOUNDARIES, set(), {Topic.INTIMACY}),
        (NO_BOUNDARIES, {Purpose.INTIMACY}, set()),
        (NO_BOUNDARIES, set(Purpose) - {Purpose.INTIMACY}, {Topic.INTIMACY}),
        (off_limits("money"), {Purpose.INTIMACY}, {Topic.MONEY}),
        (off_limits("money", "intimacy"), {Purpose.INTIMACY}, {Topic.MONEY, Topic.INTIMACY}),
        (off_limits("money"), set(), {Topic.MONEY, Topic.INTIMACY}),
    ],
)
def test_intimacy_needs_a_yes_and_an_off_limits_topic_needs_nothing(
    boundaries: Boundaries, consents: set[Purpose], closed: set[Topic]
) -> None:
    assert topics_closed(boundaries, consents) == closed


def test_a_closed_topic_is_not_asked_and_takes_no_answer() -> None:
    said = [{"question": "money_talks", "value": "not_sure"}, {"question": "opening", "value": "x"}]
    body = AnswersWrite.model_validate({"answers": said})

    found = refused_answers(body, a_sheet(closed={Topic.MONEY}))

    assert [place for place, _ in found] == [("answers", 0, "question"), ("answers", 1, "value")]
    assert [place for place, _ in refused_answers(body, a_sheet())] == [("answers", 1, "value")]


def test_what_is_closed_cannot_be_skipped_either() -> None:
    body = AnswersWrite.model_validate({"answers": [{"question": "money_talks", "value": None}]})

    assert [place for place, _ in refused_answers(body, a_sheet(closed={Topic.MONEY}))] == [
        ("answers", 0, "question")
    ]


ME = asking("UTC", Locale.PT, uuid4(), uuid4())


def a_sheet(
    closed: Collection[Topic] = (), partners: Mapping[str, Any] | None = None, **values: object
) -> Sheet:
    """Mine, with these answers."""
    checkin = Checkin.of(ME, PACK, NOON, for_both=True)
    mine = {name: Said.to(name, checkin, ME, NOON) for name in values}
    for name, value in values.items():
        mine[name].says(value, ME.key, NOON)
    return Sheet(checkin, mine, sealed(partners or {}, checkin), consents=(), closed=closed)


def sealed(partners: Mapping[str, Any], checkin: Checkin) -> list[Revealed]:
    """Words of my partner's, as they are kept for the two of us."""
    us = ME.member
    assert us
    return [
        Revealed(
            question=question,
            shared=seal(
                us.couple_key,
                json.dumps(words).encode(),
                shared_place(us.couple_id, checkin.id, us.partner_id, question),
            ),
        )
        for question, words in partners.items()
    ]


def test_a_skipped_answer_is_nothing_to_release() -> None:
    sheet = a_sheet(opening="in_writing", money_talks=None)
    body = ReleaseWrite(questions=["money_talks", "opening", "break_sign"])

    assert [place for place, _ in not_to_release(body, sheet)] == [
        ("questions", 0),
        ("questions", 2),
    ]


@pytest.mark.parametrize("partners", [{}, {"opening": "straight_away"}])
def test_nothing_but_the_revealed_comes_from_the_partner(partners: dict[str, Any]) -> None:
    closed = {Topic.MONEY, Topic.INTIMACY}
    sheet = a_sheet(closed, partners, opening="in_writing", money_talks=None)

    shown = shown_to(ME, sheet)

    assert {each.question.id: each.partner for each in shown.questions if each.partner} == partners
    asked = [each.question.id for each in shown.questions]
    assert "intimacy_talks" not in asked
    assert "money_talks" in asked  # answered before it was closed
    assert shown.title == "Como queremos conversar"
