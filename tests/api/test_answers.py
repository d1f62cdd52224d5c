import asyncio
import json
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.answers import Answer
from schemas.consents import Purpose
from schemas.nudges import Kind, Nudge
from tests.builders import (
    EVERYTHING,
    Person,
    Two,
    a_couple,
    in_bytes,
    nudges_of,
    run_as,
)
from tests.conftest import Engines
from tests.fakes import Clock

OFF_LIMITS = {"topics": ["self_care"], "shown": True}
Scene = Callable[[Person, str], Awaitable[object]]


# Answering, alone or for both.


@pytest.mark.parametrize("for_both", [True, False])
async def test_i_answer_all_some_or_none(couple: Two, *, for_both: bool) -> None:
    sam, _ = couple
    checkin = await sam.begins(for_both=for_both)

    assert await mine(sam, checkin) == {}

    await sam.answers(checkin, mood=3, closeness=None)
    skipped = {"value": None, "released": False, "final": False}
    given = {"value": 3, "released": False, "final": False}
    assert await mine(sam, checkin) == {"mood": given, "closeness": skipped}

    everything = {"mood": 5, "closeness": 1, "good_for_me": "not_sure", "a_word": "çãé 🙂"}
    answer = await sam.answers(checkin, **everything)
    assert answer.json() == await sam.sees(f"/checkins/{checkin}/answers")
    assert {name: each["value"] for name, each in (await mine(sam, checkin)).items()} == everything


async def mine(person: Person, checkin: str) -> dict[str, Any]:
    shown = await person.sees(f"/checkins/{checkin}/answers")
    return {each["question"]["id"]: each["mine"] for each in shown["questions"] if each["mine"]}


async def test_a_pack_for_myself_works_alone(alone: Two) -> None:
    sam, _ = alone
    await sam.allows("checkins")
    checkin = await sam.begins("for_myself", for_both=False)

    answer = await sam.answers(checkin, energy=2, did_me_good=["sleep", "quiet"])

    assert answer.status_code == 200
    assert (await mine(sam, checkin))["did_me_good"]["value"] == ["sleep", "quiet"]


@pytest.mark.parametrize(
    ("question", "value", "pointer"),
    [
        ("mood", 6, "#/answers/1/value"),
        ("mood", "3", "#/answers/1/value"),
        ("mood", True, "#/answers/1/value"),
        ("mood", 3.5, "#/answers/1/value"),
        ("mood", 10**30, "#/answers/1/value"),
        ("mood", {"mood": 3}, "#/answers/1/value"),
        ("mood", [3], "#/answers/1/value"),
        ("good_for_me", "no_such_option", "#/answers/1/value"),
        ("good_for_me", ["not_sure"], "#/answers/1/value"),
        ("a_word", "a" * 281, "#/answers/1/value"),
        ("a_word", " ", "#/answers/1/value"),
        ("a_word", "\0", "#/answers/1/value"),
        ("a_word", "\ud800", "#/answers/1/value"),
        ("no_such_question", 3, "#/answers/1/question"),
        ("trust_today", "steady", "#/answers/1/question"),
        ("No Name", 3, "#/answers/1/question"),
        ("closeness", 4, "#/answers"),
    ],
)
async def test_what_does_not_fit_is_named_by_its_place_and_changes_nothing(
    couple: Two, question: str, value: object, pointer: str
) -> None:
    sam, _ = couple
    checkin = await sam.begins()
    await sam.answers(checkin, closeness=1)
    before = await sam.sees(f"/checkins/{checkin}/answers")

    said = [{"question": "closeness", "value": 2}, {"question": question, "value": value}]
    # As ASCII: half of a surrogate pair can be sent in no other way.
    body = json.dumps({"answers": said})
    answer = await sam.put(
        f"/checkins/{checkin}/answers", content=body, headers={"content-type": "application/json"}
    )

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert await sam.sees(f"/checkins/{checkin}/answers") == before


