import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.core.model_config import ModelConfig, parse
from serving.core.remembered import Remembered, RolledBack
from serving.core.states import ModelState
from serving.engine.loaded_model import LoadedModel, Version
from serving.engine.loading import load_model
from serving.engine.repository import ModelRepository
from serving.engine.running_rollout import RunningRollout, begin_rollout
from serving.engine.served_model import ServedModel
from serving.engine.succession import (
    Turn,
    at_once,
    promote,
    put_away,
    reject,
    roll_back,
    still_rolled_back,
    succeed,
    turn_back,
    turn_to,
    unchanged,
)
from serving.errors import InvalidInput
from tests import tiny_models

CANARY = 'parameters { key: "rollout.strategy" value { string_value: "canary" } }'
BROKEN = Version(ModelState.UNAVAILABLE, reason="no graph")
FILES = {"config.pbtxt": 0, "1/model.onnx": 1, "2/model.onnx": 2, "3/model.onnx": 3}

Make = Callable[[str], Version]


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Make]:
    """Another one at each call, loaded from the files that `FILES` gives its version; closed at the end."""
    loop = asyncio.new_event_loop()
    made: list[ServedModel] = []

    def make(number: str) -> Version:
        root = tmp_path / str(len(made))
        tiny_models.add_double(root, extra=CANARY)
        if number != "1":
            (root / "double" / "1").rename(root / "double" / number)
        served = load_model(ModelRepository(root), "double", None, loop)[number].served
        assert served is not None
        made.append(served)
        path = f"{number}/model.onnx"
        return Version(ModelState.READY, served, files={path: FILES[path]}, shared={"config.pbtxt": 0})

    yield make
    for model in made:
        assert model.close(10)
    loop.close()


def begin(current: ServedModel, candidate: ServedModel) -> RunningRollout | None:
    return begin_rollout(current, candidate, lambda *_: None)


def unread(_: str) -> str:
    pytest.fail("the content is read where the marks are not enough")


def on_trial(one: Version, two: Version) -> LoadedModel:
    """Version 1 serves, and 2 is a canary."""
    old = LoadedModel({"1": one}, "1", tried=FILES)
    model = succeed(old, {"2": two}, ["1", "2"], FILES, {}, begin)
    assert model.rollout is not None
    return model


def test_a_first_load_is_what_came_of_it(ready: Make) -> None:
    versions = {"1": ready("1"), "2": BROKEN}
    for old in (None, LoadedModel.loading(), LoadedModel({"1": BROKEN}).unloaded()):
        model = succeed(old, versions, ["1", "2"], FILES, {}, begin)
        assert model == LoadedModel(versions, "1", tried=FILES), "versions that fail are states beside those that serve"


def test_new_versions_take_over_at_once_and_what_was_noted_is_forgotten(ready: Make) -> None:
    old = LoadedModel({"1": ready("1")}, "1", {"2": "no graph"}, tried={})
    two = ready("2")
    away = {"3": RolledBack({}, "by hand")}
    assert succeed(old, {"2": two}, ["1", "2"], FILES, away, at_once) == LoadedModel({"2": two}, "2", {}, away, FILES)


def test_a_load_that_failed_leaves_what_serves_and_says_so(ready: Make) -> None:
    one, two = ready("1"), ready("2")
    old = LoadedModel({"1": one, "2": two}, "2", tried={})
    model = succeed(old, {"1": ready("1"), "2": BROKEN}, ["1", "2"], FILES, {}, begin)
    assert model == LoadedModel({"1": one, "2": two}, "2", {"2": "no graph"}, {}, FILES)


def test_a_load_that_failed_drops_versions_that_are_gone_unless_nothing_would_be_left(ready: Make) -> None:
    one, two = ready("1"), ready("2")
    old = LoadedModel({"1": one, "2": two}, "2")
    model = succeed(old, {"3": BROKEN}, ["1", "3"], FILES, {}, begin)
    assert (model.versions, model.current, model.failed) == ({"1": one}, "1", {"3": "no graph"})
    model = succeed(old, {"3": BROKEN}, ["3"], FILES, {}, begin)
    assert (model.versions, model.current) == ({"1": one, "2": two}, "2")


