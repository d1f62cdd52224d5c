"""What Twofold is compared with: how it is asked for a home screen, and told an answer."""

import json
from dataclasses import dataclass

from tests.benchmarks.years import Years


@dataclass(frozen=True, slots=True)
class Call:
    """One request of an app: a GET, or what is posted."""

    path: str
    body: str = ""

    @property
    def method(self) -> str:
        return "POST" if self.body else "GET"


@dataclass(frozen=True, slots=True)
class Writer:
    """Somebody who answers: their token, and what `$words` stand for in what they post."""

    headers: dict[str, str]
    words: dict[str, str]


@dataclass(frozen=True, slots=True)
class Rival:
    """A running server, and one way to ask it."""

    name: str
    version: str
    url: str
    calls: list[Call]  # one home screen: Sam's, of the first couple
    headers: dict[str, str]  # Sam's
    stranger: dict[str, str]  # of somebody of the second couple
    strangers: list[Call]  # their own home screen
    answering: Call  # each time with another `$question`
    writers: list[Writer]  # one of each couple
    years: Years
    guarded: bool  # does it ask whether who writes to somebody is their partner?


def screens_script(rival: Rival) -> str:
    """Lua for wrk: the calls of the screen, one after the other. Screens a second are requests a
    second by the number of calls.
    """
    calls = ",\n".join(f"  {formatted(call, rival.headers)}" for call in rival.calls)
    return f"""
local calls, n
function init()
  calls, n = {{
{calls}
  }}, 0
end
function request()
  n = n % #calls + 1
  return calls[n]
end
"""


def formatted(call: Call, headers: dict[str, str]) -> str:
    body = quoted(call.body) if call.body else "nil"
    said = (quoted(call.method), quoted(call.path), table(as_json(headers)), body)
    return f"wrk.format({', '.join(said)})"


def as_json(headers: dict[str, str]) -> dict[str, str]:
    return headers | {"Content-Type": "application/json"}


def quoted(text: str) -> str:
    """Lua reads quotes, backslashes and line breaks as JSON writes them."""
    return json.dumps(text, ensure_ascii=False)


def table(said: dict[str, str]) -> str:
    return "{" + ", ".join(f"[{quoted(k)}] = {quoted(v)}" for k, v in said.items()) + "}"


def answering_script(rival: Rival) -> str:
    """Lua for wrk: the writers in turn answer what nobody has answered, in this run or before."""
    writers = ",\n".join(
        f"  {{{table(as_json(each.headers))}, {table(each.words)}}}" for each in rival.writers
    )
    return f"""
local writers = {{
{writers}
}}
local body, began, n = {quoted(rival.answering.body)}, os.time(), 0
function request()
  n = n + 1
  local headers, words = unpack(writers[n % #writers + 1])
  words.question = "question_" .. began .. "_" .. n
  local said = body:gsub("%$(%w+)", words)
  return wrk.format("POST", {quoted(rival.answering.path)}, headers, said)
end
"""


def answer_of(rival: Rival, writer: Writer, question: str) -> str:
    """The same, once: what is posted."""
    body = rival.answering.body
    for name, word in (writer.words | {"question": question}).items():
        body = body.replace(f"${name}", word)
    return body