async def test_every_answer_that_does_not_fit_is_named(couple: Two) -> None:
    sam, _ = couple
    checkin = await sam.begins()

    answer = await sam.answers(checkin, mood=9, closeness=3, trust=1)

    wrong = answer.json()["errors"]
    assert [each["pointer"] for each in wrong] == ["#/answers/0/value", "#/answers/2/question"]
    assert wrong[0]["detail"] == "Answer with a whole number from 1 to 5."


async def test_only_what_was_answered_can_be_released(couple: Two) -> None:
    sam, _ = couple
    checkin = await sam.begins()
    await sam.answers(checkin, mood=3, closeness=None)

    answer = await sam.releases(checkin, "mood", "closeness", "a_word", "no_such_question")

    pointers = [each["pointer"] for each in answer.json()["errors"]]
    assert (answer.status_code, pointers) == (422, [f"#/questions/{n}" for n in (1, 2, 3)])
    assert not (await mine(sam, checkin))["mood"]["released"]


async def test_what_i_answer_for_myself_alone_cannot_be_released(couple: Two) -> None:
    sam, alex = couple
    checkin = await sam.begins(for_both=False)
    await sam.answers(checkin, mood=3)

    answer = await sam.releases(checkin, "mood")

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/mine-alone")
    assert (await alex.get(f"/checkins/{checkin}/answers")).status_code == 404
    assert (await alex.answers(checkin, mood=3)).status_code == 404


async def test_a_closed_checkin_takes_no_answer_and_can_still_be_revealed(
    couple: Two, clock: Clock
) -> None:
    sam, alex = couple
    checkin = await both_answer(couple)
    clock.forward(days=9)

    answer = await sam.answers(checkin, mood=5)
    await both_release(couple, checkin)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/checkin-closed")
    assert (await alex.reads(checkin))["mood"] == 3


async def test_nothing_is_kept_of_somebody_who_has_not_allowed_it(couple: Two) -> None:
    sam, _ = couple
    checkin = await sam.begins()
    await sam.withdraws("checkins")

    answer = await sam.answers(checkin, mood=3)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/checkins-not-allowed")
    assert await mine(sam, checkin) == {}


async def test_nothing_is_released_by_somebody_who_has_not_allowed_it(couple: Two) -> None:
    sam, _ = couple
    checkin = await sam.begins()
    await sam.answers(checkin, mood=3)
    await sam.withdraws("sharing")

    answer = await sam.releases(checkin, "mood")

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/sharing-not-allowed")


# In one call.


