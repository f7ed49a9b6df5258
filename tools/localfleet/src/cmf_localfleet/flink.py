"""A Flink session cluster and a SQL gateway in front of it, as processes of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from cmf_localfleet.artifacts import ensure_artifact
from cmf_localfleet.errors import ProcessFailedError, last_lines
from cmf_localfleet.ports import free_port
from cmf_localfleet.prerequisites import require_java
from cmf_localfleet.processes import ManagedProcess
from cmf_localfleet.waiting import wait_until

_EXPORTS = (
    "java.base/sun.net.util",
    "java.rmi/sun.rmi.registry",
    *(f"jdk.compiler/com.sun.tools.javac.{package}" for package in ("api", "file", "parser", "tree", "util")),
    "java.security.jgss/sun.security.krb5",
)
_OPENS = (
    "java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect", "java.text", "java.time",
    "java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks",
)  # fmt: skip
"""What Flink's own configuration opens of the JDK's modules (`env.java.opts.all`)."""

_SMALL = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_TASK_MANAGER_MEMORY = {
    "framework.heap.size": "128m", "framework.off-heap.size": "128m", "jvm-metaspace.size": "256m",
    "jvm-overhead.min": "64m", "jvm-overhead.max": "64m", "task.heap.size": "128m", "task.off-heap.size": "0m",
    "managed.size": "128m", "network.min": "64m", "network.max": "64m",
}  # fmt: skip
"""Flink's scripts work these out; without a script they are arguments."""

_LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} - %m%n
"""


class FlinkSession:
    """A JobManager, a TaskManager with 8 slots, and a SQL gateway that submits to them. About 1 GB of memory.

    As a context manager it starts, and is killed at the end.

    Args:
        directory: Configuration, pid files and logs; made if missing.
        address: Address that JobManager and gateway listen on. Neither asks who calls.
        configuration: Flink configuration over the one made here.
        die_with_parent: See :class:`~cmf_localfleet.processes.ManagedProcess`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        address: str = "127.0.0.1",
        configuration: Mapping[str, str] | None = None,
        die_with_parent: bool = False,
    ) -> None:
        self.directory = directory
        self.address = address
        self.rest_port = free_port()
        self.gateway_port = free_port()
        self._configuration = configuration or {}
        names = ("jobmanager", "taskmanager", "sql-gateway")
        self._job_manager, self._task_manager, self._gateway = (
            ManagedProcess(name, directory, die_with_parent=die_with_parent) for name in names
        )

    def __enter__(self) -> Self:
        self.launch()
        self.wait_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def rest_url(self) -> str:
        """Address of the JobManager's REST API and web UI."""
        return f"http://{self.address}:{self.rest_port}"

    @property
    def gateway_url(self) -> str:
        """Address of the SQL gateway."""
        return f"http://{self.address}:{self.gateway_port}"

    def launch(self) -> None:
        """Start the processes and do not wait."""
        self._configure()
        entry = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
        self._job_manager.launch(self._java(entry, "--configDir", str(self.directory)), self._environment)
        self._launch_task_manager()
        self.launch_gateway()

    def launch_gateway(self) -> None:
        """Start the SQL gateway unless it runs: a new one knows nothing of the sessions of the one before."""
        endpoint = "sql-gateway.endpoint.rest"
        settings = {f"{endpoint}.address": self.address, f"{endpoint}.port": str(self.gateway_port)}
        defines = [f"-D{key}={value}" for key, value in settings.items()]
        self._gateway.launch(self._java("org.apache.flink.table.gateway.SqlGateway", *defines), self._environment)

    def stop_gateway(self) -> None:
        """End the SQL gateway; jobs go on."""
        self._gateway.stop(timeout=0)

    def wait_ready(self, timeout: float = 90.0) -> None:
        """Wait until the cluster has its TaskManager and the gateway answers.

        Raises:
            ProcessFailedError: One ended, or not all were ready within ``timeout`` seconds.
        """
        if not wait_until(self._is_ready, timeout, interval=0.2):
            log = self._job_manager.log
            raise ProcessFailedError(f"Flink was not ready after {timeout:.0f} s. The end of {log}:\n{last_lines(log)}")

    def kill(self) -> None:
        """End all of it at once."""
        for process in (self._gateway, self._task_manager, self._job_manager):
            process.stop(timeout=0)

    def client(self, *arguments: str) -> list[str]:
        """Return the command that does what Flink's script `flink` does, for this cluster."""
        return self._java("org.apache.flink.client.cli.CliFrontend", *arguments)

    @property
    def client_environment(self) -> dict[str, str]:
        """Environment variables that :meth:`client`'s command needs."""
        return self._environment

    def _launch_task_manager(self) -> None:
        memory = {f"taskmanager.memory.{key}": value for key, value in _TASK_MANAGER_MEMORY.items()}
        settings = {"taskmanager.cpu.cores": "8.0", **memory}
        defines = [part for key, value in settings.items() for part in ("-D", f"{key}={value}")]
        runner = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
        self._task_manager.launch(self._java(runner, "--configDir", str(self.directory), *defines), self._environment)

    def _configure(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = {
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.rpc.port": str(free_port()),
            "jobmanager.memory.process.size": "1024m",
            "taskmanager.host": "127.0.0.1",
            "taskmanager.numberOfTaskSlots": "8",
            "rest.address": self.address,
            "rest.bind-address": self.address,
            "rest.port": str(self.rest_port),
            "execution.target": "remote",
            "heartbeat.timeout": "120000",
            "io.tmp.dirs": str(self._temporary),
            "web.tmpdir": str(self._temporary),
            "state.savepoints.dir": (self.directory / "savepoints").as_uri(),
            "state.checkpoints.dir": (self.directory / "checkpoints").as_uri(),
            **self._configuration,
        }
        self._temporary.mkdir(exist_ok=True)
        lines = [f"{key}: {value}\n" for key, value in settings.items()]
        (self.directory / "config.yaml").write_text("".join(lines))
        (self.directory / "log4j.properties").write_text(_LOGGING)

    @property
    def _temporary(self) -> Path:
        return self.directory / "tmp"

    @property
    def _environment(self) -> dict[str, str]:
        flink = ensure_artifact("flink")
        folders = {f"FLINK_{name.upper()}_DIR": str(flink / name) for name in ("lib", "opt", "plugins")}
        return {"FLINK_CONF_DIR": str(self.directory), **folders}

    def _java(self, main: str, *arguments: str) -> list[str]:
        flink = ensure_artifact("flink")
        jars = [*sorted((flink / "lib").glob("*.jar")), *(flink / "opt").glob("flink-sql-gateway-*.jar")]
        access = [f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTS]
        access += [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENS]
        # What a killed process leaves is in its own folder.
        defines = [
            f"-Dlog4j.configurationFile={self.directory / 'log4j.properties'}",
            f"-Djava.io.tmpdir={self._temporary}",
        ]
        path = ":".join(map(str, jars))
        return [require_java(), *access, *_SMALL, *defines, "-classpath", path, main, *arguments]

    def _is_ready(self) -> bool:
        for process in (self._job_manager, self._task_manager, self._gateway):
            process.check_running()
        try:
            with httpx.Client(timeout=5.0, trust_env=False) as client:
                taskmanagers = client.get(f"{self.rest_url}/overview").json().get("taskmanagers")
                return bool(taskmanagers) and client.get(f"{self.gateway_url}/v2/info").status_code == 200
        except (httpx.TransportError, ValueError):
            return False
