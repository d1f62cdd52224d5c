from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.base import Locale
from schemas.consents import TEXTS, Consent, Purpose, allowed
from schemas.pairing import Couple, CoupleMember
from tests.builders import Person, Two
from tests.fakes import NOON

A_SECOND = timedelta(seconds=1)
ENDS = (None, NOON - A_SECOND, NOON, NOON + A_SECOND)


def said(
    account_id: UUID, couple_id: UUID | None, purpose: Purpose, number: int = 1, **word: object
) -> Consent:
    usual = {"given": True, "text_version": 1, "expires_at": None, "said_at": NOON, "hash": b""}
    named = {"account_id": account_id, "couple_id": couple_id, "purpose": purpose}
    return Consent.model_validate(usual | word | named | {"number": number})


@pytest.mark.parametrize("purpose", Purpose)
def test_a_yes_counts_here_and_now_and_nothing_else_does(purpose: Purpose) -> None:
    here, elsewhere = uuid4(), uuid4()
    for given, ends, where, now_in in product(
        (True, False), ENDS, (here, elsewhere, None), (here, None)
    ):
        word = said(uuid4(), where, purpose, given=given, expires_at=ends)

        in_time = ends is None or ends > NOON
        in_place = purpose in {Purpose.CHECKINS, Purpose.REMINDERS} or where == now_in
        assert word.allows(now_in, NOON) == (given and in_time and in_place)


def test_what_was_never_said_is_not_allowed() -> None:
    assert allowed([], None, NOON) == set()
    assert allowed([said(uuid4(), None, Purpose.REMINDERS)], None, NOON) == {Purpose.REMINDERS}


def combinations(places: tuple[UUID | None, ...]) -> Iterator[tuple[Purpose, dict[str, object]]]:
    """Every last word there can be, and where it was said."""
    for purpose, given, ends, where in product(Purpose, (True, False), ENDS, places):
        yield purpose, {"given": given, "expires_at": ends, "couple_id": where}


async def database_allows(db: AsyncSession, person: Person, purpose: Purpose) -> bool:
    asked = {"who": person.id, "what": purpose, "at": NOON}
    says = text("select allows(:who, :what, :at)")
    return bool((await (await db.connection()).execute(says, asked)).scalar_one())


@pytest.mark.parametrize("paired", [True, False])
async def test_the_database_and_the_code_allow_the_same(
    paired: bool,  # noqa: FBT001
    alone: Two,
    db: AsyncSession,
) -> None:
    sam, alex = alone
    former = Couple(id=uuid4(), paired_at=NOON)
    db.add(former)
    await db.commit()
    await sam.pairs_with(alex)
    here = (
        await db.exec(select(CoupleMember.couple_id).where(CoupleMember.account_id == sam.id))
    ).one()
    if not paired:
        await alex.leaves()
    now_in = here if paired else None
    answers = set()
    for purpose, word in combinations((here, former.id, None)):
        first = said(sam.id, None, purpose, given=not word["given"])
        last = said(sam.id, word.pop("couple_id"), purpose, 2, **word)  # type: ignore[arg-type]
        db.add_all([first, last])
        await db.flush()

        expected = last.allows(now_in, NOON)
        assert await database_allows(db, sam, purpose) == expected, last
        answers.add(expected)
        db.expunge_all()
        await db.exec(delete(Consent).where(col(Consent.account_id) == sam.id))
    assert answers == {True, False}
    assert not any([await database_allows(db, sam, purpose) for purpose in Purpose])


@pytest.mark.parametrize("purpose", Purpose)
def test_every_purpose_is_asked_for_in_every_language(purpose: Purpose) -> None:
    assert TEXTS[purpose].keys() == set(Locale)
    assert len(set(TEXTS[purpose].values())) == len(Locale)
