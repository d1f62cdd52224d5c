"""What the people of a settlement ask, as Lua for wrk: in turns, nobody twice in a row."""

import json

from api import tokens
from api.tokens import Claims
from schemas.questions import Question
from tests.benchmarks.asked import Asked, value_of
from tests.benchmarks.settlers import PACK
from tests.builders import TOKEN_KEYS
from tests.proofs.stage import now

HOME = """
local tokens, turn = {%(tokens)s}, 0
request = function()
    turn = turn %% #tokens + 1
    return wrk.format("GET", "/v1/today", {authorization = "Bearer " .. tokens[turn]})
end
"""
# Everybody answers the first question and releases it, then everybody the next.
ANSWERING = """
local tokens, checkins, answers, turn = {%(tokens)s}, {%(checkins)s}, {%(answers)s}, 0
request = function()
    local who = turn %% #tokens + 1
    local said = answers[math.floor(turn / #tokens) %% #answers + 1]
    turn = turn + 1
    local head = {authorization = "Bearer " .. tokens[who], ["content-type"] = "application/json"}
    return wrk.format("PUT", "/v1/checkins/" .. checkins[who] .. "/answers", head, said)
end
"""


def asked_by(people: list[Asked], script: str) -> str:
    """With a token of each, good for a quarter of an hour."""
    moment = now()
    issued = [
        tokens.issue(TOKEN_KEYS, Claims(who.account_id, who.session_id), moment) for who in people
    ]
    given = {
        "tokens": issued,
        "checkins": [str(who.checkin_id) for who in people],
        "answers": [json.dumps({"answers": [answer_to(each)]}) for each in PACK.questions],
    }
    return script % {name: ", ".join(map(quoted, all_)) for name, all_ in given.items()}


def answer_to(question: Question) -> dict[str, object]:
    return {"question": question.id, "value": value_of(question), "release": True}


def quoted(text: str) -> str:
    """As Lua reads it."""
    return f"'{text}'"
