from tests.benchmarks.years import Size, Years
from tests.fakes import NOON


def test_every_row_has_an_id_of_its_own_and_of_the_width_that_was_asked_for() -> None:
    years = Years(Size(couples=3), 10, NOON)
    ids = [row["id"] for rows in years.tables().values() for row in rows]
    assert len(ids) == len({*ids}) > 3 * 52 * 12
    assert {len(each) for each in ids} == {10}


def test_whoever_is_named_in_a_row_is_one_of_the_two() -> None:
    years = Years(Size(couples=3, checkins=2), 15, NOON)
    for rows in years.tables().values():
        for row in rows:
            assert row.get("user") in {None, *years.two(row.get("couple", "c0"))}
