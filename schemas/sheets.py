"""A sheet: one check-in as it lies before one person, read in one statement and written in one."""

import json
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import LargeBinary, String, Uuid, bindparam, func, update
from sqlmodel import UTCDateTime, col, column, null, select

from schemas.answers import Answer, Said, shared_place
from schemas.boundaries import MINE_SET, BoundarySet
from schemas.bulk import given, insert_all
from schemas.checkins import MINE_TO_SEE, Checkin, Sitting
from schemas.consents import LastWord
from schemas.in_json import Octets, as_json, in_one, of
from schemas.last_words import MY_LAST_WORDS
from schemas.pairing import Member
from schemas.sealing import unseal


class Revealed(BaseModel):
    """What my partner said to a question, and I may read."""

    question: str
    shared: Octets

    def read(self, me: Member, checkin_id: UUID) -> Any:  # noqa: ANN401 - as its question is answered
        """Their words."""
        place = shared_place(me.couple_id, checkin_id, me.partner_id, self.question)
        return json.loads(unseal(me.couple_key, self.shared, place))


class RevealedRows(BaseModel):
    """What of one check-in one person may read of their partner."""

    revealed: list[Revealed]


class SheetRows(RevealedRows):
    """All that one check-in shows to one person, and that decides what they may do with it. Before
    they write, nothing of their partner's is read.
    """

    revealed: list[Revealed] = []
    sittings: list[Sitting]  # one, if it is theirs to see
    answers: list[Said]  # their own
    consents: list[LastWord]
    boundaries: list[BoundarySet]


SITTING = select(*of(Checkin, Sitting)).where(col(Checkin.id) == bindparam("id"), MINE_TO_SEE)
ANSWERS = select(*of(Answer, Said)).where(
    col(Answer.checkin_id) == bindparam("id"), col(Answer.account_id) == bindparam("me")
)
# My partner's answers come in two ways and in no other: they are read, or first revealed. See
# migrations/versions/0010_answers.py and 0019_in_fewer_steps.py.
_theirs = (column("question", String), column("shared", LargeBinary))
_here = (bindparam("id", type_=Uuid), bindparam("now", type_=UTCDateTime))
_told = (
    bindparam("nudge", type_=Uuid),
    bindparam("ends", type_=UTCDateTime),
    bindparam("rings", type_=UTCDateTime),
)
_revealed = func.revealed_answers(*_here).table_valued(*_theirs)
_reveal = func.reveal(*_here, *_told).table_valued(*_theirs)
MINE = {
    "sittings": as_json(SITTING),
    "answers": as_json(ANSWERS),
    "consents": as_json(MY_LAST_WORDS),
    "boundaries": MINE_SET,
}
MY_SHEET = select(in_one(MINE))
SHEET = select(in_one(MINE | {"revealed": as_json(select(*_revealed.c))}))
REVEAL = select(in_one({"revealed": as_json(select(*_reveal.c))}))
_key = ("checkin_id", "account_id", "question")
SHARING = ("shared", "released", "final")
_put = insert_all(Answer, "question")
PUT = _put.on_conflict_do_update(
    index_elements=_key,
    set_={name: _put.excluded[name] for name in ("sealed", "answered_at", *SHARING)},
)
_shared = given(Answer, *_key, *SHARING)
SHARE = (
    update(Answer)
    .where(*(getattr(Answer, name) == _shared.c[name] for name in _key))
    .values({name: _shared.c[name] for name in SHARING})
)
# Of all that the two have: a check-in that is named was for processes of before 0019.
BIND_REVEALED = select(func.bind_revealed(null(), bindparam("now", type_=UTCDateTime)))
