"""Answers that are kept for a day: a request that is sent again is not done again."""

from alembic import op

from migrations import wall

revision = "0012"
down_revision = "0011"

TABLES = """
create table kept_answer (
    account_id uuid not null,
    couple_id uuid,
    key_hash bytea not null,
    request_hash bytea not null,
    status integer not null,
    sealed bytea not null,
    expires_at timestamptz not null,
    constraint pk_kept_answer primary key (account_id, key_hash),
    constraint fk_kept_answer_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade
);
create index ix_kept_answer_expires_at on kept_answer (expires_at);
"""


def upgrade() -> None:
    op.execute(TABLES)
    wall.mine("kept_answer", "select, insert, update")
    wall.ends_with_pairing("kept_answer")
    # Swept when its day is over; what was answered is not for the worker to read.
    wall.worker("kept_answer", "select (expires_at), delete")


def downgrade() -> None:
    op.execute("drop table kept_answer")
