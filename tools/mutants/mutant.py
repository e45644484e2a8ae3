"""A mutant: a rule taken away, and the tests that notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FUNCTION = "lambda_src/searchsync/"


@dataclass(frozen=True)
class Mutant:
    """A rule taken away: `old` stands once in `file`, and becomes `new`; `tests` are pytest's arguments."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def broken(self, root: Path) -> str:
        """The text of its file without the rule. Raises ValueError where the place is no longer there, or not once."""
        text = (root / self.file).read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: its place stands {text.count(self.old)} times in {self.file}; adapt it.")
        return text.replace(self.old, self.new)

    def apply(self, root: Path) -> None:
        """Take the rule away in the tree at `root`."""
        (root / self.file).write_text(self.broken(root))
