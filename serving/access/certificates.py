"""The files that a server proves itself with, and that callers must prove themselves to. Rule: names of files only."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """All in PEM. Without a `keyfile` the key is in `certfile`; with `ca_certs` callers need a certificate that one of
    these signed."""

    certfile: Path
    keyfile: Path | None = None
    ca_certs: Path | None = None

    def files(self) -> list[Path]:
        return [path for path in (self.certfile, self.keyfile, self.ca_certs) if path is not None]

    def words(self) -> list[str]:
        """For another process' command line."""
        return [str(path or "") for path in (self.certfile, self.keyfile, self.ca_certs)]

    @staticmethod
    def of(words: list[str]) -> "Certificates | None":
        if not words:
            return None
        certfile, keyfile, ca_certs = (Path(word) if word else None for word in words)
        assert certfile is not None
        return Certificates(certfile, keyfile, ca_certs)
