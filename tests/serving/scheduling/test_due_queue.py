from hypothesis import given
from hypothesis import strategies as st

from serving.scheduling.due_queue import DueQueue
from tests.serving.scheduling.requests import Request


def test_who_is_due_first_is_first_and_of_equals_who_came_first() -> None:
    queue: DueQueue[Request] = DueQueue()
    late, first, second, early = Request(), Request(), Request(), Request()
    for request, due in ((late, 3.0), (first, 2.0), (second, 2.0), (early, 1.0)):
        queue.add(request, due)
    assert list(queue) == [early, first, second, late]
    assert queue.oldest is late


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.0, 5.0]), st.booleans()), max_size=60), st.floats(-1, 6))
def test_it_is_a_sorted_list_whoever_leaves(drawn: list[tuple[float, bool]], moment: float) -> None:
    queue: DueQueue[Request] = DueQueue()
    dues: dict[Request, float] = {}
    for due, one_leaves in drawn:
        request = Request()
        queue.add(request, due)
        dues[request] = due
        if one_leaves:
            gone = next(iter(dues))
            queue.remove(gone)
            del dues[gone]
    assert list(queue) == sorted(dues, key=lambda request: dues[request])
    assert len(queue) == len(dues)
    assert queue.before(moment) == sum(due <= moment for due in dues.values())
    assert not dues or queue.oldest is next(iter(dues))
