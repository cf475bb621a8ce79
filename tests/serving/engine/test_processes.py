from serving.backends.backend import ModelInstance, Prove
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters
from serving.engine.processes import Processes, are_up, processes_of, prove_restarts


class Inside:
    inputs = outputs = ()
    concurrency = 1
    reads_parameters = False

    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        return inputs

    def close(self) -> None: ...


class Outside(Inside):
    def __init__(self, lacks: str = "", restarts: int = 0) -> None:
        self.lacks = lacks
        self.restarts = restarts
        self.restarts_are_in_vain = False
        self.proofs: list[Prove] = []

    def prove_restarts(self, prove: Prove, /) -> None:
        self.proofs.append(prove)


def test_instances_in_the_servers_process_have_none() -> None:
    assert processes_of([Inside()]) is None
    assert are_up([Inside()]) == []


def test_a_model_lacks_something_when_all_of_its_processes_are_down() -> None:
    one, other = Outside("it crashed", 2), Outside(restarts=1)
    instances: list[ModelInstance] = [one, other]
    assert processes_of(instances) == Processes(up=1, restarts=3, lacks="", are_in_vain=False)
    other.lacks = "it was killed"
    assert processes_of(instances) == Processes(up=0, restarts=3, lacks="it crashed", are_in_vain=False)


def test_restarts_are_in_vain_when_no_process_can_be_kept_up() -> None:
    one, other = Outside("it crashed", 5), Outside(restarts=5)
    one.restarts_are_in_vain = other.restarts_are_in_vain = True
    instances: list[ModelInstance] = [one, other]
    assert processes_of(instances) == Processes(up=1, restarts=10, lacks="", are_in_vain=False)
    other.lacks = "it was killed"
    assert processes_of(instances) == Processes(up=0, restarts=10, lacks="it crashed", are_in_vain=True)


def test_each_is_asked_whether_it_is_up_when_it_matters() -> None:
    one, other = Outside(), Outside("it crashed")
    ups = are_up([one, one, other])
    assert [is_up() for is_up in ups] == [True, True, False]
    one.lacks, other.lacks = "gone", ""
    assert [is_up() for is_up in ups] == [False, False, True]


def test_each_that_has_processes_is_told_what_they_must_pass() -> None:
    one, other = Outside(), Outside()
    prove_restarts([Inside(), one, other], print)
    assert one.proofs == other.proofs == [print]
