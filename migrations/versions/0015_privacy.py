"""Deletion: asked for, waited for, and final."""

from alembic import op

from migrations import wall

revision = "0015"
down_revision = "0014"

TABLES = """
create table deletion (
    account_id uuid not null,
    asked_at timestamptz not null,
    due_at timestamptz not null,
    final boolean not null,
    constraint pk_deletion primary key (account_id),
    constraint fk_deletion_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade
);
create index ix_deletion_due_at on deletion (due_at);
"""

# From this moment nothing that this person wrote can be read by anybody, nothing of theirs rings,
# and nobody is signed in as them: whatever interrupts the rest, only unreadable words are left.
LAST_OF_THEM = """
create function last_of_them() returns trigger security definer set search_path = public, pg_temp
language plpgsql as $$
begin
    delete from invitation where account_id = new.account_id or joiner_id = new.account_id;
    delete from member where account_id = new.account_id;
    delete from data_key where account_id = new.account_id;
    delete from session where account_id = new.account_id;
    return null;
end $$;
revoke all on function last_of_them() from public;
create trigger last_of_them after update on deletion
    for each row when (new.final) execute function last_of_them();
"""

# What the worker sweeps when its time is over (schemas/retention.py), where it could not yet.
SWEPT = ("partner_nudge", "space")


def upgrade() -> None:
    op.execute(TABLES)
    wall.mine("deletion", "select, insert, delete")
    # The api neither writes that a deletion is final nor takes one back that is.
    op.execute(
        f"create policy not_final on deletion as restrictive to {wall.API} using (not final)"
    )
    op.execute(LAST_OF_THEM)
    op.execute(f"grant select, update (final) on deletion to {wall.WORKER}")
    # Nobody writes for the two while one of them goes.
    op.execute(f"grant execute on function lock_for_writing(uuid) to {wall.WORKER}")
    op.execute(f"create policy worker on deletion to {wall.WORKER} using (true)")
    # Nobody's account but that of whoever asked for it, and not before their keys are gone.
    op.execute(f"grant delete on account to {wall.WORKER}")
    op.execute(
        f"create policy goes on account for delete to {wall.WORKER} using (exists"
        " (select from deletion where deletion.account_id = account.id and deletion.final))"
    )
    for table in SWEPT:
        op.execute(f"grant delete on {table} to {wall.WORKER}")
    wall.worker("invitation", "select (expires_at), delete")


def downgrade() -> None:
    op.execute("drop policy worker on invitation")
    op.execute(f"revoke select (expires_at), delete on invitation from {wall.WORKER}")
    for table in SWEPT:
        op.execute(f"revoke delete on {table} from {wall.WORKER}")
    op.execute("drop policy goes on account")
    op.execute(f"revoke delete on account from {wall.WORKER}")
    op.execute(f"revoke execute on function lock_for_writing(uuid) from {wall.WORKER}")
    op.execute("drop table deletion")
    op.execute("drop function last_of_them")
