"""`twofold serve | worker | migrate | keys | demo | openapi`: the one place that reads a clock."""

import argparse
import asyncio
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import uvloop
from fastapi import FastAPI
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

import migrations
from api import logs, processes
from api.app import create_app
from api.demo import demo
from api.fittings import Fittings
from api.local import everything
from api.openapi_yaml import as_yaml
from api.settings import Settings
from api.settings_refused import SettingRefused
from api.stopping import told_to_stop
from api.traces import traces
from schemas import embedded
from schemas.data_keys import rewrap
from schemas.database import transaction
from schemas.readiness import NotReady
from schemas.sealing import Keyring

CONTRACT = Path("openapi.yaml")
AT_ONCE = 500  # keys


def clock() -> datetime:
    return datetime.now(UTC)


def main() -> None:
    """Each command says on one line what stopped it."""
    arguments = parser().parse_args()
    logs.configure(arguments.run.__name__.removeprefix("run_"))
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
        (run_keys, "wrap every data key anew, with the first of TWOFOLD_DATA_KEYS"),
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
        if run is run_keys:
            command.add_argument("what", choices=["rotate"])
        if run is run_openapi:
            command.add_argument("--check", action="store_true", help="write nothing, compare")
    return top


def run_serve(arguments: argparse.Namespace) -> None:
    settings = Settings.from_environment(os.environ)
    url = the_database(settings)
    with traces("serve", settings.traces_endpoint):
        if arguments.with_worker:
            uvloop.run(serve_everything(settings, url))
        else:
            uvloop.run(processes.serve(settings, url, clock))


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


def run_worker(_: argparse.Namespace) -> None:
    settings = Settings.from_environment(os.environ)
    url = the_database(settings)
    with traces("worker", settings.traces_endpoint):
        uvloop.run(processes.work(settings, url, clock))


def run_migrate(_: argparse.Namespace) -> None:
    settings = Settings.from_environment(os.environ)
    url = the_database(settings)
    if settings.database_url:  # our own is up to date by now
        migrations.upgrade(url)


def run_keys(_: argparse.Namespace) -> None:
    """While everything runs: a key that is wrapped anew opens what it always opened."""
    settings = Settings.from_environment(os.environ)
    print(asyncio.run(rotate(settings, the_database(settings))), "keys wrapped anew")  # noqa: T201


async def rotate(settings: Settings, url: URL) -> int:
    """A few at a time, so that nobody waits for it. As the owner: the api may change no key."""
    engine, keyring, done = create_async_engine(url), Keyring(settings.data_keys), 0
    while True:
        async with transaction(engine) as db:
            some = await rewrap(db, keyring, AT_ONCE)
        done += some
        if not some:
            await engine.dispose()
            return done


def run_demo(_: argparse.Namespace) -> None:
    """On our own server it plays in a database of its own: a worker that is being served must not
    take what belongs to the story.
    """
    logs.configure("demo", logging.WARNING)  # the story is told on the same terminal
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