def test_a_newer_version_is_tried_beside_the_one_that_serves(ready: Make) -> None:
    one, two = ready("1"), ready("2")
    model = on_trial(one, two)
    assert (model.versions, model.current, model.tried) == ({"1": one, "2": two}, "1", FILES)
    assert model.rollout is not None
    assert (model.rollout.current, model.rollout.candidate) == (one.served, two.served)


def test_the_one_that_serves_may_be_loaded_anew_for_it(ready: Make) -> None:
    old = LoadedModel({"1": ready("1")}, "1")
    one, two = ready("1"), ready("2")
    model = succeed(old, {"1": one, "2": two}, ["1", "2"], FILES, {}, begin)
    assert model.versions == {"1": one, "2": two}
    assert model.rollout is not None
    assert model.rollout.current is one.served


@pytest.mark.parametrize("number", ["1", "2"])
def test_the_same_and_a_lower_version_need_no_trial(ready: Make, number: str) -> None:
    old = LoadedModel({"2": ready("2")}, "2")
    new = ready(number)
    model = succeed(old, {number: new}, [number], FILES, {}, begin)
    assert (model.versions, model.current, model.rollout) == ({number: new}, number, None)


def test_a_higher_version_that_was_there_beside_the_one_that_serves_has_its_trial_too(ready: Make) -> None:
    one, two = ready("1"), ready("2")
    old = LoadedModel({"1": one, "2": two}, "1")
    model = succeed(old, {"1": one, "2": two}, ["1", "2"], FILES, {}, begin)
    assert model.current == "1"
    assert model.rollout is not None
    assert succeed(old, {"1": one, "2": two}, ["1", "2"], FILES, {}, at_once).current == "2"


def test_a_trial_goes_on_when_others_are_loaded(ready: Make) -> None:
    model = on_trial(ready("1"), ready("2"))
    again = succeed(model, {"2": model.versions["2"]}, ["1", "2"], FILES, {}, begin)
    assert again.rollout is model.rollout
    assert again == model


def test_a_trial_begins_anew_with_a_newer_version_or_newer_files(ready: Make) -> None:
    model = on_trial(ready("1"), ready("2"))
    for number in ("2", "3"):
        newer = ready(number)
        again = succeed(model, {number: newer}, ["1", number], FILES, {}, begin)
        assert again.versions == {"1": model.versions["1"], number: newer}
        assert again.rollout is not None
        assert again.rollout is not model.rollout
        assert again.rollout.candidate is newer.served


def test_a_trial_begins_anew_beside_newer_files_of_the_version_that_serves(ready: Make) -> None:
    model = on_trial(ready("1"), ready("2"))
    one = ready("1")
    again = succeed(model, {"1": one, "2": model.versions["2"]}, ["1", "2"], FILES, {}, begin)
    assert again.rollout is not None
    assert (again.rollout.current, again.rollout.candidate) == (one.served, model.versions["2"].served)


def test_a_load_that_failed_leaves_a_trial_while_its_candidate_is_there(ready: Make) -> None:
    model = on_trial(ready("1"), ready("2"))
    for present in (["1", "2", "3"], ["2", "3"]):
        after = succeed(model, {"3": BROKEN}, present, FILES, {}, begin)
        assert (after.rollout, after.current, list(after.versions)) == (model.rollout, "1", ["1", "2"])
    after = succeed(model, {"3": BROKEN}, ["1", "3"], FILES, {}, begin)
    assert (after.rollout, after.current, list(after.versions)) == (None, "1", ["1"])


