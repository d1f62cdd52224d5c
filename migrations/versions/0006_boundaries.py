"""Boundaries: one row each, so that the wall can show one and not another."""

from alembic import op

from migrations import wall

revision = "0006"
down_revision = "0005"

TABLES = """
create table boundary (
    account_id uuid not null,
    kind varchar(40) not null,
    setting jsonb not null,
    shown_in uuid,
    constraint pk_boundary primary key (account_id, kind),
    constraint fk_boundary_account_id_shown_in
        foreign key(account_id, shown_in)
        references member (account_id, couple_id)
        on delete set null (shown_in),
    constraint fk_boundary_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint ck_boundary_boundarykind check (kind in (
        'quiet_hours', 'daily_budget', 'off_limit_topics', 'unwanted_nudges'
    ))
);
create index ix_boundary_shown_in on boundary (shown_in);
"""


def upgrade() -> None:
    op.execute(TABLES)
    wall.mine("boundary", "select, insert, delete")
    wall.ends_with_pairing("boundary", "shown_in")
    wall.shows("boundary", "shown_to_partner", f"shown_in = {wall.OURS}")
    wall.worker("boundary", "select")


def downgrade() -> None:
    op.execute("drop table boundary")
