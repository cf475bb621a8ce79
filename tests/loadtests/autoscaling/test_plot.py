from loadtests.autoscaling.plot import drawn
from loadtests.autoscaling.simulation import Look, Outcome


def test_each_outcome_is_drawn_under_its_name() -> None:
    outcome = Outcome([0.0, 15.0], [0.1, 0.5], [Look(float(at), 2, 2, 0) for at in range(20)])
    page = drawn({"one": outcome, "two": outcome}, limit=0.25, capacity=10, percent=95).decode()
    assert page.startswith("<?xml")
    assert drawn({"one": outcome}, 0.25, 10, 99, "png").startswith(b"\x89PNG")
