from loadtests.autoscaling.advice import advice
from loadtests.autoscaling.horizontal import Rules
from loadtests.autoscaling.simulation import Setup
from loadtests.autoscaling.verdict import Verdict

SETUP = Setup({}, Rules(most=10), start_up=60)
FOUND = Verdict(within=0.9, worst=0.1, used=2.0, needed=1.0, most=5)


def test_only_what_the_figures_show_is_advised() -> None:
    assert not list(advice(FOUND, SETUP, room=0.43, grew=0.4, sheds=True))
    [growth] = advice(FOUND, SETUP, room=0.43, grew=1.08, sheds=True)
    assert growth.startswith("the load grew by up to 108% in 105 s")
    [sheds] = advice(FOUND, SETUP, room=0.43, grew=0.4, sheds=False)
    assert "--sheds" in sheds
    [most] = advice(Verdict(0.9, 0.1, 2.0, 1.0, most=10), SETUP, room=0.43, grew=0.4, sheds=True)
    assert most.startswith("it asked for all 10 replicas")
