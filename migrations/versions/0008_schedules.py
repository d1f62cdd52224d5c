"""Schedules, who signed them, and at which hour each wants to be reminded."""

from alembic import op

from migrations import wall

revision = "0008"
down_revision = "0007"

TABLES = """
create table schedule (
    version integer not null,
    pack varchar not null,
    cadence varchar(40) not null,
    weekday varchar(40),
    id uuid not null,
    account_id uuid not null,
    couple_id uuid,
    proposed_at timestamptz not null,
    constraint pk_schedule primary key (id),
    constraint fk_schedule_account_id_couple_id
        foreign key(account_id, couple_id)
        references member (account_id, couple_id)
        on delete cascade,
    constraint ck_schedule_cadence check (cadence in ('daily', 'weekly')),
    constraint ck_schedule_weekday check (weekday in (
        'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'
    )),
    constraint fk_schedule_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade
);
create index ix_schedule_account_id on schedule (account_id);
create index ix_schedule_couple_id on schedule (couple_id);

create table schedule_signature (
    schedule_id uuid not null,
    account_id uuid not null,
    couple_id uuid,
    version integer not null,
    constraint pk_schedule_signature primary key (schedule_id, account_id),
    constraint fk_schedule_signature_account_id_couple_id
        foreign key(account_id, couple_id)
        references member (account_id, couple_id)
        on delete cascade,
    constraint fk_schedule_signature_schedule_id
        foreign key(schedule_id)
        references schedule (id)
        on delete cascade,
    constraint fk_schedule_signature_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade
);
create index ix_schedule_signature_account_id on schedule_signature (account_id);
create index ix_schedule_signature_couple_id on schedule_signature (couple_id);

create table schedule_hour (
    zone varchar(64) not null,
    account_id uuid not null,
    schedule_id uuid not null,
    couple_id uuid,
    at time not null,
    next_on date not null,
    next_at timestamptz not null,
    constraint pk_schedule_hour primary key (account_id, schedule_id),
    constraint fk_schedule_hour_account_id_couple_id
        foreign key(account_id, couple_id)
        references member (account_id, couple_id)
        on delete cascade,
    constraint fk_schedule_hour_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint fk_schedule_hour_schedule_id
        foreign key(schedule_id)
        references schedule (id)
        on delete cascade
);
create table schedule_declined (
    account_id uuid not null,
    schedule_id uuid not null,
    couple_id uuid not null,
    version integer not null,
    constraint pk_schedule_declined primary key (account_id, schedule_id),
    constraint fk_schedule_declined_account_id_couple_id
        foreign key(account_id, couple_id)
        references member (account_id, couple_id)
        on delete cascade,
    constraint fk_schedule_declined_schedule_id
        foreign key(schedule_id)
        references schedule (id)
        on delete cascade
);
create index ix_schedule_declined_schedule_id on schedule_declined (schedule_id);
create index ix_schedule_hour_schedule_id on schedule_hour (schedule_id);
create index ix_schedule_hour_next_at on schedule_hour (next_at);
"""

MINE_OR_OURS = f"couple_id = {wall.OURS} or couple_id is null and account_id = (select me())"


def upgrade() -> None:
    op.execute(TABLES)
    for table in ("schedule", "schedule_signature"):
        wall.stands(table)
        op.execute(f"grant {wall.ALL} on {table} to {wall.API}")
    # Nobody proposes, signs, moves or withdraws for the other.
    mine = "account_id = (select me())"
    op.execute(
        f"create policy agreed on schedule to {wall.API} using ({MINE_OR_OURS}) with check ({mine})"
    )
    wall.ends_with_pairing("schedule")
    wall.shows("schedule_signature", "agreed", MINE_OR_OURS)
    op.execute(
        f"create policy mine on schedule_signature to {wall.API} using ({mine}) with check ({mine})"
    )
    wall.mine("schedule_hour")
    wall.mine("schedule_declined")
    for table in ("schedule_signature", "schedule_hour", "schedule_declined"):
        wall.ends_with_pairing(table)
        wall.hangs_on(table, "schedule", "schedule_id")
    wall.worker("schedule", "select")
    wall.worker("schedule_signature", "select")
    wall.worker("schedule_hour", "select, update")


def downgrade() -> None:
    op.execute("drop table schedule_declined, schedule_hour, schedule_signature, schedule")
