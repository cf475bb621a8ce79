"""How often a model was loaded and what came of it, since the server started. Rule: values only."""

from dataclasses import dataclass


@dataclass(slots=True)
class LifeCounts:
    loads: int = 0
    failed_loads: int = 0
    promotions: int = 0
    rollbacks: int = 0

    def note_load(self, failed: bool) -> None:
        self.loads += not failed
        self.failed_loads += failed
