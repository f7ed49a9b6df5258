"""The checkout that the fleet runs from, and its two ignored folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cmf_localfleet.errors import LocalFleetError


@dataclass(frozen=True)
class Workspace:
    """A checkout of the project."""

    root: Path

    @classmethod
    def find(cls) -> Workspace:
        """Return the checkout that this package lies in.

        Raises:
            LocalFleetError: The package was installed outside a checkout.
        """
        root = Path(__file__).resolve().parents[4]
        if not (root / "tools" / "local-apiserver" / "go.mod").is_file():
            raise LocalFleetError(
                f"localfleet runs from a checkout of pulumi-cmf, and {root} is none: "
                "clone the repository and run `make up` in it."
            )
        return cls(root)

    @property
    def tools(self) -> Path:
        """Sources of what is built here."""
        return self.root / "tools"

    @property
    def cache(self) -> Path:
        """What was built; may be deleted at any time and is then built again."""
        return self.root / ".cache"

    @property
    def run(self) -> Path:
        """Data, logs and pid files of the fleet that ``make up`` starts."""
        return self.root / ".run"
