"""Identities elsewhere, and which of their tokens were used."""

from alembic import op

from migrations import wall

revision = "0013"
down_revision = "0012"

TABLES = """
create table identity (
    account_id uuid not null,
    issuer varchar(40) not null,
    subject_hash bytea not null,
    linked_at timestamptz not null,
    good_from timestamptz not null,
    constraint pk_identity primary key (account_id, issuer),
    constraint ck_identity_issuer check (issuer in ('apple', 'google')),
    constraint uq_identity_subject_hash unique (subject_hash),
    constraint fk_identity_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade
);

create table identity_nonce (
    account_id uuid not null,
    hash bytea not null,
    expires_at timestamptz not null,
    constraint pk_identity_nonce primary key (hash),
    constraint fk_identity_nonce_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade
);
create index ix_identity_nonce_account_id on identity_nonce (account_id);
"""

# Signing in begins with a token that an issuer signed. The identity is locked for whoever unlinks
# meanwhile: they wait until this session is there, and end it. The account comes first, as it does
# for everybody who writes alone, so that no two wait for each other. A change whose hour has come
# comes before that: `take_effect` stands in 0014.
ACCOUNT_BY_IDENTITY = """
language plpgsql as $$
declare who uuid;
begin
    select account_id into who from identity where subject_hash = hash;
    perform take_effect(who, at);
    perform from account where id = who for no key update;
    return (
        select account_id from identity
        where subject_hash = hash and account_id = who and good_from <= at
        for key share
    );
end $$
"""


def upgrade() -> None:
    op.execute(TABLES)
    wall.mine("identity", "select, insert, delete")
    wall.mine("identity_nonce", "select, insert")
    wall.worker("identity_nonce", "select (expires_at), delete")
    wall.reaches_past(
        "account_by_identity(hash bytea, at timestamptz) returns uuid", ACCOUNT_BY_IDENTITY
    )


def downgrade() -> None:
    op.execute("drop function account_by_identity")
    op.execute("drop table identity_nonce, identity")
