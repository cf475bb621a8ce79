"""How many instances and threads a version gets when it is loaded, where its config leaves that open.

Rule: measured once, before anybody asks it: while one version serves, the next one takes over what was chosen for it.
"""

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

from serving.backends.cores import usable_cores
from serving.core import tuning_config
from serving.core.batching_config import latency_objective
from serving.core.model_config import ModelConfig
from serving.engine.load_policy import LoadPolicy
from serving.engine.trial_run import at_load, try_out
from serving.engine.tuning_cache import TuningCache
from serving.errors import ModelLoadFailed
from serving.scheduling.tuning import Question, Tuning, candidates, choose

log = logging.getLogger("slipway")


@dataclass(frozen=True, slots=True)
class Tuner:
    """For the versions of one load. `written` is their config before it was completed, `serving` the tuning of the
    version that answers now."""

    policy: LoadPolicy
    written: ModelConfig
    serving: Tuning | None = None
    cores: int = field(default_factory=usable_cores)

    def tuned(self, config: ModelConfig, directory: Path) -> tuple[ModelConfig, Tuning | None]:
        """The completed `config` with what suits the version in `directory`; as it is, and None, where nothing is to be
        measured. Raises `ModelLoadFailed` for parameters that are wrong."""
        if reason := tuning_config.why_not(config):
            log.debug("%s is not tuned: %s", config.name, reason)
            return config, None
        question, is_wanted = question_of(self.written, config, self.cores), tuning_config.auto_tune(config)
        shares_threads = self.policy.shares_threads and config.backend == "onnxruntime"
        if not (is_wanted and self.policy.auto_tune_secs) or shares_threads or len(candidates(question)) == 1:
            return config, None
        tuning = self._answer(question, config, directory)
        if tuning is None:
            return config, None
        return tuning_config.with_setting(config, tuning.setting.instances, tuning.setting.threads), tuning

    def _answer(self, question: Question, config: ModelConfig, directory: Path) -> Tuning | None:
        what = f"{config.name} version {directory.name}"
        if self.serving is not None and self.serving.question == question:
            log.info("%s: %s, as the version that serves", what, self.serving)
            return self.serving
        cache = TuningCache(directory, config, question, self.policy.cache_folder)
        if (known := cache.read()) is not None:
            tuning = choose(question, known.measured, known.disturbed)
            log.info("%s: %s, as measured before", what, tuning)
            return tuning
        started = time.perf_counter()
        try:
            measurement = try_out(directory, config, question, at_load(self.policy.auto_tune_secs))
        except ModelLoadFailed as error:  # what is wrong with it is said when it is loaded
            log.info("%s is not tuned: %s", what, error)
            return None
        tuning = choose(question, measurement.measured, measurement.disturbed)
        more = f", beside other work; `slipway tune {config.name}` measures longer" if measurement.is_disturbed else ""
        log.info("%s: %s, measured in %.1f s%s", what, tuning, time.perf_counter() - started, more)
        cache.write(measurement)
        return tuning


def question_of(written: ModelConfig, config: ModelConfig, cores: int) -> Question:
    """What a completed config, which was `written` so, leaves open. Raises `ModelLoadFailed`."""
    return Question(
        cores,
        *tuning_config.fixed(written, config),
        int(config.max_batch_size),
        latency_objective(config),
        tuning_config.what_matters(config),
    )
