"""Check-ins: of one person, or of a couple."""

from alembic import op

from migrations import wall

revision = "0009"
down_revision = "0008"

TABLES = """
create table checkin (
    id uuid not null,
    account_id uuid,
    couple_id uuid,
    begun_by uuid,
    schedule_id uuid,
    pack varchar not null,
    version integer not null,
    date date not null,
    begun_at timestamptz not null,
    closes_at timestamptz not null,
    constraint pk_checkin primary key (id),
    constraint ck_checkin_one_or_both check ((account_id is null) <> (couple_id is null)),
    constraint uq_checkin_account_id_couple_id_pack_date_schedule_id
        unique nulls not distinct (account_id, couple_id, pack, date, schedule_id),
    constraint fk_checkin_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint fk_checkin_couple_id foreign key(couple_id) references couple (id),
    constraint fk_checkin_begun_by
        foreign key(begun_by)
        references account (id)
        on delete set null
);
create index ix_checkin_couple_id on checkin (couple_id);
create index ix_checkin_begun_by on checkin (begun_by);
create index ix_checkin_schedule_id on checkin (schedule_id);

create table checkin_arrival (
    account_id uuid not null,
    checkin_id uuid not null,
    constraint pk_checkin_arrival primary key (account_id, checkin_id),
    constraint fk_checkin_arrival_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint fk_checkin_arrival_checkin_id
        foreign key(checkin_id)
        references checkin (id)
        on delete cascade
);
create index ix_checkin_arrival_checkin_id on checkin_arrival (checkin_id);
"""

MINE_OR_OURS = f"account_id = (select me()) or couple_id = {wall.OURS}"
ARRIVED = (
    "schedule_id is null or exists (select from checkin_arrival"
    " where checkin_id = checkin.id and account_id = (select me()))"
)


def upgrade() -> None:
    op.execute(TABLES)
    wall.stands("checkin")
    op.execute(f"grant select, insert, update (begun_by) on checkin to {wall.API}")
    op.execute(
        f"create policy ours on checkin to {wall.API}"
        f" using (({MINE_OR_OURS}) and ({ARRIVED})) with check ({MINE_OR_OURS})"
    )
    wall.worker("checkin", "select, insert")
    # Whose hour has come is for the worker to say: nobody sets it forward for themselves.
    wall.mine("checkin_arrival", "select")
    wall.worker("checkin_arrival", "insert")


def downgrade() -> None:
    op.execute("drop table checkin, checkin_arrival")
