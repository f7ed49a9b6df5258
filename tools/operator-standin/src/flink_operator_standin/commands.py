"""Commands: what an object's annotations or configuration tell the stand-in to play.

`standin.flink/<command>` as an annotation, or `standin.<command>` in `spec.flinkConfiguration`; the annotation wins.
The table of commands is in the package's README.
"""

from dataclasses import dataclass, fields
from typing import Any

ANNOTATION_PREFIX = "standin.flink/"
CONFIGURATION_PREFIX = "standin."

_TRUE = {"true", "1", "yes"}
_FALSE = {"", "false", "0", "no"}


@dataclass(frozen=True)
class Commands:
    """The commands in force for one object."""

    fail_job: bool = False
    """The job goes to FAILED."""
    finish_job: bool = False
    """The job, a bounded one, goes to FINISHED."""
    pending_taskmanager: bool = False
    """No TaskManager comes up: the job stays CREATED, or goes to RESTARTING if it ran."""
    taskmanager_delay: float = 0.0
    """Seconds for which the job waits in CREATED for a TaskManager, each time it starts."""
    crash_jobmanager: bool = False
    """The JobManager crash-loops."""
    kill_jobmanager: str = ""
    """Each new value kills the JobManager once."""
    image_missing: bool = False
    """The image cannot be pulled."""
    jar_missing: bool = False
    """The job's jar is not where jarURI says."""
    fail_savepoint: bool = False
    """Savepoints and checkpoints that are asked for fail."""
    delay: float = 0.0
    """Seconds added to each start, cancellation and deletion; not divided by the speed."""
    stuck_finalizer: bool = False
    """The finalizer stays on the object."""


def parse(resource: dict[str, Any]) -> tuple[Commands, list[str]]:
    """The commands of an object, and a sentence for each one that is unknown or has a bad value."""
    given: dict[str, str] = {}
    configuration = (resource.get("spec") or {}).get("flinkConfiguration") or {}
    for prefix, source in (
        (CONFIGURATION_PREFIX, configuration),
        (ANNOTATION_PREFIX, resource["metadata"].get("annotations") or {}),
    ):
        given.update({key.removeprefix(prefix): str(value) for key, value in source.items() if key.startswith(prefix)})
    known = {field.name.replace("_", "-"): field for field in fields(Commands)}
    values: dict[str, Any] = {}
    problems = []
    for command, text in sorted(given.items()):
        if command not in known:
            problems.append(f"unknown stand-in command {command!r}; known are {', '.join(sorted(known))}")
            continue
        field = known[command]
        try:
            values[field.name] = _value(field.type, text.strip())
        except ValueError as error:
            problems.append(f"stand-in command {command}={text!r} is ignored: {error}")
    return Commands(**values), problems


def _value(type_: object, text: str) -> str | float | bool:
    if type_ is str:
        return text
    if type_ is float:
        seconds = float(text)
        if not 0 <= seconds < float("inf"):
            raise ValueError("give seconds, 0 or more")
        return seconds
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("give true or false")
