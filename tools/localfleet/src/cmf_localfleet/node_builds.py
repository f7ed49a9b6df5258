"""How the parts of a cluster with a node, and the images that run on it, are made of the sources below ``tools/``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterable
from pathlib import Path

from cmf_localfleet.builds import Go, kubernetes_stamps, run_logged
from cmf_localfleet.errors import BuildError
from cmf_localfleet.images import Image, write_image
from cmf_localfleet.prerequisites import require_command, require_jdk, require_maven
from cmf_localfleet.progress import Report

OPERATOR_IMAGE = "localhost/flink-kubernetes-operator:1.7.0"
FLINK_IMAGE = "localhost/flink:1.20"

_JAVA_MODULES = (
    "java.se", "jdk.attach", "jdk.compiler", "jdk.crypto.ec", "jdk.jcmd", "jdk.jfr", "jdk.localedata",
    "jdk.management", "jdk.management.agent", "jdk.naming.dns", "jdk.net", "jdk.unsupported", "jdk.zipfs",
)  # fmt: skip
_FOLDERS = (
    "bin", "dev", "etc", "lib64", "lib/x86_64-linux-gnu", "opt/flink", "proc", "root", "sys", "tmp", "usr/bin",
    "usr/local/bin", "var",
)  # fmt: skip
_LOADED = (
    "libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2",
    "libdl.so.2", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0", "librt.so.1", "libstdc++.so.6",
)  # fmt: skip
"""Libraries that are loaded later, which `ldd` does not know of: for glibc, to look names up, and for RocksDB."""

_ENVIRONMENT = {
    "PATH": "/opt/flink/bin:/opt/java/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "JAVA_HOME": "/opt/java",
    "FLINK_HOME": "/opt/flink",
}


def build_node(source: Path, target: Path, report: Report) -> None:
    """Make ``kubernetes-node``, ``pause`` and ``cluster-dns``."""
    log = target.with_name("build.log")
    go = Go(source, log, report)
    go.build(".", target / "kubernetes-node", kubernetes_stamps(go))
    go.build("./pause", target / "pause", {})
    Go(source / "dns", log, report).build(".", target / "cluster-dns", {})


def build_counting_job(source: Path, target: Path, report: Report) -> None:
    """Make ``counting.jar``."""
    command = [require_maven(), "--batch-mode", "--file", str(source / "pom.xml"), f"-Djob.directory={target}"]
    run_logged([*command, "package"], source, {}, target.with_name("build.log"), report)
    shutil.rmtree(target / "work")


def build_images(
    source: Path, target: Path, report: Report, *, node: Path, flink: Path, sql_runner: Path, counting_job: Path
) -> None:
    """Make the archives of the images of pods' pause containers, of the operator and of Flink, and the ``crds``."""
    log, work = target.with_name("build.log"), target / "work"
    report("a Java runtime")
    base = _base(work / "base", log, report)
    report("pause")
    pause = work / "pause"
    pause.mkdir()
    os.link(node / "pause", pause / "pause")
    write_image(Image("localhost/pause:1", [pause], ["/pause"]), target / "pause.tar")

    report("the operator's jars")
    operator = work / "operator"
    folder = operator / "flink-kubernetes-operator"
    command = [require_maven(), "--batch-mode", "--file", str(source / "operator.xml")]
    copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder / 'lib'}"]
    run_logged([*command, *copy], source, {}, log, report)
    for jar in (folder / "lib").glob("flink-kubernetes-standalone-*.jar"):
        jar.rename(folder / jar.name)
    for name in ("conf", "plugins", "artifacts", "usrlib"):
        (operator / "opt/flink" / name).mkdir(parents=True)
    # The operator itself fetches the jars of session jobs, and takes files of its own.
    for jar in (sql_runner, counting_job):
        shutil.copyfile(jar, operator / "opt/flink/usrlib" / jar.name)
    _entrypoint(source / "operator-entrypoint.sh", operator)
    report("the operator's image")
    entrypoint = ["/docker-entrypoint.sh"]
    write_image(Image(OPERATOR_IMAGE, [base, operator], entrypoint, _ENVIRONMENT), target / "operator.tar")
    (target / "crds").mkdir()
    (api,) = (folder / "lib").glob("flink-kubernetes-operator-api-*.jar")
    with zipfile.ZipFile(api) as classes:
        for name in classes.namelist():
            if re.fullmatch(r"META-INF/fabric8/.*-v1\.yml", name):
                (target / "crds" / Path(name).name).write_bytes(classes.read(name))

    report("Flink's scripts")
    image = work / "flink"
    home = image / "opt/flink"
    for name in ("lib", "opt", "plugins"):
        shutil.copytree(flink / name, home / name, copy_function=os.link)
    for name in ("log", "usrlib"):
        (home / name).mkdir()
    _flink_scripts(source, work, home, log, report)
    shutil.copyfile(flink / "bin/bash-java-utils.jar", home / "bin/bash-java-utils.jar")
    for jar in (sql_runner, counting_job):
        shutil.copyfile(jar, home / "usrlib" / jar.name)
    _entrypoint(source / "flink-entrypoint.sh", image)
    report("Flink's image")
    write_image(Image(FLINK_IMAGE, [base, image], entrypoint, _ENVIRONMENT, "/opt/flink"), target / "flink.tar")
    shutil.rmtree(work)


