from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.questionnaires import PACKS
from schemas.questions import Question

QUESTIONS = [question for pack in PACKS.values() for question in pack.questions]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)

NAMED = {"id": "walk", "text": {"en": "a walk", "pt": "um passeio"}}
REST = {"id": "rest", "text": {"en": "rest", "pt": "descanso"}}
QUIET = {"id": "quiet", "text": {"en": "quiet", "pt": "silêncio"}}
ASKED = {"id": "asked", "topic": "space", "text": {"en": "Well?", "pt": "Então?"}}
ENDS = {"min_label": {"en": "no", "pt": "não"}, "max_label": {"en": "yes", "pt": "sim"}}

SCALE = ASKED | ENDS | {"kind": "scale", "min": 0, "max": 5}
CHOICE = ASKED | {"kind": "choice", "options": [NAMED, REST, QUIET]}
CHOICES = CHOICE | {"kind": "choices", "most": 2}
TEXT = ASKED | {"kind": "text", "max_length": 10}


def question(written: dict[str, Any]) -> Question:
    read: Question = TypeAdapter(Question).validate_python(written)
    return read


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (SCALE, 0),
        (SCALE, 5),
        (CHOICE, "rest"),
        (CHOICES, ["rest"]),
        (CHOICES, ["rest", "walk"]),
        (TEXT, "a"),
        (TEXT, "çãé🙂\nabcde"),
    ],
)
def test_an_answer_that_fits_is_taken(written: dict[str, Any], value: object) -> None:
    assert question(written).refuses(value) is None


@pytest.mark.parametrize(
    ("written", "values"),
    [
        (SCALE, [-1, 6, True, False, 3.0, "3", None, [3]]),
        (CHOICE, ["other", "", 0, None, ["rest"], {"rest": 1}]),
        (CHOICES, [[], ["rest", "rest"], ["walk", "rest", "quiet"], ["other"], "rest", [["rest"]]]),
        (CHOICES, [{"rest": 1}, [{}], [None], None]),
        (TEXT, ["", " \n\t", "a" * 11, "a\0", "\ud83d", 1, None, ["a"]]),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence_whatever_it_is(
    written: dict[str, Any], values: list[object]
) -> None:
    said = {question(written).refuses(value) for value in values}

    # One sentence for all of them: it cannot repeat what was sent.
    assert len(said) == 1
    assert None not in said


@given(value=JSON)
def test_no_json_whatever_breaks_a_question(value: object) -> None:
    for asked in QUESTIONS:
        said = asked.refuses(value)
        assert said is None or said.startswith("Answer with ")


@given(picked=st.lists(st.sampled_from(["walk", "rest", "quiet", "other"])))
def test_several_choices_are_different_options_and_not_too_many(picked: list[str]) -> None:
    fits = 0 < len(picked) <= 2 and len(set(picked)) == len(picked) and "other" not in picked

    assert (question(CHOICES).refuses(picked) is None) == fits


@pytest.mark.parametrize(
    "mistaken",
    [
        SCALE | {"min": 5},
        SCALE | {"hint": "unknown"},
        CHOICE | {"options": [REST, REST]},
        CHOICE | {"options": [REST]},
        CHOICES | {"most": 4},
        TEXT | {"topic": "politics"},
        TEXT | {"text": {"en": "Only English."}},
        TEXT | {"kind": "essay"},
    ],
)
def test_a_question_with_a_mistake_is_not_loaded(mistaken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        question(mistaken)