def test_a_promoted_version_has_all_traffic_and_of_the_others_the_policys_stay(ready: Make) -> None:
    model = on_trial(ready("1"), ready("2"))
    after = promote(model, "2", selected=["2"])
    assert (after.versions, after.current, after.rollout) == ({"2": model.versions["2"]}, "2", None)
    assert promote(model, "2", selected=["1"]).versions == model.versions


def test_a_rejected_version_goes_and_is_remembered_with_its_files(ready: Make) -> None:
    model = on_trial(ready("1"), ready("2"))
    after = reject(model, "2", "it is slower")
    assert (after.versions, after.current, after.rollout) == ({"1": model.versions["1"]}, "1", None)
    assert after.rolled_back == {"2": RolledBack({"2/model.onnx": 2}, "it is slower")}


def test_a_version_that_is_rolled_back_serves_until_the_next_load(ready: Make) -> None:
    before = {"3": RolledBack({"3/model.onnx": 3}, "it is slower")}
    model = LoadedModel({"2": ready("2")}, "2", rolled_back=before)
    after = roll_back(model, "2", "by hand")
    assert (after.versions, after.current) == (model.versions, "2")
    assert after.rolled_back == {**before, "2": RolledBack({"2/model.onnx": 2}, "by hand")}
    assert model.rolled_back == before


def test_versions_stay_rolled_back_until_their_own_files_change() -> None:
    away = {"2": RolledBack({"2/model.onnx": 2}, "slow"), "3": RolledBack({"3/model.onnx": "old"}, "slow")}
    now = {**FILES, "config.pbtxt": "new", "1/model.onnx": "new"}
    assert still_rolled_back(away, now, unread) == {"2": away["2"]}
    assert still_rolled_back(away, {}, unread) == {}
    assert still_rolled_back({}, FILES, unread) == {}


def test_a_copy_of_what_was_rolled_back_stays_away_too_with_its_own_marks() -> None:
    away = {number: RolledBack({f"{number}/model.onnx": "old"}, "slow", digest="abc") for number in ("1", "2", "4")}
    same = still_rolled_back(away, FILES, {"1": "abc", "2": "other", "4": "abc"}.__getitem__)
    assert same == {"1": RolledBack({"1/model.onnx": 1}, "slow", digest="abc")}, "2 has changed, 4 is gone"


def test_versions_are_unchanged_while_their_files_and_the_models_are(ready: Make) -> None:
    one, two = ready("1"), ready("2")
    model = LoadedModel({"1": one, "2": two, "3": BROKEN}, "2", tried=FILES)
    assert unchanged(model, FILES) == {"1": one, "2": two}
    assert unchanged(model, {**FILES, "2/model.onnx": "new"}) == {"1": one}
    assert unchanged(model, {**FILES, "2/labels.txt": "new"}) == {"1": one}
    assert unchanged(model, {**FILES, "config.pbtxt": "new"}) == {}
    assert unchanged(model, {**FILES, "labels.txt": "new"}) == {}
    assert unchanged(None, FILES) == {}


def test_a_first_load_of_several_versions_tries_the_newest_beside_the_one_before(ready: Make) -> None:
    versions = {"1": ready("1"), "2": ready("2"), "3": ready("3"), "4": BROKEN}
    model = succeed(None, versions, ["1", "2", "3", "4"], FILES, {}, begin)
    assert (model.current, model.rollout and model.rollout.candidate) == ("2", versions["3"].served)
    assert succeed(None, versions, [], FILES, {}, at_once) == LoadedModel(versions, "3", tried=FILES)


@pytest.mark.parametrize(
    ("served_last", "current", "has_trial"), [("", "2", True), ("1", "1", True), ("2", "2", True), ("3", "3", False)]
)
def test_the_newest_is_tried_beside_what_served_last_unless_it_was_that_itself(
    ready: Make, served_last: str, current: str, has_trial: bool
) -> None:
    versions = {"1": ready("1"), "2": ready("2"), "3": ready("3")}
    before = Remembered(served_last, {f"{served_last}/model.onnx": FILES.get(f"{served_last}/model.onnx", 0)})
    model = succeed(None, versions, list(versions), FILES, {}, begin, before)
    assert (model.current, model.rollout is not None) == (current, has_trial)


