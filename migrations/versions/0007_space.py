"""Space: one row per person."""

from alembic import op

from migrations import wall

revision = "0007"
down_revision = "0006"

TABLES = """
create table space (
    ends_at timestamptz,
    account_id uuid not null,
    couple_id uuid not null,
    mode varchar(40) not null,
    began_at timestamptz not null,
    constraint pk_space primary key (account_id),
    constraint fk_space_account_id_couple_id
        foreign key(account_id, couple_id)
        references member (account_id, couple_id)
        on delete cascade,
    constraint ck_space_mode check (mode in ('told', 'silent'))
);
create index ix_space_couple_id on space (couple_id);
create index ix_space_ends_at on space (ends_at);
"""


def upgrade() -> None:
    op.execute(TABLES)
    wall.mine("space", "select, insert, update")
    wall.ends_with_pairing("space")
    wall.shows("space", "told", f"mode = 'told' and couple_id = {wall.OURS}")
    wall.worker("space", "select")


def downgrade() -> None:
    op.execute("drop table space")
