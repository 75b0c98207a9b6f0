"""Where a stranger decides how often something happens, this decides how often it counts."""

from mulberry.model.pace import Pace


def test_a_span_has_room_for_so_many_and_slides() -> None:
    pace = Pace(limit=2, seconds=10)
    assert [pace.takes(now) for now in (0, 5, 9.9)] == [True, True, False]
    assert pace.takes(10), "the first one is out of the span"
    assert not pace.takes(14.9)
    assert pace.takes(15)


def test_what_was_refused_takes_no_room() -> None:
    pace = Pace(limit=1, seconds=10)
    assert [pace.takes(now) for now in (0, 9, 10)] == [True, False, True]
