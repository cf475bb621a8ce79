"""Everything that people and files do to one model, in any order. Rule: what serves goes on until something takes its
place or it is unloaded, and the index says what is so."""

import asyncio
import shutil
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from serving.core.requests import InferRequest
from serving.core.states import ModelState
from serving.engine.promotions import Promotions
from serving.engine.registry import ModelRegistry
from serving.engine.repository import ModelRepository
from serving.errors import InvalidInput, ModelLoadFailed, ModelNotFound, ModelNotReady
from tests import scaled_models
from tests.running_server import until

NAME = "life"  # none that a server of other tests has, since its threads are counted
ROWS = np.ones((1, 4), np.float32)
POLICIES = (
    "",
    "version_policy { latest { num_versions: 2 } }",
    "version_policy { all { } }",
    'parameters { key: "rollout.strategy" value { string_value: "canary" } }',
)
numbers, factors = st.integers(1, 4), st.integers(5, 9)


class Life(RuleBasedStateMachine):
    """Version v answers some factor times its input, and another one when its files were replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="life-"))
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.registry = ModelRegistry(ModelRepository(self.root), self.loop)
        self.promotions = Promotions(self.registry, lambda _: None)
        self.lying: dict[int, float] = {}
        """What the version in each folder answers; 0 for one that fails its own golden rows."""
        self.ever: defaultdict[int, set[float]] = defaultdict(set)

    @initialize(policy=st.sampled_from(POLICIES))
    def begin(self, policy: str) -> None:
        scaled_models.add_scaled(self.root, extra=policy, name=NAME)
        self.publish(1, 5)
        self.registry.load(NAME)

    @rule(number=numbers, factor=factors)
    def publish(self, number: int, factor: float) -> None:
        self.write(number, factor, factor)

    @rule(number=numbers)
    def publish_what_is_broken(self, number: int) -> None:
        self.write(number, 0, 3)

    @precondition(lambda self: self.lying)
    @rule(number=numbers)
    def remove(self, number: int) -> None:
        shutil.rmtree(self.root / NAME / str(number), ignore_errors=True)
        self.lying.pop(number, None)

    @rule()
    def load(self) -> None:
        if self.keeps_serving(lambda: self.registry.load(NAME)) and self.registry.loaded.rollout(NAME) is None:
            current = int(self.registry.loaded.model(NAME).current)
            assert self.answer(str(current))[1] == self.lying[current], "it is what lies there"

    @rule()
    def sync(self) -> None:
        self.keeps_serving(lambda: self.registry.sync(NAME))

    @rule(number=st.one_of(st.just(""), numbers.map(str)))
    def promote(self, number: str) -> None:
        if self.keeps_serving(lambda: self.promotions.promote(NAME, number)):
            assert self.registry.loaded.model(NAME).current == number or not number

    @rule(number=st.one_of(st.just(""), numbers.map(str)))
    def roll_back(self, number: str) -> None:
        self.keeps_serving(lambda: self.promotions.roll_back(NAME, number))

    @rule()
    def unload(self) -> None:
        self.registry.unload(NAME)
        until(lambda: not self.statuses(ModelState.UNLOADING))
        assert not list(self.registry.loaded.served())

    def write(self, number: int, answers: float, factor: float) -> None:
        """Golden rows are of what it answers."""
        shutil.rmtree(self.root / NAME / str(number), ignore_errors=True)
        folder = scaled_models.publish(self.root, number, factor, name=NAME, golden_factor=answers or factor + 1)
        assert folder.is_dir()
        self.lying[number] = answers
        self.ever[number].add(answers)

    def keeps_serving(self, do: Callable[[], object]) -> bool:
        """What was ready before is answered by something after it, whatever came of it. Whether it was done."""
        before = self.serves()
        try:
            do()
        except (ModelLoadFailed, ModelNotFound, InvalidInput):
            assert self.serves() or not before
            return False
        assert self.serves() or not before
        return True

    def serves(self) -> bool:
        return NAME in self.registry.loaded and self.registry.loaded.model(NAME).has_ready

    def statuses(self, state: ModelState) -> set[str]:
        return {row.version for row in self.registry.index() if row.name == NAME and row.state is state}

    def answer(self, version: str = "") -> tuple[str, float]:
        """The version that answered, and its factor."""
        request = InferRequest(NAME, {"x": ROWS}, version)
        asked = asyncio.run_coroutine_threadsafe(self.registry.dispatch.infer(request), self.loop)
        response = asked.result(30)
        return response.model_version, float(response.outputs["y"][0, 0])

    @invariant()
    def the_index_tells_the_truth(self) -> None:
        ready = self.statuses(ModelState.READY)
        for number in map(str, range(1, 5)):
            try:
                version, factor = self.answer(number)
            except (ModelNotFound, ModelNotReady):
                assert number not in ready
            else:
                assert number in ready
                assert version == number
                assert factor in self.ever[int(number)] - {0}
        if ready:
            assert self.answer()[0] in ready

    def teardown(self) -> None:
        assert self.registry.close(30)
        until(
            lambda: not [each for each in threading.enumerate() if each.name.startswith(f"{NAME}/")], "a worker leaks"
        )
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        shutil.rmtree(self.root)
        super().teardown()


Life.TestCase.settings = settings(max_examples=12, stateful_step_count=12, deadline=None)
TestLife = Life.TestCase
