"""The program whose resources the plugin is asked for, as far as the plugin can know it.

The engine tells a provider nothing of the program. It starts one in the program's folder, so the project file tells.
"""

from __future__ import annotations

from pathlib import Path

import yaml

_PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")


def is_python(folder: Path) -> bool:
    """Tell whether the program in a folder is one in Python; False where there is no project file to tell."""
    for each in (folder, *folder.parents):
        for name in _PROJECT_FILES:
            if (each / name).is_file():
                return _runtime(each / name) == "python"
    return False


def _runtime(project: Path) -> object:
    try:
        described = yaml.safe_load(project.read_text())
    except (OSError, ValueError, yaml.YAMLError):
        return None
    runtime = described.get("runtime") if isinstance(described, dict) else None
    return runtime.get("name") if isinstance(runtime, dict) else runtime
