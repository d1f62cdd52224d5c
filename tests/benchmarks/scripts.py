"""What the people of a settlement ask, as Lua for wrk: in turns, nobody twice in a row."""

from api import tokens
from api.tokens import Claims
from tests.benchmarks.asked import Asked
from tests.builders import TOKEN_KEYS
from tests.proofs.stage import now

HOME = """
local tokens, turn = {%(tokens)s}, 0
request = function()
    turn = turn %% #tokens + 1
    return wrk.format("GET", "/v1/today", {authorization = "Bearer " .. tokens[turn]})
end
"""
# One answers, and next releases what they answered before.
ANSWERING = """
local tokens, checkins, turn = {%(tokens)s}, {%(checkins)s}, 0
request = function()
    local who = math.floor(turn / 2) %% #tokens + 1
    local where = "/v1/checkins/" .. checkins[who] .. "/answers"
    local head = {authorization = "Bearer " .. tokens[who], ["content-type"] = "application/json"}
    turn = turn + 1
    if turn %% 2 == 1 then
        local said = '{"answers": [{"question": "appreciation", "value": "For the tea."}]}'
        return wrk.format("PUT", where, head, said)
    end
    return wrk.format("POST", where .. "/released", head, '{"questions": ["connection"]}')
end
"""


def asked_by(people: list[Asked], script: str) -> str:
    """With a token of each, good for a quarter of an hour."""
    moment = now()
    issued = [
        tokens.issue(TOKEN_KEYS, Claims(who.account_id, who.session_id), moment) for who in people
    ]
    given = {"tokens": issued, "checkins": [str(who.checkin_id) for who in people]}
    return script % {name: ", ".join(f'"{each}"' for each in all_) for name, all_ in given.items()}
