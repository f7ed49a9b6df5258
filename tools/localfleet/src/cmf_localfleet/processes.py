"""A process that outlives the command that launched it, found again by its pid file."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import psutil

from cmf_localfleet.errors import ProcessFailedError, last_lines
from cmf_localfleet.waiting import wait_until

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None

# Children of this process, to be reaped by whichever object finds them by their pid file.
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}


class ProcessState(StrEnum):
    """What a process is doing, as the operating system sees it."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


class ManagedProcess:
    """One process in a session of its own, with ``NAME.pid`` and ``NAME.log`` in ``directory``.

    Args:
        name: Names the process in messages and its files.
        directory: Where the pid file and the log are kept; made when the process is launched.
        die_with_parent: On Linux, the kernel kills the process when the *thread* that launched it ends,
            however it ends. For tests, so that a killed test run leaves nothing behind.
    """

    def __init__(self, name: str, directory: Path, *, die_with_parent: bool = False) -> None:
        self.name = name
        self.pid_file = directory / f"{name}.pid"
        self.log = directory / f"{name}.log"
        self._die_with_parent = die_with_parent

    @property
    def pid(self) -> int | None:
        """Process id, or ``None`` if the process does not run."""
        process = self._find()
        return process.pid if process else None

    @property
    def state(self) -> ProcessState:
        """Whether the process runs, is paused, or is not there."""
        process = self._find()
        try:
            paused = process is not None and process.status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            process = None
        if process is None:
            return ProcessState.STOPPED
        return ProcessState.PAUSED if paused else ProcessState.RUNNING

    @property
    def memory(self) -> int:
        """Resident memory in bytes; 0 if the process does not run."""
        process = self._find()
        try:
            return process.memory_info().rss if process else 0
        except psutil.NoSuchProcess:
            return 0

    def launch(self, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
        """Start ``command`` unless it runs; its output is appended to the log. Waits for nothing.

        ``environment`` is added to this process's own.
        """
        if self._find() is not None:
            return
        self.pid_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                preexec_fn=end_with_parent if self._die_with_parent else None,
            )
        started = psutil.Process(child.pid).create_time()
        self.pid_file.write_text(f"{child.pid} {started}\n")
        _CHILDREN[child.pid] = child

    def stop(self, timeout: float = 15.0) -> None:
        """Send SIGTERM, wait ``timeout`` seconds, then SIGKILL what is left; 0 kills at once."""
        process = self._find()
        if process is not None:
            if timeout > 0:
                # SIGCONT after SIGTERM: a paused process would otherwise not see it.
                self._signal(process.pid, signal.SIGTERM)
                self._signal(process.pid, signal.SIGCONT)
                self._ends_within(timeout)
            self._signal(process.pid, signal.SIGKILL)
            if not self._ends_within(10):
                raise ProcessFailedError(f"{self.name} (process {process.pid}) does not end, not even by SIGKILL.")
        self.pid_file.unlink(missing_ok=True)

    def pause(self) -> None:
        """Stop the process where it stands: connections stay open and nothing is answered."""
        self._turn(signal.SIGSTOP, ProcessState.PAUSED)

    def resume(self) -> None:
        """Let a paused process go on."""
        self._turn(signal.SIGCONT, ProcessState.RUNNING)

    def check_running(self) -> None:
        """Raise if the process has ended.

        Raises:
            ProcessFailedError: With the end of the log.
        """
        if self._find() is None:
            raise ProcessFailedError(f"{self.name} ended by itself. The end of {self.log}:\n{last_lines(self.log)}")

    def _turn(self, number: signal.Signals, state: ProcessState) -> None:
        process = self._find()
        if process is None:
            raise ProcessFailedError(f"{self.name} does not run: start it first.")
        self._signal(process.pid, number)
        # The kernel stops a busy process a moment after the signal was sent.
        if not wait_until(lambda: self.state is state, 10, interval=0.01):
            raise ProcessFailedError(f"{self.name} (process {process.pid}) is {self.state}, not {state}.")

    def _find(self) -> psutil.Process | None:
        try:
            pid, started = self.pid_file.read_text().split()
            process = psutil.Process(int(pid))
            if process.status() == psutil.STATUS_ZOMBIE:
                child = _CHILDREN.pop(process.pid, None)
                if child is not None:
                    child.wait()
                return None
            # The pid may by now be another process's: then it started at another time.
            return process if abs(process.create_time() - float(started)) < 2 else None
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return None

    def _ends_within(self, timeout: float) -> bool:
        # Not psutil's wait(): it also waits until somebody reaps the process, which some init processes do late.
        return wait_until(lambda: self._find() is None, timeout, interval=0.02)

    @staticmethod
    def _signal(pid: int, number: signal.Signals) -> None:
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            return


def end_with_parent() -> None:
    """Have the kernel kill this process, a child before its `exec`, when the thread that made it ends; on Linux."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
