"""How the database came to be what it is. Written once, never changed, only added to."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Lock

from alembic import command
from alembic.config import Config
from sqlalchemy import URL

from schemas.database import open_owner

HERE = Path(__file__).parent
PATIENCE = "5s"  # with whoever uses a table that is to change
ONE_AT_A_TIME = Lock()  # what alembic is about to do stands in its globals


@cache
def head() -> str:
    """The newest migration that this code knows, and cannot do without."""
    return max(file.name[:4] for file in (HERE / "versions").glob("[0-9]*.py"))


def upgrade(url: URL, revision: str = "head") -> None:
    """Bring the database to this revision, as whoever the URL names. Safe to run twice at once."""
    run(url, command.upgrade, revision)


def downgrade(url: URL, revision: str = "base") -> None:
    run(url, command.downgrade, revision)


def check(url: URL) -> None:
    """Raises alembic's `CommandError` when the tables and `schemas` have drifted apart."""
    run(url, command.check)


def run(url: URL, step: Callable[..., object], *revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    engine = open_owner(url)
    try:
        with ONE_AT_A_TIME, engine.begin() as connection:
            config.attributes["connection"] = connection
            step(config, *revision)
    finally:
        engine.dispose()
