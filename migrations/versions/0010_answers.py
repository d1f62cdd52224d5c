"""Answers, and the one function in which the reveal happens."""

from alembic import op

from migrations import wall

revision = "0010"
down_revision = "0009"

TABLES = """
create table answer (
    released boolean not null,
    final boolean not null,
    revealed boolean not null,
    checkin_id uuid not null,
    account_id uuid not null,
    question varchar not null,
    sealed bytea,
    shared bytea,
    answered_at timestamptz not null,
    constraint pk_answer primary key (checkin_id, account_id, question),
    constraint ck_answer_skipped_is_not_released check (not released or sealed is not null),
    constraint ck_answer_released_is_shared check (released = (shared is not null)),
    constraint ck_answer_released_is_final check (not released or final),
    constraint ck_answer_revealed_is_released check (not revealed or released),
    constraint fk_answer_checkin_id
        foreign key(checkin_id)
        references checkin (id)
        on delete cascade,
    constraint fk_answer_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade
);
create index ix_answer_account_id on answer (account_id);
"""

# My partner's answers to what both have answered and released, while both are a couple and both
# allow it. Nothing else in the project reads an answer of anybody but the one who asks.
REVEALED_ANSWERS = """
language sql stable as $$
    select theirs.question, theirs.shared
    from member
    join checkin on checkin.couple_id = member.couple_id
    join answer mine on mine.checkin_id = checkin.id and mine.account_id = member.account_id
    join answer theirs on theirs.checkin_id = checkin.id
        and theirs.account_id = member.partner_id and theirs.question = mine.question
    where member.account_id = me() and checkin.id = revealed_answers.checkin
        and mine.released and theirs.released
        and allows(member.account_id, 'sharing', at) and allows(member.partner_id, 'sharing', at)
$$
"""

# What is revealed binds both: neither takes it back any more, whether or not anybody has read it.
# In one check-in of the two, or, where none is named, in all.
BIND_REVEALED = """
language sql as $$
    update answer set revealed = true
    from member
    join checkin on checkin.couple_id = member.couple_id
    join answer mine on mine.checkin_id = checkin.id and mine.account_id = member.account_id
    join answer theirs on theirs.checkin_id = checkin.id
        and theirs.account_id = member.partner_id and theirs.question = mine.question
    where member.account_id = me()
        and (bind_revealed.checkin is null or checkin.id = bind_revealed.checkin)
        and mine.released and theirs.released and not (mine.revealed and theirs.revealed)
        and allows(member.account_id, 'sharing', at) and allows(member.partner_id, 'sharing', at)
        and answer.checkin_id = checkin.id and answer.question = mine.question
        and answer.account_id in (member.account_id, member.partner_id)
$$
"""

# Whoever answers sees the check-in from then on: nobody answers what was not asked of them. (Said
# in the policy itself, this would go round in a circle: what is answered is seen, see below.)
ASKED_OF_ME = """
language sql stable as $$
    select exists (select from checkin where id = asked_of_me.checkin
        and (account_id = me() or couple_id = my_couple())
        and (schedule_id is null or exists (select from checkin_arrival
            where checkin_id = checkin.id and account_id = me())))
$$
"""


def upgrade() -> None:
    op.execute(TABLES)
    # To which question an answer was given is never changed.
    wall.mine(
        "answer",
        "select, insert, update (sealed, shared, released, final, answered_at)",
    )
    wall.reaches_past("asked_of_me(checkin uuid) returns boolean", ASKED_OF_ME)
    op.execute(
        f"create policy asked on answer as restrictive for insert to {wall.API}"
        " with check (asked_of_me(checkin_id))"
    )
    # What I wrote stays mine, also after leaving.
    wall.shows(
        "checkin",
        "answered",
        "exists (select from answer where checkin_id = checkin.id and account_id = (select me()))",
    )
    op.execute(f"grant select (checkin_id, account_id) on answer to {wall.WORKER}")
    op.execute(f"create policy worker on answer for select to {wall.WORKER} using (true)")
    wall.reaches_past(
        "revealed_answers(checkin uuid, at timestamptz)"
        " returns table (question varchar, shared bytea)",
        REVEALED_ANSWERS,
    )
    wall.reaches_past("bind_revealed(checkin uuid, at timestamptz) returns void", BIND_REVEALED)


def downgrade() -> None:
    op.execute("drop function bind_revealed")
    op.execute("drop function revealed_answers")
    op.execute("drop policy answered on checkin")
    op.execute("drop table answer")
    op.execute("drop function asked_of_me")
