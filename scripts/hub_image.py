"""An OCI image of the hub without a daemon: `python scripts/hub_image.py hub.tar`.

What is in it: this machine's Python with the libraries that it needs, cmf-hub, and the packages that it needs in the
versions that are installed here, which are the locked ones; no shell, and nothing else. Or, with `--base IMAGE.tar`, an
OCI archive that has a Python of the same version at `--python`, with the packages on top. The hub runs as user 1001.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

LIBRARY, PYTHON, USER = "opt/cmf-hub/lib", "opt/python", 1001
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_LEFT_OUT = {
    "__pycache__",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "site-packages",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
}
_START = "from cmf_hub.cli import app; app()"
_DATA = "var/lib/cmf"


def main() -> None:
    """Write the archive that the arguments name."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("archive", type=Path, help="OCI archive to write")
    arguments.add_argument("--base", type=Path, help="OCI archive to build on")
    arguments.add_argument("--python", default=f"/{PYTHON}/bin/python3", help="its Python")
    given = arguments.parse_args()
    packages = list(closure("cmf-hub"))
    layers = [layer(hub_files(packages))]
    if given.base is None:
        layers.insert(0, layer(python_files(packages)))
    write(given.archive, layers, given.python, given.base)
    size = given.archive.stat().st_size / 2**20
    sys.stdout.write(f"{given.archive}: {size:.0f} MiB, {len(packages)} packages\n")


def closure(name: str) -> Iterator[Distribution]:
    """Yield a package and all that it needs here."""
    wanted, seen = [(name, "")], set[tuple[str, str]]()
    while wanted:
        package, extra = wanted.pop()
        found = distribution(package)
        key = re.sub(r"[-_.]+", "-", found.name).lower()
        if (key, extra) in seen:
            continue
        if not any(known == key for known, _ in seen):
            yield found
        seen.add((key, extra))
        for text in found.requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                wanted += [(requirement.name, each) for each in ("", *sorted(requirement.extras))]


def hub_files(packages: Iterable[Distribution]) -> dict[str, Path]:
    """Return the files of packages by their paths in the image; sources of those that are installed for editing."""
    files: dict[str, Path] = {}
    for package in packages:
        for file in package.files or []:
            path = Path(str(package.locate_file(file))).resolve()
            if file.suffix == ".pth" and path.is_file():
                for source in path.read_text().split():
                    files |= _below(Path(source), LIBRARY)
            elif path.is_file() and ".." not in file.parts and "__pycache__" not in file.parts:
                files[f"{LIBRARY}/{file}"] = path
    return files


def python_files(packages: Iterable[Distribution]) -> dict[str, Path]:
    """Return this machine's Python, and the shared libraries that it and the packages are linked with."""
    home = Path(sys.base_prefix)
    executable = Path(sys.executable).resolve()
    files = {f"{PYTHON}/bin/python3": executable, **_below(home / "lib" / _VERSION, f"{PYTHON}/lib/{_VERSION}")}
    binaries = [executable, *(path for path in {**files, **hub_files(packages)}.values() if ".so" in path.name)]
    for start in range(0, len(binaries), 50):
        told = subprocess.run(
            ["ldd", *binaries[start : start + 50]], capture_output=True, text=True, timeout=120, check=False
        ).stdout
        for found in re.findall(r"(?:=> |\t)(/\S+) \(0x", told):
            inside = found.startswith(sys.base_prefix)
            files[f"{PYTHON}/lib/{Path(found).name}" if inside else found.lstrip("/")] = Path(found).resolve()
    authorities = Path("/etc/ssl/certs/ca-certificates.crt")
    return {**files, **({"etc/ssl/certs/ca-certificates.crt": authorities} if authorities.is_file() else {})}


def layer(files: dict[str, Path]) -> bytes:
    """Return a layer with these files, the same each time."""
    buffer = io.BytesIO()
    folders = {str(parent) for name in files for parent in Path(name).parents if str(parent) != "."}
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for folder in sorted({*folders, "tmp", "var", "var/lib", _DATA}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            entry.uid = entry.gid = USER if folder == _DATA else 0
            archive.addfile(entry)
        for name, path in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            data = path.read_bytes()
            entry.size, entry.mode = len(data), 0o755 if os.access(path, os.X_OK) else 0o644
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def write(archive: Path, layers: list[bytes], python: str, base: Path | None = None) -> None:
    """Write an image of layers, on those of a base, as an OCI archive."""
    blobs: dict[str, bytes] = {}

    def put(data: bytes, kind: str) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    manifest, config = _base(base, blobs) if base else ({"layers": []}, {"rootfs": {"diff_ids": []}})
    described = list(manifest["layers"])
    for data in layers:
        described.append(put(gzip.compress(data, compresslevel=4, mtime=0), "layer.v1.tar+gzip"))
        config["rootfs"]["diff_ids"].append(f"sha256:{hashlib.sha256(data).hexdigest()}")
    variables = {"PYTHONPATH": f"/{LIBRARY}", "PYTHONDONTWRITEBYTECODE": "1", "CMF_DATABASE": f"/{_DATA}/hub.db"}
    variables["HOME"] = f"/{_DATA}"  # it is nobody's home, and some packages want one
    if base is None:
        variables |= {"PYTHONHOME": f"/{PYTHON}", "LD_LIBRARY_PATH": f"/{PYTHON}/lib"}
        variables["SSL_CERT_FILE"] = "/etc/ssl/certs/ca-certificates.crt"
    config |= {"architecture": _architecture(), "os": "linux", "history": []}
    config["rootfs"]["type"] = "layers"
    config["config"] = {
        "User": f"{USER}:{USER}",
        "Env": [f"{name}={value}" for name, value in variables.items()],
        "Entrypoint": [python, "-c", _START],
        "Cmd": ["serve"],
        "ExposedPorts": {"8080/tcp": {}},
        "WorkingDir": f"/{_DATA}",
    }
    made = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": put(json.dumps(config, sort_keys=True).encode(), "config.v1+json"),
        "layers": described,
    }
    index = {"schemaVersion": 2, "manifests": [put(json.dumps(made, sort_keys=True).encode(), "manifest.v1+json")]}
    blobs |= {"index.json": json.dumps(index).encode(), "oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    with tarfile.open(archive, "w") as out:
        for name, data in sorted(blobs.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            out.addfile(entry, io.BytesIO(data))


def _base(archive: Path, blobs: dict[str, bytes]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return manifest and configuration of an OCI archive's image, and take its layers."""
    with tarfile.open(archive) as given:

        def read(name: str) -> bytes:
            file = given.extractfile(name)
            assert file is not None, f"{archive} has no {name}: it is no OCI archive"
            return file.read()

        def blob(described: dict[str, Any]) -> bytes:
            return read("blobs/" + described["digest"].replace(":", "/"))

        manifest = json.loads(blob(json.loads(read("index.json"))["manifests"][0]))
        for each in manifest["layers"]:
            blobs["blobs/" + each["digest"].replace(":", "/")] = blob(each)
        return manifest, json.loads(blob(manifest["config"]))


def _below(folder: Path, to: str) -> dict[str, Path]:
    return {
        f"{to}/{path.relative_to(folder)}": path
        for path in folder.rglob("*")
        if path.is_file() and not _LEFT_OUT & set(path.relative_to(folder).parts)
    }


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


if __name__ == "__main__":
    main()
