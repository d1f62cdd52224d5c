"""Devices: where a push reaches a person."""

from alembic import op

from migrations import wall

revision = "0004"
down_revision = "0003"

TABLES = """
create table device (
    account_id uuid not null,
    target_kind varchar(40) not null,
    platform varchar(40) not null,
    locale varchar(40) not null,
    discreet boolean not null,
    id uuid not null,
    session_id uuid not null,
    target varchar not null,
    registered_at timestamptz not null,
    constraint pk_device primary key (id),
    constraint uq_device_target_kind_target unique (target_kind, target),
    constraint fk_device_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint ck_device_targetkind check (target_kind in ('fid', 'token')),
    constraint ck_device_platform check (platform in ('android', 'ios', 'web')),
    constraint ck_device_locale check (locale in ('en', 'pt')),
    constraint uq_device_session_id unique (session_id),
    constraint fk_device_session_id
        foreign key(session_id)
        references session (id)
        on delete cascade
);
create index ix_device_account_id on device (account_id);
"""

# A phone that changes hands: from now on it rings for whoever is signed in on it, and for nobody
# before. One at a time for each target, so that two who register it never trip over each other.
RELEASE_TARGET = """
language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(at_target, 7120212));
    delete from device
        where target_kind = kind and target = at_target and session_id <> session;
    return found;
end $$
"""


def upgrade() -> None:
    op.execute(TABLES)
    wall.mine("device")
    wall.hangs_on("device", "session", "session_id")
    wall.worker("device", "select, delete")
    wall.reaches_past(
        "release_target(kind varchar, at_target varchar, session uuid) returns boolean",
        RELEASE_TARGET,
    )


def downgrade() -> None:
    op.execute("drop function release_target")
    op.execute("drop table device")
