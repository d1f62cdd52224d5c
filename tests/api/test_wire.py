"""Over real connections: who is slow, who sends too much, and who says for whom they ask."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response

from api import bodies
from api.heads import LARGEST_HEADERS
from api.limits import Limits
from api.policy.limits import ANYBODY
from api.settings import Settings
from api.wire import Patient, wired
from notifications.emulator_socket import serve
from tests.builders import Two

PROXY, CLIENT = "127.0.0.1", "203.0.113.7"
BEGUN = b"POST /v1/accounts HTTP/1.1\r\nhost: api\r\ncontent-type: application/json\r\n"
ANNOUNCED = BEGUN + b"content-length: 100\r\n"


@asynccontextmanager
async def served(app: FastAPI, data: Path, **set_: str) -> AsyncIterator[str]:
    settings = Settings.from_environment({"TWOFOLD_DATA": str(data)} | set_)
    async with serve(app, **wired(settings)) as url:
        yield url


@pytest.fixture
async def port(app: FastAPI, tmp_path: Path) -> AsyncIterator[int]:
    async with served(app, tmp_path) as url:
        yield int(url.rpartition(":")[2])


async def dribbled(port: int, *pieces: bytes) -> bytes:
    """What is answered before somebody hangs up. The last piece comes again and again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = asyncio.create_task(whatever_comes(reader))
    for piece in pieces:
        writer.write(piece)
    while not answer.done():
        await asyncio.wait([answer], timeout=0.02)
        if not writer.is_closing():
            writer.write(pieces[-1])
    writer.close()
    return await answer


async def whatever_comes(reader: asyncio.StreamReader) -> bytes:
    """Until it ends, or breaks off."""
    came = b""
    try:
        while some := await reader.read(65536):
            came += some
    except ConnectionError:
        pass
    return came


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Patient, "slowest", 0.3)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "pieces",
    [
        [b""],
        [b"G"],
        [BEGUN, b"x: 1\r\n"],
        [ANNOUNCED + b"\r\n", b" "],
        [b"GET /v1/nowhere HTTP/1.1\r\nhost: api\r\ncontent-length: 9999\r\n\r\n", b" "],
    ],
    ids=["nothing", "a letter", "headers", "a body", "a body that nobody reads"],
)
async def test_whoever_dribbles_is_hung_up_on(port: int, pieces: list[bytes]) -> None:
    async with asyncio.timeout(10):
        await dribbled(port, *pieces)


async def test_a_body_that_does_not_come_in_time_is_told_so(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "SLOWEST_BODY", 0.3)

    async with asyncio.timeout(10):
        answer = await dribbled(port, ANNOUNCED + b"\r\n", b" ")

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"/problems/too-slow" in answer
    assert b"connection: close" in answer.lower()
    assert b"strict-transport-security" in answer


@pytest.mark.usefixtures("hasty")
async def test_whoever_asks_again_and_again_in_time_is_not_hung_up_on(
    app: FastAPI, tmp_path: Path
) -> None:
    async with served(app, tmp_path) as url, AsyncClient(base_url=url, trust_env=False) as phone:
        ports = set()
        async with asyncio.timeout(10):
            for _ in range(30):
                answer = await phone.get("/v1/nowhere")
                stream = answer.extensions["network_stream"]
                ports.add(stream.get_extra_info("client_addr"))
                await asyncio.sleep(0.02)  # 30 of them last longer than one request may
    assert len(ports) == 1


async def test_headers_without_end_are_not_kept_to_be_refused_in_words(port: int) -> None:
    endless = b"x-more: " + b"a" * 4 * LARGEST_HEADERS

    async with asyncio.timeout(10):
        answer = await dribbled(port, BEGUN + endless, b"a")

    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 ")) or not answer


# For whom somebody asks


@contextmanager
def counted(app: FastAPI) -> Iterator[None]:
    house = app.state.house
    app.state.house = replace(house, limits=Limits(in_force=[replace(ANYBODY, most=1)]))
    try:
        yield
    finally:
        app.state.house = house


async def asks(url: str, forwarded: str) -> Response:
    async with AsyncClient(base_url=url, trust_env=False) as phone:
        return await phone.get("/v1/nowhere", headers={"x-forwarded-for": forwarded})


FORWARDED: dict[str, Any] = {
    "nobody is believed": ("", [CLIENT, "203.0.113.8"], [404, 429]),
    "a proxy is": (PROXY, [CLIENT, "203.0.113.8", CLIENT], [404, 404, 429]),
    "a network of proxies is": ("10.0.0.0/8, 127.0.0.0/8", [CLIENT, "203.0.113.8"], [404, 404]),
    "another is not": ("10.0.0.1", [CLIENT, "203.0.113.8"], [404, 429]),
    # What the client itself wrote stands before what the proxy saw.
    "nor what was there before": (PROXY, [f"1.1.1.1, {CLIENT}", f"2.2.2.2, {CLIENT}"], [404, 429]),
}


@pytest.mark.parametrize("case", FORWARDED)
async def test_for_whom_somebody_asks_is_believed_of_named_proxies_alone(
    app: FastAPI, tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # which the server would read by itself
    proxies, forwarded, statuses = FORWARDED[case]
    async with served(app, tmp_path, TWOFOLD_TRUSTED_PROXIES=proxies) as url:
        with counted(app):
            answers = [await asks(url, each) for each in forwarded]

    assert [each.status_code for each in answers] == statuses


async def test_no_address_is_written_anywhere(
    app: FastAPI, couple: Two, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    sam, _ = couple
    async with (
        served(app, tmp_path, TWOFOLD_TRUSTED_PROXIES=PROXY) as url,
        AsyncClient(base_url=url, auth=sam.auth, trust_env=False) as phone,
    ):
        await phone.get("/v1/today", headers={"x-forwarded-for": CLIENT})

    assert [each for each in caplog.records if CLIENT in each.getMessage()] == []
    assert caplog.records, "else nothing was logged"
