"""How many rows a function gives, so that what is asked with it is planned once.

PostgreSQL takes a function for a thousand rows. A screen that is read with the session that asks
then looks so dear that it is planned anew each time, which takes four times as long as reading it.
"""

from alembic import op

revision = "0017"
down_revision = "0016"

ROWS = {
    "open_session(uuid, timestamptz, boolean)": 1,
    "open_link(bytea, varchar, timestamptz, boolean)": 1,
    "invitation_of_code(bytea, timestamptz)": 1,
    "redeem_invitation(bytea, timestamptz, bytea)": 1,
    "reachable()": 3,
    "revealed_answers(uuid, timestamptz)": 40,
}


def upgrade() -> None:
    for function, rows in ROWS.items():
        op.execute(f"alter function {function} rows {rows}")


def downgrade() -> None:
    for function in ROWS:
        op.execute(f"alter function {function} rows 1000")
