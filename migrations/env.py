"""Run by alembic: one transaction for all steps, one migration at a time, no endless wait."""

from importlib import import_module
from pathlib import Path

from alembic import context
from sqlmodel import SQLModel

import migrations
import schemas

LOCK = 7120212  # any number, the same for ever: whoever migrates holds it

for file in Path(schemas.__file__).parent.glob("*.py"):
    import_module(f"schemas.{file.stem}")

connection = context.config.attributes["connection"]
connection.exec_driver_sql("set local statement_timeout = '10min'")
connection.exec_driver_sql(f"select pg_advisory_xact_lock({LOCK})")
# After its turn has come, since that lock would count as well: a migration may take a while, but
# must not stand before a busy table for long, with everybody else behind it.
connection.exec_driver_sql(f"set local lock_timeout = '{migrations.PATIENCE}'")
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    compare_type=True,
    transaction_per_migration=False,
)
context.run_migrations()
