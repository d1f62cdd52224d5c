import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from api.logs import CHATTY, configure, form

CANARY = "tweetytweety"


def line(name: str, message: object, *arguments: object, **also: Any) -> dict[str, Any]:  # noqa: ANN401
    """As it is written."""
    record = logging.LogRecord(name, logging.INFO, "", 1, message, arguments, None)
    record.__dict__ |= also
    read: dict[str, Any] = json.loads(form("serve", plain=False).format(record))
    return read


def test_a_line_of_ours_says_when_where_and_what() -> None:
    said = line("api.observed", "request", operation="today_read_today", status=200)

    assert said.pop("timestamp").endswith("Z")
    assert said == {
        "event": "request",
        "level": "info",
        "logger": "api.observed",
        "process": "serve",
        "operation": "today_read_today",
        "status": 200,
    }
    assert line("notifications.fcm", "push %s: %d", "an id", 200)["event"] == "push an id: 200"


@pytest.mark.parametrize("name", ["asyncio", "psycopg.pool", "uvicorn.error", "apiary"])
def test_of_what_a_library_says_only_its_own_words_are_kept(name: str) -> None:
    assert line(name, "could not read %r", CANARY)["event"] == "could not read %r"
    assert line(name, f"never retrieved\nfuture: {CANARY}")["event"] == "never retrieved"
    assert line(name, ValueError(CANARY))["event"] == "ValueError"


@pytest.mark.parametrize("name", ["api.handlers", "asyncio"])
def test_of_what_went_wrong_its_type_and_its_place_are_kept(name: str) -> None:
    try:
        raise ValueError(CANARY)  # noqa: TRY301
    except ValueError:
        said = line(name, "failed", exc_info=sys.exc_info(), stack_info=CANARY)

    assert said["error"] == "ValueError"
    assert said["at"].startswith("test_logs.py:")
    assert CANARY not in str(said)


def test_nobody_can_write_a_line_of_their_own_into_the_log() -> None:
    record = logging.LogRecord("api", logging.INFO, "", 1, "request", (), None)
    record.__dict__["operation"] = forged = f'"}}\n{{"event": "{CANARY}'

    written = form("serve", plain=False).format(record)

    assert len(written.splitlines()) == 1
    assert json.loads(written)["operation"] == forged


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("", *CHATTY)]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.mark.usefixtures("logging_as_it_was")
def test_on_a_terminal_it_is_for_people_and_elsewhere_for_machines() -> None:
    written = []
    for stream in (Terminal(), io.StringIO()):
        configure("serve", stream=stream)
        logging.getLogger("api.observed").info("request", extra={"status": 200})
        logging.getLogger("httpx").info("of no interest")
        written.append(stream.getvalue())

    people, machines = written
    assert "status=200" in people
    assert json.loads(machines)["status"] == 200
