"""What is asked most takes fewer steps.

To release is one function: what both have released by then is found once, binds both, is told where
there is more of it, and is shown. And whether somebody's hour for a check-in has come is looked up
for that check-in alone: with `exists`, PostgreSQL first read all the hours that ever came for them.
"""

from alembic import op

from migrations import wall

revision = "0019"
down_revision = "0018"

# What my partner and I may read of each other in one check-in, as `revealed_answers` says: nothing
# else does. From here on neither takes it back, whether or not anybody has read it, and where there
# is more of it than before my partner is told.
REVEAL = """
language plpgsql as $$
#variable_conflict use_column
declare questions varchar[]; words bytea[];
begin
    select array_agg(question), array_agg(shared) into questions, words
        from revealed_answers(reveal.checkin, at);
    update answer set revealed = true
        where checkin_id = reveal.checkin and account_id in (me(), my_partner())
        and question = any(questions) and not revealed;
    if found then
        perform tell(
            reveal.nudge, my_partner(), my_couple(), 'reveal', reveal.checkin, at, ends, rings);
    end if;
    return query select * from unnest(questions, words);
end $$
"""

# As in 0009.
MINE_OR_OURS = f"account_id = (select me()) or couple_id = {wall.OURS}"
ARRIVAL = (
    "select {what} from checkin_arrival"
    " where checkin_id = checkin.id and account_id = (select me())"
)


def shows_once_arrived(arrived: str) -> None:
    op.execute(
        "alter policy ours on checkin"
        f" using (({MINE_OR_OURS}) and (schedule_id is null or {arrived}))"
    )


def upgrade() -> None:
    wall.reaches_past(
        "reveal(checkin uuid, at timestamptz, nudge uuid, ends timestamptz, rings timestamptz)"
        " returns table (question varchar, shared bytea)",
        REVEAL,
    )
    op.execute("alter function reveal rows 40")  # see 0017
    shows_once_arrived(f"({ARRIVAL.format(what='true')})")


def downgrade() -> None:
    op.execute("drop function reveal")
    shows_once_arrived(f"exists ({ARRIVAL.format(what='')})")
