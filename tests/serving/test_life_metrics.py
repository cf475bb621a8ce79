from serving import life_metrics
from serving.core.states import ModelState, VersionStatus
from serving.engine.life_counts import LifeCounts
from serving.engine.loaded_model import UNLOADED


def test_a_version_that_was_tried_and_does_not_answer_is_0() -> None:
    lines = list(
        life_metrics.states(
            [VersionStatus("m", "1", ModelState.READY), VersionStatus("m", "2", ModelState.UNAVAILABLE)]
        )
    )
    assert lines[1:] == [
        'slipway_model_ready{model="m",version="1"} 1\n',
        'slipway_model_ready{model="m",version="2"} 0\n',
    ]


def test_of_what_was_unloaded_by_request_nothing_is_said() -> None:
    unloaded = VersionStatus("m", "1", ModelState.UNAVAILABLE, UNLOADED)
    assert "".join(life_metrics.states([unloaded, VersionStatus("n", "1", ModelState.READY)])).count("{") == 1


def test_loads_are_counted_by_model() -> None:
    lines = list(life_metrics.loads({"b": LifeCounts(loads=2), "a": LifeCounts(failed_loads=1)}))
    assert 'slipway_model_loads_total{model="b"} 2\n' in lines
    assert 'slipway_model_load_failures_total{model="a"} 1\n' in lines
    assert lines.index('slipway_model_loads_total{model="a"} 0\n') < lines.index(
        'slipway_model_loads_total{model="b"} 2\n'
    )


def test_of_rollouts_and_processes_nothing_is_said_where_there_are_none() -> None:
    assert [*life_metrics.rollouts([]), *life_metrics.processes([])] == []
