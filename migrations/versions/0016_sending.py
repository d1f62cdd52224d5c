"""How fast all workers together send: one row that they share."""

from alembic import op

from migrations import wall

revision = "0016"
down_revision = "0015"

TABLES = """
create table sending (
    id integer not null,
    second timestamptz not null,
    used integer not null,
    most integer not null,
    peace_until timestamptz not null,
    constraint pk_sending primary key (id),
    constraint ck_sending_one check (id = 1)
);
insert into sending (id, second, used, most, peace_until)
    values (1, timestamptz 'epoch', 0, 0, timestamptz 'epoch');
"""


def upgrade() -> None:
    op.execute(TABLES)
    # Nobody's, and so for the worker alone, which neither adds to it nor takes it away.
    wall.stands("sending")
    wall.worker("sending", "select, update (second, used, most, peace_until)")


def downgrade() -> None:
    op.execute("drop table sending")
