"""How often a model was loaded, what came of it and of its last trial, since the server started. Rule: values only."""

from dataclasses import dataclass

from serving.engine.running_rollout import SettledRollout


@dataclass(slots=True)
class LifeCounts:
    loads: int = 0
    failed_loads: int = 0
    promotions: int = 0
    rollbacks: int = 0
    last_rollout: SettledRollout | None = None

    def note_load(self, failed: bool) -> None:
        self.loads += not failed
        self.failed_loads += failed
