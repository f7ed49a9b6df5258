"""A managed process is found again by its pid file, and ends with everything it started."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from cmf_localfleet import ManagedProcess, ProcessState
from cmf_localfleet.errors import ProcessFailedError

from tests.support.wait import wait_for

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]
WITH_CHILD = [
    sys.executable,
    "-c",
    """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("up", child.pid, flush=True)
child.wait()
""",
]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ManagedProcess]:
    process = ManagedProcess("trial", tmp_path, die_with_parent=True)
    yield process
    process.stop(timeout=0)


def launch(process: ManagedProcess, command: list[str]) -> int:
    process.launch(command)
    wait_for(lambda: "up" in process.log.read_text(), "its first line")
    assert process.pid is not None
    return process.pid


def test_it_is_launched_once(process: ManagedProcess) -> None:
    pid = launch(process, SLEEP)
    process.launch(SLEEP)
    assert process.pid == pid
    assert process.memory > 0


def test_pause_and_resume_are_seen(process: ManagedProcess) -> None:
    launch(process, SLEEP)
    process.pause()
    assert str(process.state) == "paused"
    process.resume()
    assert str(process.state) == "running"


def test_what_ignores_sigterm_is_killed(process: ManagedProcess) -> None:
    pid = launch(process, STUBBORN)
    process.stop(timeout=0.2)
    assert not psutil.pid_exists(pid)
    assert process.state is ProcessState.STOPPED


def test_its_children_end_with_it(process: ManagedProcess) -> None:
    launch(process, WITH_CHILD)
    child = int(process.log.read_text().split()[1])
    process.stop()
    wait_for(
        lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE,
        "the child's end",
    )


def test_a_pid_that_is_another_process_by_now_is_not_taken_for_it(process: ManagedProcess) -> None:
    process.pid_file.write_text(f"{os.getpid()} 12345.0\n")
    assert process.state is ProcessState.STOPPED
    process.stop()
    assert not process.pid_file.exists()


def test_an_end_by_itself_is_told_with_the_log(process: ManagedProcess) -> None:
    process.launch([sys.executable, "-c", "raise SystemExit('no disk left')"])
    wait_for(lambda: process.state is ProcessState.STOPPED, "its end")
    with pytest.raises(ProcessFailedError, match=r"(?s)trial ended by itself.*no disk left"):
        process.check_running()


def test_what_does_not_run_cannot_be_paused(process: ManagedProcess) -> None:
    with pytest.raises(ProcessFailedError, match="trial does not run: start it first"):
        process.pause()


def test_its_environment_is_ours_and_what_was_added(process: ManagedProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "1")
    process.launch([sys.executable, "-c", "import os; print(os.environ['OURS'], os.environ['ADDED'])"], {"ADDED": "2"})
    wait_for(lambda: "1 2" in process.log.read_text(), "its output")
