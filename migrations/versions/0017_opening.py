"""How many rows a function gives, so that what is asked with it is planned once.

PostgreSQL takes a function for a thousand rows. A screen that is read with the session that asks
then looks so dear that it is planned anew each time, which takes four times as long as reading it.
"""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute("alter function open_session(uuid, timestamptz, boolean) rows 1")
    op.execute("alter function revealed_answers(uuid, timestamptz) rows 40")


def downgrade() -> None:
    for function in (
        "open_session(uuid, timestamptz, boolean)",
        "revealed_answers(uuid, timestamptz)",
    ):
        op.execute(f"alter function {function} rows 1000")