def _base(folder: Path, log: Path, report: Report) -> Path:
    """Make a root with busybox, bash and a Java runtime, of this machine's own programs."""
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True)
    (folder / "tmp").chmod(0o1777)
    busybox, bash, jlink = require_command("busybox"), require_command("bash"), require_jdk("jlink")
    shutil.copyfile(busybox, folder / "bin/busybox")
    shutil.copyfile(bash, folder / "bin/bash")
    for program in ("busybox", "bash"):
        (folder / "bin" / program).chmod(0o755)
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True, timeout=30)
    for applet in set(applets.stdout.split()) - {"busybox", "bash"}:
        (folder / "bin" / applet).symlink_to("busybox")
    (folder / "usr/bin/env").symlink_to("/bin/env")
    java = folder / "opt/java"
    options = ["--strip-debug", "--no-man-pages", "--no-header-files", "--include-locales=en"]
    command = [jlink, "--add-modules", ",".join(_JAVA_MODULES), *options, "--output", str(java)]
    run_logged(command, folder, {}, log, report)
    programs = [folder / "bin/bash", java / "bin/java", *java.glob("lib/*.so"), java / "lib/server/libjvm.so"]
    for library in _libraries(programs, java):
        copy = folder / library.relative_to("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(library, copy)
        copy.chmod(0o755)
    (folder / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/bash\nflink:x:9999:9999:flink:/opt/flink:/bin/bash\n"
    )
    (folder / "etc/group").write_text("root:x:0:\nflink:x:9999:\n")
    (folder / "etc/nsswitch.conf").write_text("hosts: files dns\n")
    return folder


def _libraries(programs: Iterable[Path], java: Path) -> set[Path]:
    """Return this machine's shared libraries that programs need, and the loader."""
    found: set[Path] = set()
    environment = {**os.environ, "LD_LIBRARY_PATH": f"{java / 'lib'}:{java / 'lib/server'}"}
    for program in programs:
        answer = subprocess.run(["ldd", str(program)], env=environment, capture_output=True, text=True, check=False)
        found |= {Path(path) for path in re.findall(r"(/\S+) \(0x", answer.stdout)}
    system = {path for path in found if not path.is_relative_to(java)}
    if not system:
        raise BuildError("`ldd` finds no library of bash and Java: images are made on Linux with glibc only.")
    folder = next(path.parent for path in system if path.name.startswith("libc.so"))
    return system | {folder / name for name in _LOADED if (folder / name).exists()}


def _flink_scripts(source: Path, work: Path, home: Path, log: Path, report: Report) -> None:
    """Put Flink's scripts and default configuration into its home."""
    python = [require_command("python3"), "-m"]
    run_logged([*python, "venv", str(work / "pip")], source, {}, log, report)
    download = [str(work / "pip/bin/pip"), "download", "--quiet", "--no-deps", "--require-hashes", "--dest", str(work)]
    # Only its scripts are wanted: the wheel of any Python does.
    anything = ["--only-binary", ":all:", "--python-version", "3.11", "--platform", "manylinux2014_x86_64"]
    run_logged([*download, *anything, "-r", str(source / "flink-scripts.txt")], source, {}, log, report)
    (wheel,) = work.glob("apache_flink-*.whl")
    with zipfile.ZipFile(wheel) as package:
        for info in package.infolist():
            found = re.fullmatch(r"pyflink/((?:bin|conf)/[^/]+)", info.filename)
            if found:
                file = home / found[1]
                file.parent.mkdir(exist_ok=True)
                file.write_bytes(package.read(info))
                file.chmod(0o755 if found[1].startswith("bin/") else 0o644)


def _entrypoint(script: Path, root: Path) -> None:
    copy = root / "docker-entrypoint.sh"
    shutil.copyfile(script, copy)
    copy.chmod(0o755)
