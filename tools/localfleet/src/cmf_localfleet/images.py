"""Container images made of folders, without a container engine: archives that `ctr images import` reads."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_EPOCH = "1970-01-01T00:00:00Z"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Image:
    """An image: its layers, lowest first, and what its containers run.

    Attributes:
        name: Name with tag, as pods ask for it.
        layers: Folders, each as it shall look from ``/`` on.
        entrypoint: Command that every container runs.
        environment: Environment variables.
        directory: Working directory.
    """

    name: str
    layers: Sequence[Path]
    entrypoint: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = "/"


def write_image(image: Image, archive: Path) -> None:
    """Write an image to ``archive`` in the format of `docker save`; equal folders give equal bytes."""
    parts = [archive.with_suffix(f".layer{number}") for number in range(len(image.layers))]
    digests = [_write_layer(folder, part) for folder, part in zip(image.layers, parts, strict=True)]
    config = {
        "architecture": _architecture(),
        "os": "linux",
        "created": _EPOCH,
        "config": {
            "Env": [f"{name}={value}" for name, value in image.environment.items()],
            "Entrypoint": list(image.entrypoint),
            "WorkingDir": image.directory,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{"created": _EPOCH} for _ in digests],
    }
    text = json.dumps(config).encode()
    names = [f"{digest}.tar" for digest in digests]
    config_name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [image.name], "Layers": names}]).encode()
    with tarfile.open(archive, "w") as out:
        for name, content in ((config_name, text), ("manifest.json", manifest)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
        for part, name in zip(parts, names, strict=True):
            out.add(part, arcname=name)
            part.unlink()


def _write_layer(folder: Path, file: Path) -> str:
    """Write a folder as a layer, and return the layer's SHA-256 digest."""
    with tarfile.open(file, "w", format=tarfile.GNU_FORMAT) as layer:
        for entry in sorted(folder.iterdir()):
            layer.add(entry, arcname=entry.name, filter=_roots)
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _roots(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Make an entry the superuser's, without a time."""
    info.mtime = info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def _architecture() -> str:
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
