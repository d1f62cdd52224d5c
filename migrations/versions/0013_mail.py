"""Mail that is still to be sent."""

from alembic import op

from migrations import wall

revision = "0013"
down_revision = "0011"

TABLES = """
create table mail (
    id uuid not null,
    account_id uuid,
    kind varchar(40) not null,
    sealed bytea not null,
    due_at timestamptz not null,
    attempts integer not null,
    expires_at timestamptz not null,
    constraint pk_mail primary key (id),
    constraint fk_mail_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint ck_mail_mailkind check (kind in (
        'prove_sign_up', 'known', 'reset', 'unknown', 'prove_email', 'email_change'
    ))
);
create index ix_mail_account_id on mail (account_id);
create index ix_mail_due_at on mail (due_at);
"""
# Of an address that nobody has shown to be theirs yet, or one's own.
NOBODYS_OR_MINE = "account_id is null or account_id = (select me())"


def upgrade() -> None:
    op.execute(TABLES)
    # The api only ever adds a mail, and never learns what became of it. The worker reads what it
    # takes to send one, and not whose it is.
    wall.stands("mail")
    op.execute(f"grant insert on mail to {wall.API}")
    op.execute(
        f"create policy written on mail for insert to {wall.API} with check ({NOBODYS_OR_MINE})"
    )
    read = "select (id, kind, sealed, due_at, attempts, expires_at)"
    wall.worker("mail", f"{read}, update (due_at, attempts), delete")


def downgrade() -> None:
    op.execute("drop table mail")
