"""The record of what roles used and were refused: a line of JSON each."""

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Use:
    """One action on one resource that a role asked for."""

    role: str
    """The role's name."""
    action: str
    resource: str
    """An ARN, without wildcards but where AWS itself checks one."""
    allowed: bool


class Record:
    """Appends each use to a file once; may be used by many threads at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known = set(read(path))

    def add(self, use: Use) -> None:
        """Write down a use that is not in the file yet."""
        if use in self._known:
            return
        with self._lock:
            if use not in self._known:
                with self._path.open("a") as file:
                    file.write(json.dumps(asdict(use)) + "\n")
                self._known.add(use)


def read(path: Path) -> list[Use]:
    """Read a record, which is empty where nothing was used yet."""
    if not path.exists():
        return []
    return [Use(**json.loads(line)) for line in path.read_text().splitlines()]
