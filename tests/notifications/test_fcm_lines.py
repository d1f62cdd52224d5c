"""Lines to FCM, against a server that says exactly what a scene wants it to say."""

import asyncio
from asyncio import Event, StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from httptools import HttpParserError, HttpParserUpgrade

from notifications.fcm_answers import Answer
from notifications.fcm_lines import Lines

BRIEF = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Gives these answers in turn, to whoever asks on whatever line, byte for byte."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = [*answers]
        self.asked: list[tuple[int, bytes]] = []  # on which line, and the whole of it
        self.lines: list[StreamWriter] = []

    async def meet(self, reader: StreamReader, writer: StreamWriter) -> None:
        number = len(self.lines)
        self.lines.append(writer)
        while head := await until_empty_line(reader):
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            self.asked.append((number, head + await reader.readexactly(length)))
            writer.write(self.answers.pop(0))
        writer.close()

    @property
    def lines_used(self) -> list[int]:
        return [number for number, _ in self.asked]


async def until_empty_line(reader: StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


@asynccontextmanager
async def lines_to(here: Server) -> AsyncIterator[Lines]:
    server = await asyncio.start_server(here.meet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url, headers = f"http://127.0.0.1:{port}/send", {"X-Of-Ours": "yes"}
    async with Lines(url, headers) as lines, asyncio.timeout(10):
        yield lines
    for line in here.lines:
        line.close()
    server.close()
    await asyncio.sleep(0)


async def test_a_line_is_kept_for_the_next_message() -> None:
    here = Server(BRIEF, BRIEF)
    async with lines_to(here) as lines:
        for body in (b"one", b"two"):
            assert await lines.post(body, "token", Event()) == Answer(200, None, b"{}")

    [(_, first), (_, second)] = here.asked
    assert here.lines_used == [0, 0]
    assert first.startswith(b"POST /send HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-Of-Ours: yes\r\nAuthorization: Bearer token\r\n" in first
    assert (first[-7:], second[-7:]) == (b"\r\n\r\none", b"\r\n\r\ntwo")


async def test_an_answer_may_come_in_pieces_after_a_word_that_it_will_and_with_a_wait() -> None:
    piecemeal = (
        b"HTTP/1.1 103 Early Hints\r\nRetry-After: 1\r\n\r\n"
        b"HTTP/1.1 429 -\r\nretry-after: 30\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    async with lines_to(Server(piecemeal)) as lines:
        assert await lines.post(b"", "token", Event()) == Answer(429, "30", b"abcde")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        BRIEF + b"and what nobody has asked for",
        BRIEF + b"HTTP/1.1 404 -\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_a_line_that_was_given_up_is_not_used_again(answer: bytes) -> None:
    here = Server(answer, BRIEF)
    async with lines_to(here) as lines:
        assert (await lines.post(b"", "token", Event())).body == b"{}"
        assert (await lines.post(b"", "token", Event())).body == b"{}"

    assert here.lines_used == [0, 1]


async def test_a_message_has_left_when_it_is_written_and_not_when_it_is_answered() -> None:
    left = Event()
    async with lines_to(Server(b"")) as lines:
        asked = asyncio.create_task(lines.post(b"", "token", left))
        await left.wait()
        assert not asked.done()
        asked.cancel()
        await asyncio.wait([asked])


async def test_a_line_on_which_the_server_hung_up_is_not_used_again() -> None:
    here = Server(BRIEF, BRIEF)
    async with lines_to(here) as lines:
        await lines.post(b"", "token", Event())
        here.lines[0].close()
        await here.lines[0].wait_closed()
        await asyncio.sleep(0.05)
        await lines.post(b"", "token", Event())

    assert here.lines_used == [0, 1]


async def test_who_stops_waiting_hangs_up_so_that_a_late_answer_is_nobody_elses() -> None:
    here = Server(b"", BRIEF)
    async with lines_to(here) as lines:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await lines.post(b"", "token", Event())
        await asyncio.sleep(0.05)
        assert here.lines[0].is_closing()
        assert (await lines.post(b"", "token", Event())).status == 200

    assert here.lines_used == [0, 1]


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.9\r\n", b"HTTP/1.1 two hundred\r\n\r\n"])
async def test_what_is_no_http_is_an_error_at_once(answer: bytes) -> None:
    async with lines_to(Server(answer)) as lines:
        with pytest.raises(HttpParserError):
            await lines.post(b"", "token", Event())


async def test_nothing_is_written_behind_a_token_that_would_end_its_line() -> None:
    here = Server()
    async with lines_to(here) as lines:
        with pytest.raises(ValueError, match="no token"):
            await lines.post(b"", "token\r\nX-Not-Of-Ours: yes", Event())

    assert here.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\n" + b"X-More: yes\r\n" * 10_000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    ],
)
async def test_an_answer_that_does_not_end_or_is_none_ends_the_line(answer: bytes) -> None:
    here = Server(answer, BRIEF)

    async with lines_to(here) as lines:
        with pytest.raises((HttpParserError, HttpParserUpgrade)):
            await lines.post(b"{}", "token", Event())
        await lines.post(b"{}", "token", Event())

    assert here.lines_used == [0, 1]
