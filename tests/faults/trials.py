"""What faults cost, in how many trials."""

from dataclasses import dataclass, field


@dataclass
class Trials:
    rows: list[tuple[str, int, str]] = field(default_factory=list)

    def note(self, fault: str, count: int, lost: str) -> None:
        """`lost` says what callers did not get, in words."""
        self.rows.append((fault, count, lost))

    def table(self) -> str:
        return "\n".join(
            ["", "fault | trials | lost", *(f"{fault} | {count} | {lost}" for fault, count, lost in self.rows)]
        )
