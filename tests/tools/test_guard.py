"""A killed test run leaves nothing of Pulumi."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests.support.wait import wait_for

_RUN = """
import os, subprocess, sys, time
from tests.support import guard

guard.start()
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
environment = {**os.environ, **guard.mark()}
print(subprocess.Popen(sleep, env=environment, start_new_session=True).pid)
print(subprocess.Popen(sleep, start_new_session=True).pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the guard needs Linux")
def test_what_carries_the_mark_ends_with_the_run() -> None:
    with subprocess.Popen([sys.executable, "-c", _RUN], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        marked, other = (int(run.stdout.readline()) for _ in range(2))
        try:
            assert psutil.pid_exists(marked)
            run.kill()
            run.wait()
            wait_for(lambda: not _runs(marked), "what is marked to end", 20)
            assert _runs(other)
        finally:
            os.kill(other, signal.SIGKILL)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