def test_what_served_last_and_has_other_files_now_is_another_version(ready: Make) -> None:
    versions = {"1": ready("1"), "2": ready("2"), "3": ready("3")}
    model = succeed(None, versions, list(versions), FILES, {}, begin, Remembered("1", {"1/model.onnx": "old"}))
    assert model.current == "2"


def policy(text: str) -> ModelConfig:
    return parse(f"version_policy {{ {text} }}", "m")


def test_a_turn_to_a_version_passes_over_the_higher_ones_that_served(ready: Make) -> None:
    away = {"1": RolledBack({}, "slow"), "3": RolledBack({"3/model.onnx": 3}, "wrong")}
    model = LoadedModel({"2": ready("2")}, "2", rolled_back=away, tried=FILES)
    passed = RolledBack({"2/model.onnx": 2}, "version 1 was promoted by hand")
    assert turn_to("m", model, "1", FILES, policy("")) == Turn("1", {"2": passed, "3": away["3"]})
    assert turn_to("m", model, "", FILES, policy("")) == Turn("3", {"1": away["1"]}), "the highest, unless named"


def test_a_turn_to_what_can_not_serve_is_refused(ready: Make) -> None:
    model = LoadedModel({"2": ready("2")}, "2", tried=FILES)
    with pytest.raises(InvalidInput, match="'m' has no version 7; it has 1, 2, 3"):
        turn_to("m", model, "7", FILES, policy(""))
    with pytest.raises(InvalidInput, match="version 1 can't serve: the model's version_policy does not select it"):
        turn_to("m", model, "1", FILES, policy("specific { versions: [ 2, 3 ] }"))
    with pytest.raises(InvalidInput, match=r"no version that could be promoted.*; name one that is to be loaded: 1, 3"):
        turn_to("m", model, "", FILES, policy(""))


def test_a_turn_back_is_to_the_highest_lower_version_that_the_policy_would_serve(ready: Make) -> None:
    model = LoadedModel({"3": ready("3")}, "3", tried=FILES)
    back = turn_back("m", model, FILES, policy(""))
    assert back == Turn("2", {"3": RolledBack({"3/model.onnx": 3}, "by hand")})
    assert turn_back("m", model, FILES, policy("specific { versions: [ 1, 3 ] }")).number == "1"
    after = LoadedModel({"3": ready("3")}, "3", rolled_back={"2": RolledBack({}, "slow")})
    assert turn_back("m", after, FILES, policy("")).number == "1"
    for none in (LoadedModel({"1": ready("1")}, "1"), LoadedModel({"": BROKEN})):
        with pytest.raises(InvalidInput, match="has no earlier version than"):
            turn_back("m", none, FILES, policy(""))


def test_a_version_without_traffic_is_put_away_with_the_files_that_it_has(ready: Make) -> None:
    model = LoadedModel({"1": ready("1"), "2": ready("2")}, "2", tried=FILES)
    after = put_away("m", model, "1", FILES)
    assert (list(after.versions), after.current) == (["2"], "2")
    assert after.rolled_back == {"1": RolledBack({"1/model.onnx": 1}, "by hand")}
    assert put_away("m", after, "1", FILES) == after
    unseen = put_away("m", model, "3", FILES)
    assert (unseen.versions, list(unseen.rolled_back)) == (model.versions, ["3"])
    with pytest.raises(InvalidInput, match="no version four; it has 1, 2, 3"):
        put_away("m", model, "four", FILES)


def test_what_a_trial_is_compared_with_can_not_be_put_away(ready: Make) -> None:
    with pytest.raises(InvalidInput, match="version 1 is what version 2 is compared with"):
        put_away("m", on_trial(ready("1"), ready("2")), "1", FILES)