async def test_to_answer_and_release_at_once_is_to_answer_and_to_release(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple
    one = await sam.begins()
    sam.clock.forward(days=1)
    other = await sam.begins()
    for person in couple:
        at_once = await person.answers_and_releases(one, mood=3, a_word="A word.")
        await person.answers(other, mood=3, a_word="A word.")
        after = await person.releases(other, "mood", "a_word")
        assert at_once.json()["questions"] == after.json()["questions"]

    assert at_once.json() == await alex.sees(f"/checkins/{one}/answers")
    assert (await sam.reads(one))["a_word"] == "A word."
    assert (await nudges_of(sam, db)).count(Kind.REVEAL) == 2
    assert (await sam.takes_back(one, "mood")).status_code == 409


async def test_to_answer_again_leaves_a_release_as_it_is(couple: Two) -> None:
    sam, _ = couple
    checkin = await sam.begins()
    await sam.answers_and_releases(checkin, mood=3)

    assert (await sam.answers(checkin, mood=3, closeness=2)).status_code == 200

    assert [(each["released"], each["final"]) for each in (await mine(sam, checkin)).values()] == [
        (True, True),
        (False, False),
    ]


async def test_what_is_skipped_cannot_be_released_with_the_rest(couple: Two) -> None:
    sam, _ = couple
    checkin = await sam.begins()

    answer = await sam.answers_and_releases(checkin, mood=3, closeness=None)

    said = {"pointer": "#/answers/1/release", "detail": "Answer it first."}
    assert (answer.status_code, answer.json()["errors"]) == (422, [said])
    assert await mine(sam, checkin) == {}


@pytest.mark.parametrize(
    ("for_both", "withdrawn", "problem"),
    [
        (False, None, "/problems/mine-alone"),
        (True, "sharing", "/problems/sharing-not-allowed"),
        (True, "checkins", "/problems/checkins-not-allowed"),
    ],
)
async def test_what_may_not_be_released_is_not_answered_with_it(
    couple: Two,
    for_both: bool,  # noqa: FBT001
    withdrawn: str | None,
    problem: str,
) -> None:
    sam, _ = couple
    checkin = await sam.begins(for_both=for_both)
    if withdrawn:
        await sam.withdraws(withdrawn)

    answer = await sam.answers_and_releases(checkin, mood=3)

    assert (answer.status_code, answer.json()["type"]) == (409, problem)
    assert await mine(sam, checkin) == {}


# What is asked.


async def test_intimacy_is_asked_only_of_whoever_has_allowed_it(couple: Two) -> None:
    sam, alex = couple
    checkin = await sam.begins("how_we_talk")
    before = await alex.get(f"/checkins/{checkin}/answers")
    assert "intimacy_talks" in await asked(sam, checkin)

    await sam.withdraws("intimacy")

    assert "intimacy_talks" not in await asked(sam, checkin)
    refused = await sam.answers(checkin, intimacy_talks="openly")
    assert refused.json()["errors"][0]["pointer"] == "#/answers/0/question"
    assert in_bytes(await alex.get(f"/checkins/{checkin}/answers")) == in_bytes(before)


async def test_an_off_limits_topic_is_not_asked_and_the_partner_sees_no_difference(
    couple: Two,
) -> None:
    sam, alex = couple
    checkin = await sam.begins()
    before = await alex.get(f"/checkins/{checkin}/answers")

    await sam.sets(off_limit_topics=OFF_LIMITS | {"shown": False})

    assert await asked(sam, checkin) == ["closeness", "good_for_me", "a_word"]
    assert (await sam.answers(checkin, mood=3)).status_code == 422
    assert in_bytes(await alex.get(f"/checkins/{checkin}/answers")) == in_bytes(before)


async def test_what_i_answered_before_a_topic_was_off_limits_stays_mine_to_see(
    couple: Two,
) -> None:
    sam, _ = couple
    checkin = await sam.begins()
    await sam.answers(checkin, mood=3)

    await sam.sets(off_limit_topics=OFF_LIMITS)

    assert (await mine(sam, checkin))["mood"]["value"] == 3


async def asked(person: Person, checkin: str) -> list[str]:
    shown = await person.sees(f"/checkins/{checkin}/answers")
    return [each["question"]["id"] for each in shown["questions"]]


# The reveal.


async def both_answer(couple: Two, pack: str = "daily_pulse") -> str:
    checkin = await couple[0].begins(pack)
    for person in couple:
        answer = await person.answers(checkin, mood=3, closeness=2)
        assert answer.status_code == 200, answer.text
    return checkin


async def both_release(couple: Two, checkin: str) -> None:
    for person in couple:
        answer = await person.releases(checkin, "mood")
        assert answer.status_code == 200, answer.text


async def test_an_answer_is_revealed_exactly_when_both_have_released_it(couple: Two) -> None:
    sam, alex = couple
    checkin = await sam.begins("how_we_talk")
    sams = {"good_moment": "morning", "feeling_heard": ["silence"], "opening": "in_writing"}
    sams |= {"break_sign": "Sam's", "getting_too_much": ["slower"], "money_talks": "not_sure"}
    alexs = {"good_moment": "evening", "feeling_heard": ["own_words"], "opening": "in_writing"}
    alexs |= {"break_sign": "Alex's", "intimacy_talks": "openly", "afterwards": "Alex's, too"}

    await sam.answers(checkin, **sams, afterwards=None)
    await alex.answers(checkin, **alexs, money_talks=None)
    await sam.releases(checkin, "good_moment", "feeling_heard", "getting_too_much", "money_talks")
    await alex.releases(checkin, "good_moment", "opening", "intimacy_talks", "afterwards")

    nothing = dict.fromkeys(await asked(sam, checkin))
    assert await sam.reads(checkin) == nothing | {"good_moment": "evening"}
    assert await alex.reads(checkin) == nothing | {"good_moment": "morning"}


async def nothing(sam: Person, checkin: str) -> None:
    assert checkin in [each["id"] for each in (await sam.sees("/checkins"))["checkins"]]


async def answered(sam: Person, checkin: str) -> None:
    assert (await sam.answers(checkin, mood=2, a_word="only for me")).status_code == 200


async def skipped(sam: Person, checkin: str) -> None:
    assert (await sam.answers(checkin, mood=None)).status_code == 200


async def released_another(sam: Person, checkin: str) -> None:
    await sam.answers(checkin, mood=2, a_word="for both")
    assert (await sam.releases(checkin, "a_word")).status_code == 200


async def put_it_off_limits(sam: Person, checkin: str) -> None:
    await released_another(sam, checkin)
    answer = await sam.sets(off_limit_topics=OFF_LIMITS | {"shown": False})
    assert answer.status_code == 200


async def released(sam: Person, checkin: str) -> None:
    await sam.answers(checkin, mood=2)
    assert (await sam.releases(checkin, "mood")).status_code == 200


async def took_it_back(sam: Person, checkin: str) -> None:
    await released(sam, checkin)
    assert (await sam.takes_back(checkin, "mood")).status_code == 204


async def withdrew_consent(sam: Person, checkin: str) -> None:
    await released(sam, checkin)
    assert (await sam.withdraws("sharing")).status_code == 204


async def let_consent_expire(sam: Person, checkin: str) -> None:
    assert (await sam.allows("sharing", "2026-03-02T13:00:00Z")).status_code == 200
    await released(sam, checkin)
    sam.clock.forward(hours=2)


async def never_allowed(sam: Person, checkin: str) -> None:
    await answered(sam, checkin)
    assert (await sam.releases(checkin, "mood")).status_code == 409


UNREVEALED = [
    *(answered, skipped, released_another, put_it_off_limits, took_it_back),
    *(withdrew_consent, let_consent_expire, never_allowed),
]


async def a_world(
    db: AsyncSession, app: FastAPI, clock: Clock, allowed: Collection[Purpose] = EVERYTHING
) -> tuple[Person, Person, str]:
    """A couple of its own, in which Alex has begun a check-in and allows everything."""
    people = Person("sam", app, clock), Person("alex", app, clock)
    sam, alex = await a_couple(db, *people, allowed=allowed)
    for purpose in EVERYTHING:
        assert (await alex.allows(purpose)).status_code == 200
    return sam, alex, await alex.begins()


async def all_that_alex_can_do(alex: Person, checkin: str, *released: str) -> list[Response]:
    """Every answer that she gets meanwhile, her reads after each write among them."""
    answers = f"/checkins/{checkin}/answers"
    reads = ("/checkins", "/nudges", "/nudges/sent", "/consents", "/pairing", "/space", answers)
    heard = [await alex.get(path) for path in reads]
    writes: list[Callable[[], Awaitable[Response | str]]] = [
        lambda: alex.answers(checkin, mood=4, closeness=None),
        lambda: alex.releases(checkin, *released, "closeness"),
        lambda: alex.answers(checkin, closeness=1, good_for_me="not_sure"),
        lambda: alex.releases(checkin, "closeness", *released),
        lambda: alex.answers(checkin, mood=4),
        lambda: alex.takes_back(checkin, "mood"),
        lambda: alex.answers(checkin, closeness=5, mood=4),
        lambda: alex.releases(checkin, *released, "closeness"),
        lambda: alex.answers_and_releases(checkin, closeness=5, **dict.fromkeys(released, 4)),
        lambda: alex.answers_and_releases(checkin, a_word="Both", good_for_me=None),
        alex.begins,
        alex.sends,
    ]
    for write in writes:
        did = await write()
        heard += [did] if isinstance(did, Response) else []
        heard += [await alex.get(path) for path in (answers, "/today")]
    return heard + [await alex.get(path) for path in reads]


@pytest.mark.parametrize("scene", UNREVEALED)
async def test_before_the_reveal_nothing_tells_what_my_partner_did(
    noise: Two,  # noqa: ARG001
    db: AsyncSession,
    app: FastAPI,
    clock: Clock,
    scene: Scene,
) -> None:
    allowed = EVERYTHING - ({Purpose.SHARING} if scene is never_allowed else set())
    sam, alex, checkin = await a_world(db, app, clock, allowed)
    _, other_alex, untouched = await a_world(db, app, clock, EVERYTHING)

    await scene(sam, checkin)

    here = await all_that_alex_can_do(alex, checkin, "mood")
    assert {each.status_code for each in here} == {200, 202, 204, 409, 422}
    there = await all_that_alex_can_do(other_alex, untouched, "mood")
    assert in_bytes(*here) == in_bytes(*there)


@pytest.mark.parametrize("scene", [released, released_another])
async def test_what_my_partner_released_shows_nowhere_while_i_have_not(
    noise: Two,  # noqa: ARG001
    db: AsyncSession,
    app: FastAPI,
    clock: Clock,
    scene: Scene,
) -> None:
    sam, alex, checkin = await a_world(db, app, clock)
    _, other_alex, untouched = await a_world(db, app, clock)

    await scene(sam, checkin)

    here = await all_that_alex_can_do(alex, checkin)
    there = await all_that_alex_can_do(other_alex, untouched)
    assert in_bytes(*here) == in_bytes(*there)


async def test_it_reads_the_same_whatever_my_partner_does_until_both_release(couple: Two) -> None:
    sam, alex = couple
    checkin = await alex.begins()
    await alex.answers(checkin, mood=4)
    await alex.releases(checkin, "mood")
    before = await alex.get(f"/checkins/{checkin}/answers")

    for scene in (skipped, answered, released_another, put_it_off_limits):
        await scene(sam, checkin)
        after = await alex.get(f"/checkins/{checkin}/answers")
        assert (after.content, after.headers) == (before.content, before.headers)

    await released_in_the_end(sam, checkin)
    assert (await alex.reads(checkin))["mood"] == 2

    await sam.withdraws("sharing")
    after = await alex.get(f"/checkins/{checkin}/answers")
    assert (after.content, after.headers) == (before.content, before.headers)
    await sam.leaves()
    after = await alex.get(f"/checkins/{checkin}/answers")
    assert (after.content, after.headers) == (before.content, before.headers)


async def released_in_the_end(sam: Person, checkin: str) -> None:
    await sam.sets()
    await released(sam, checkin)


async def test_withdrawing_consent_hides_with_the_next_request_and_from_both(couple: Two) -> None:
    sam, alex = couple
    checkin = await both_answer(couple)
    await both_release(couple, checkin)
    assert (await alex.reads(checkin))["mood"] == 3

    await sam.withdraws("sharing")
    assert (await alex.reads(checkin))["mood"] is None
    assert (await sam.reads(checkin))["mood"] is None

    await sam.allows("sharing")
    assert (await alex.reads(checkin))["mood"] == 3


async def test_a_release_can_be_taken_back_until_both_have_released(couple: Two) -> None:
    sam, alex = couple
    checkin = await both_answer(couple)

    await sam.releases(checkin, "mood", "closeness")
    assert (await sam.takes_back(checkin, "mood")).status_code == 204
    await alex.releases(checkin, "mood", "closeness")
    assert await alex.reads(checkin) == dict.fromkeys(await asked(alex, checkin)) | {"closeness": 2}

    refused = await sam.takes_back(checkin, "closeness")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/already-revealed")
    assert (await alex.reads(checkin))["closeness"] == 2


@pytest.mark.parametrize("question", ["mood", "a_word", "no_such_question"])
async def test_to_take_back_what_is_not_released_changes_nothing(
    couple: Two, question: str
) -> None:
    sam, _ = couple
    checkin = await both_answer(couple)
    before = await sam.sees(f"/checkins/{checkin}/answers")

    assert (await sam.takes_back(checkin, question)).status_code == 204

    assert await sam.sees(f"/checkins/{checkin}/answers") == before


@pytest.mark.parametrize("other", [5, None])
async def test_what_was_released_once_keeps_its_words(couple: Two, other: int | None) -> None:
    sam, _ = couple
    checkin = await both_answer(couple)
    await sam.releases(checkin, "mood")
    await sam.takes_back(checkin, "mood")
    before = await sam.sees(f"/checkins/{checkin}/answers")

    refused = await sam.answers(checkin, closeness=5, mood=other)

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/answer-final")
    assert await sam.sees(f"/checkins/{checkin}/answers") == before
    assert (await sam.answers(checkin, mood=3)).status_code == 200
    assert await sam.sees(f"/checkins/{checkin}/answers") == before


async def test_leaving_hides_the_partners_answers_and_keeps_mine(couple: Two) -> None:
    sam, alex = couple
    checkin = await both_answer(couple)
    unanswered = await sam.begins("weekly_checkin")
    await both_release(couple, checkin)

    await sam.leaves()

    for person in couple:
        assert set((await person.reads(checkin)).values()) == {None}
        assert (await mine(person, checkin))["mood"]["value"] == 3
        assert (await person.get(f"/checkins/{unanswered}/answers")).status_code == 404
    assert (await alex.answers(checkin, closeness=5)).status_code == 409
    assert (await alex.releases(checkin, "closeness")).status_code == 409


async def test_pairing_again_revives_nothing(couple: Two) -> None:
    sam, alex = couple
    checkin = await both_answer(couple)
    await both_release(couple, checkin)
    await sam.releases(checkin, "closeness")
    await sam.leaves()

    await sam.pairs_with(alex)
    for person in couple:
        assert (await person.allows("sharing")).status_code == 200

    refused = await alex.releases(checkin, "closeness")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/checkin-closed")
    assert set((await alex.reads(checkin)).values()) == {None}
    assert set((await sam.reads(checkin)).values()) == {None}


# Who hears of it.


async def test_a_reveal_is_told_to_the_one_who_did_not_complete_it(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple
    checkin = await both_answer(couple)
    await alex.withdraws("sharing")
    await alex.allows("sharing")

    await sam.releases(checkin, "mood", "closeness")
    assert Kind.REVEAL not in await nudges_of(alex, db)

    await alex.releases(checkin, "mood")
    assert Kind.REVEAL in await nudges_of(sam, db)
    assert Kind.REVEAL not in await nudges_of(alex, db)

    await alex.releases(checkin, "closeness")
    await sam.releases(checkin, "mood")
    assert (await nudges_of(sam, db)).count(Kind.REVEAL) == 1
    assert Kind.REVEAL not in await nudges_of(alex, db)


async def test_a_release_that_reveals_nothing_is_told_to_nobody(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple
    checkin = await both_answer(couple)
    await sam.releases(checkin, "mood")
    await sam.withdraws("sharing")

    await alex.releases(checkin, "mood", "closeness")
    await sam.allows("sharing")

    assert (await sam.reads(checkin))["mood"] == 3
    for person in couple:
        assert Kind.REVEAL not in await nudges_of(person, db)


async def test_both_at_once_reveal_once(couple: Two, db: AsyncSession, clock: Clock) -> None:
    sam, alex = couple
    for number in range(50):
        clock.forward(days=1)
        checkin, mood = await sam.begins(), number % 5 + 1

        if number % 2:
            both = (person.answers_and_releases(checkin, mood=mood) for person in couple)
            answers = await asyncio.gather(*both)
        else:
            answers = await asyncio.gather(*(each.answers(checkin, mood=mood) for each in couple))
            answers += await asyncio.gather(*(each.releases(checkin, "mood") for each in couple))

        assert {answer.status_code for answer in answers} == {200}
        assert (await sam.reads(checkin))["mood"] == (await alex.reads(checkin))["mood"] == mood
        told = select(Nudge.account_id).where(
            col(Nudge.about) == checkin, col(Nudge.kind) == Kind.REVEAL
        )
        assert len((await db.exec(told)).all()) == 1


async def test_what_i_was_shown_binds_me_whatever_is_allowed_in_between(couple: Two) -> None:
    sam, alex = couple
    checkin = await revealed_to(sam, alex)
    assert (await alex.reads(checkin))["mood"] == 2

    await alex.withdraws("sharing")
    answer = await alex.takes_back(checkin, "mood")
    await alex.allows("sharing")

    assert answer.json()["type"] == "/problems/already-revealed"
    assert (await sam.reads(checkin))["mood"] == 5


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("hides", ["sharing", "topic", None])
async def test_what_both_released_is_taken_back_by_neither_whoever_has_read_it(
    couple: Two,
    hides: str | None,
    reads: bool,  # noqa: FBT001
) -> None:
    """Whether the other has read it is nobody's to know, so it looks the same either way."""
    sam, alex = couple
    checkin = await revealed_to(sam, alex)
    if reads:
        await sam.reads(checkin)
    if hides == "sharing":
        await sam.withdraws("sharing")
    elif hides == "topic":
        await sam.sets(off_limit_topics=SELF_CARE)

    for person in couple:
        refused = await person.takes_back(checkin, "mood")
        assert refused.json()["type"] == "/problems/already-revealed"


async def test_what_was_hidden_when_both_had_released_it_binds_once_it_may_be_read(
    couple: Two,
) -> None:
    sam, alex = couple
    checkin = await sam.begins()
    for person in couple:
        await person.answers(checkin, mood=2)
    await sam.releases(checkin, "mood")
    await sam.withdraws("sharing")
    await alex.releases(checkin, "mood")
    await sam.allows("sharing")

    refused = await sam.takes_back(checkin, "mood")

    assert refused.json()["type"] == "/problems/already-revealed"


async def test_nobody_else_binds_what_two_have_released(
    couple: Two, noise: Two, engines: Engines, db: AsyncSession
) -> None:
    sam, alex = couple
    await revealed_to(sam, alex)
    ours = col(Answer.account_id).in_([sam.id, alex.id])
    bound = select(Answer.account_id).where(col(Answer.revealed), ours)
    everywhere = "select bind_revealed(null, now())"
    await db.exec(update(Answer).values(revealed=False))
    await db.commit()

    await run_as(engines["api"], noise[0], everywhere)
    assert (await db.exec(bound)).all() == []

    await db.commit()
    await run_as(engines["api"], sam, everywhere)
    assert {*(await db.exec(bound)).all()} == {sam.id, alex.id}


@pytest.mark.parametrize("does", ["nothing", "answers", "releases"])
async def test_in_a_topic_that_i_closed_i_release_nothing_and_learn_nothing(
    couple: Two, does: str
) -> None:
    sam, alex = couple
    checkin = await sam.begins()
    await sam.answers(checkin, mood=2)
    if does != "nothing":
        await alex.answers(checkin, mood=5)
    if does == "releases":
        await alex.releases(checkin, "mood")
    await sam.sets(off_limit_topics=SELF_CARE)

    refused = await sam.releases(checkin, "mood")

    said = {"pointer": "#/questions/0", "detail": "This is not asked here."}
    assert (refused.status_code, refused.json()["errors"]) == (422, [said])
    assert (await sam.takes_back(checkin, "mood")).status_code == 204
    assert (await alex.reads(checkin))["mood"] is None


SELF_CARE = {"topics": ["self_care"], "shown": False}


async def revealed_to(sam: Person, alex: Person) -> str:
    """By Alex's word, and so to Alex at once."""
    checkin = await sam.begins()
    await sam.answers(checkin, mood=2)
    await sam.releases(checkin, "mood")
    await alex.answers(checkin, mood=5)
    await alex.releases(checkin, "mood")
    return checkin


async def test_of_a_topic_that_i_closed_nothing_is_said_to_me(couple: Two) -> None:
    sam, alex = couple
    checkin = await sam.begins("how_we_talk")
    for person in couple:
        await person.answers(checkin, money_talks="not_sure")
    await sam.releases(checkin, "money_talks")
    await sam.sets(off_limit_topics={"topics": ["money"], "shown": False})

    await alex.releases(checkin, "money_talks")

    assert (await alex.reads(checkin))["money_talks"] == "not_sure"
    assert (await sam.reads(checkin))["money_talks"] is None
    await sam.sets()
    assert (await sam.reads(checkin))["money_talks"] == "not_sure"
