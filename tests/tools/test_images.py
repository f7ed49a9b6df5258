"""Images made of folders, as containerd reads them."""

import hashlib
import json
import tarfile
from pathlib import Path

from cmf_localfleet.images import Image, write_image


def folders(root: Path) -> list[Path]:
    """Return two layers."""
    for name, content in (("one", "first"), ("two", "second")):
        (root / name / "opt").mkdir(parents=True)
        (root / name / "opt" / name).write_text(content)
    return [root / "one", root / "two"]


def test_an_image_names_its_layers_by_their_digests(tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    write_image(Image("localhost/it:1", folders(tmp_path), ["/run"], {"A": "b"}, "/opt"), archive)
    with tarfile.open(archive) as image:
        read = {member.name: image.extractfile(member).read() for member in image.getmembers()}  # type: ignore[union-attr]
        (manifest,) = json.loads(read["manifest.json"])
        config = json.loads(read[manifest["Config"]])
        assert manifest["RepoTags"] == ["localhost/it:1"]
        assert config["config"] == {"Env": ["A=b"], "Entrypoint": ["/run"], "WorkingDir": "/opt"}
        digests = [hashlib.sha256(read[name]).hexdigest() for name in manifest["Layers"]]
        assert config["rootfs"]["diff_ids"] == [f"sha256:{digest}" for digest in digests]
        (tmp_path / "layer.tar").write_bytes(read[manifest["Layers"][1]])
    with tarfile.open(tmp_path / "layer.tar") as layer:
        entry = layer.getmember("opt/two")
        assert (entry.uid, entry.gid, entry.mtime) == (0, 0, 0)


def test_the_same_folders_give_the_same_bytes(tmp_path: Path) -> None:
    layers = folders(tmp_path)
    first, second = tmp_path / "first.tar", tmp_path / "second.tar"
    for archive in (first, second):
        write_image(Image("localhost/it:1", layers, ["/run"]), archive)
        (layers[0] / "opt/one").touch()
    assert [file.name for file in tmp_path.glob("*.layer*")] == []
    digests = {_members(archive) for archive in (first, second)}
    assert len(digests) == 1


def _members(archive: Path) -> tuple[str, ...]:
    with tarfile.open(archive) as image:
        return tuple(image.getnames())
