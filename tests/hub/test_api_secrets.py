import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cmf_hub.encryption import BadKeys, Keyring, Undecryptable
from cmf_hub.settings import Settings
from pydantic import SecretStr

from tests.support.hub import Hub, mapping, message, secret, unique
from tests.support.wait import wait_for

CANARY = "canary-Xq7v0PzK"


def new_key(size: int = 32) -> str:
    return base64.b64encode(os.urandom(size)).decode()


def created(hub: Hub, **data: str) -> str:
    name = unique("secret")
    answer = hub.post("/secrets", secret(name, data or {"password": "x"}))
    assert answer.status_code == 200, answer.text
    return name


def files_with(text: str, folder: Path) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


def test_a_secret_is_created_masked_and_counted(hub: Hub) -> None:
    name = unique("secret")
    answer = hub.post("/secrets", secret(name, {"user": "me", "retries": 3}, labels={"team": "red"}))
    assert answer.status_code == 200
    first = answer.json()
    assert first["spec"] == {"data": {"user": "*****", "retries": "*****"}}
    assert first["status"] == {"version": "1", "environments": []}
    assert first["metadata"]["labels"] == {"team": "red"}
    assert hub.get(f"/secrets/{name}").json() == first
    again = hub.post("/secrets", secret(name, {"user": "me"}))
    assert again.status_code == 409
    assert message(again) == f"Secret '{name}' already exists."


def test_each_change_of_a_secret_counts_its_version_up(hub: Hub) -> None:
    name = created(hub, password="one")
    path = f"/secrets/{name}"
    uid = hub.get(path).json()["metadata"]["uid"]

    def version_after(data: dict[str, Any] | None, **metadata: Any) -> str:
        answer = hub.put(path, secret(name, data, **metadata))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["status"]["version"])

    assert version_after({"password": "one"}) == "1"
    assert version_after({"password": "two"}) == "2"
    assert version_after({"password": "*****"}) == "2"
    assert version_after(None) == "2"
    assert version_after({"password": "*****", "user": "me"}) == "3"
    assert version_after(None, labels={"team": "red"}) == "4"
    assert version_after({}, labels={"team": "red"}) == "5"
    after = hub.get(path).json()
    assert (after["spec"], after["metadata"]["uid"]) == ({"data": {}}, uid)
    assert after["metadata"]["updateTimestamp"] > after["metadata"]["creationTimestamp"]


@pytest.mark.rule("SECRET")
def test_the_mask_is_no_value(hub: Hub) -> None:
    refused = hub.post("/secrets", secret(unique("secret"), {"password": "*****"}))
    assert (refused.status_code, "is the mask" in message(refused)) == (422, True)
    name = created(hub, password="x")
    assert hub.put(f"/secrets/{name}", secret(name, {"other": "*****"})).status_code == 422
    assert hub.get(f"/secrets/{name}").json()["status"]["version"] == "1"


def test_a_misplaced_value_is_refused_and_not_repeated(hub: Hub) -> None:
    name = unique("secret")
    bodies: list[dict[str, Any]] = [
        {**secret(name), "data": {"password": CANARY}},
        {**secret(name), "spec": {"stringData": {"password": CANARY}}},
        secret(name, {"password": [CANARY]}),
        {**secret(name), "spec": {"data": CANARY}},
        {**secret(name, {"password": CANARY}), "kind": "Wrong"},
        {**secret(name, {"password": CANARY}), "apiVersion": "v0"},
        secret("Bad Name", {"password": CANARY}),
    ]
    for body in bodies:
        answer = hub.post("/secrets", body)
        assert answer.status_code == 400, answer.text
        assert CANARY not in answer.text
    assert hub.get(f"/secrets/{name}").status_code == 404


def test_a_secret_is_deleted(hub: Hub) -> None:
    name = created(hub)
    assert hub.delete(f"/secrets/{name}").status_code == 204
    for answer in (
        hub.get(f"/secrets/{name}"),
        hub.delete(f"/secrets/{name}"),
        hub.put(f"/secrets/{name}", secret(name)),
    ):
        assert answer.status_code == 404
        assert message(answer) == f"Secret '{name}' does not exist."


def test_secrets_are_listed_filtered_and_searched_by_environment(hub: Hub) -> None:
    environment, name = hub.environment("flink"), created(hub)
    assert hub.post(f"{environment}/secret-mappings", mapping("kafka-id", name)).status_code == 200
    words = {"search": environment.rpartition("/")[2].upper(), "searchScope": "name,environments"}
    found = hub.get("/secrets", params=words)
    assert [item["metadata"]["name"] for item in found.json()["items"]] == [name]
    assert hub.get("/secrets", params={"filter": f"name={name}"}).json()["metadata"] == {"size": 1}
    assert hub.get("/secrets?search=x&searchScope=data").status_code == 400
    known = hub.get("/secrets", params=words, headers={"If-None-Match": found.headers["etag"]})
    assert known.status_code == 304
    fields = hub.get("/secrets", params={**words, "fields": "metadata.name"}).json()["items"]
    assert fields == [{"apiVersion": "cmf.confluent.io/v1", "kind": "Secret", "metadata": {"name": name}}]


@pytest.mark.rule("E37")
def test_a_mapping_needs_its_secret_and_holds_it(hub: Hub) -> None:
    environment, name = hub.environment("flink"), created(hub)
    path = f"{environment}/secret-mappings"
    missing = hub.post(path, mapping("kafka-id", "none"))
    assert (missing.status_code, "create the Secret first" in message(missing)) == (400, True)
    answer = hub.post(path, mapping("kafka-id", name))
    assert answer.status_code == 200
    assert answer.json()["spec"] == {"secretName": name}
    assert "status" not in answer.json()
    assert hub.get(f"{path}/kafka-id").json() == answer.json()
    assert hub.post(path, mapping("kafka-id", name)).status_code == 409
    assert hub.get(f"/secrets/{name}").json()["status"] == {
        "version": "1",
        "environments": [environment.rpartition("/")[2]],
    }
    held = hub.delete(f"/secrets/{name}")
    assert (held.status_code, environment.rpartition("/")[2] in message(held)) == (409, True)
    assert hub.delete(f"{path}/kafka-id").status_code == 204
    assert hub.delete(f"{path}/kafka-id").status_code == 404
    assert hub.delete(f"/secrets/{name}").status_code == 204


def test_a_mapping_moves_to_another_secret(hub: Hub) -> None:
    environment, old, new = hub.environment("flink"), created(hub), created(hub)
    path = f"{environment}/secret-mappings"
    hub.post(path, mapping("kafka-id", old))
    assert hub.put(f"{path}/kafka-id", mapping("kafka-id", "none")).status_code == 400
    assert hub.put(f"{path}/other-id", mapping("other-id", new)).status_code == 404
    moved = hub.put(f"{path}/kafka-id", mapping("kafka-id", new))
    assert (moved.status_code, moved.json()["spec"]) == (200, {"secretName": new})
    assert hub.get(f"/secrets/{old}").json()["status"]["environments"] == []
    assert hub.get(f"/secrets/{new}").json()["status"]["environments"] == [environment.rpartition("/")[2]]
    listed = hub.get(path).json()
    assert (listed["metadata"], [item["metadata"]["name"] for item in listed["items"]]) == ({"size": 1}, ["kafka-id"])


def test_an_environment_shows_its_mappings_and_takes_them_with_it(hub: Hub) -> None:
    environment, name = hub.environment("flink"), created(hub)
    assert hub.get(environment).json()["secrets"] == {}
    for connection in ("kafka-id", "registry-id"):
        hub.post(f"{environment}/secret-mappings", mapping(connection, name))
    assert hub.get(environment).json()["secrets"] == {"kafka-id": name, "registry-id": name}
    listed = hub.get("/environments", params={"filter": f"name={environment.rpartition('/')[2]}"}).json()["items"]
    assert "secrets" not in listed[0]
    assert hub.delete(environment).status_code == 204
    assert hub.get(f"/secrets/{name}").json()["status"]["environments"] == []
    assert hub.delete(f"/secrets/{name}").status_code == 204
    missing = hub.get(f"{environment}/secret-mappings")
    assert (missing.status_code, "Environment" in message(missing)) == (404, True)


@pytest.mark.rule("C33")
def test_mappings_of_a_disconnected_environment_do_not_change_and_secrets_do(
    own_hub: Callable[..., Hub],
) -> None:
    hub = own_hub()
    environment, name = hub.environment("flink", "spoke"), created(hub)
    path = f"{environment}/secret-mappings"
    assert hub.post(path, mapping("kafka-id", name)).status_code == 200
    (hub.kubeconfigs / "spoke").unlink()
    hub.connected("spoke", "DISCONNECTED")
    for answer in (
        hub.post(path, mapping("other-id", name)),
        hub.put(f"{path}/kafka-id", mapping("kafka-id", name)),
        hub.delete(f"{path}/kafka-id"),
    ):
        assert answer.status_code == 503
    assert hub.get(f"{path}/kafka-id").status_code == 200
    assert hub.put(f"/secrets/{name}", secret(name, {"password": "y"})).json()["status"]["version"] == "2"


@pytest.mark.rule("E36")
def test_without_a_key_secrets_are_refused_unless_the_hub_is_for_tests(own_hub: Callable[..., Hub]) -> None:
    refused = own_hub(wait=[], CMF_ENCRYPTION_KEYS="").post("/secrets", secret("kafka", {"password": CANARY}))
    assert refused.status_code == 422
    assert "CMF_ENCRYPTION_KEY_FILE" in message(refused)
    assert CANARY not in refused.text


@pytest.mark.rule("E36")
def test_a_canary_is_nowhere_in_the_files_of_the_hub(own_hub: Callable[..., Hub], tmp_path: Path) -> None:
    """In the clear first, so that the search is known to find it; then a key comes, and the canary goes."""
    database = tmp_path / "hub" / "hub.db"
    plain = own_hub(wait=[], CMF_ENCRYPTION_KEYS="", CMF_SQL_PRODUCTION="false")
    assert plain.post("/secrets", secret("kafka", {"password": "plain-" + CANARY})).status_code == 200
    assert files_with("plain-" + CANARY, tmp_path / "hub")
    for number in range(5):
        assert plain.post("/secrets", secret(f"gone-{number}", {"password": "gone-" + CANARY})).status_code == 200
        assert plain.delete(f"/secrets/gone-{number}").status_code == 204
    plain.stop()
    assert files_with("gone-" + CANARY, tmp_path / "hub") == []
    own_hub(wait=[], CMF_ENCRYPTION_KEYS="").stop()
    assert files_with("secrets are stored in the clear", tmp_path / "hub") == ["hub.log"]
    keys = tmp_path / "keys"
    keys.write_text(new_key() + "\n")
    own_hub(wait=[], CMF_ENCRYPTION_KEYS="", CMF_ENCRYPTION_KEY_FILE=str(keys)).stop()
    assert files_with("plain-" + CANARY, tmp_path / "hub") == []
    hub = own_hub(wait=[], CMF_ENCRYPTION_KEYS="", CMF_ENCRYPTION_KEY_FILE=str(keys), CMF_LOG_LEVEL="debug")
    assert hub.post("/secrets", secret("other", {"password": CANARY})).status_code == 200
    assert hub.put("/secrets/kafka", secret("kafka", {"password": CANARY * 2})).status_code == 200
    assert hub.post("/secrets", secret("other", {"password": CANARY})).status_code == 409
    assert hub.post("/secrets", {**secret("bad"), "data": CANARY}).status_code == 400
    broken = hub.http.post("/cmf/api/v1/secrets", content=f'{{"data": {CANARY}')
    assert (broken.status_code, CANARY in broken.text) == (400, False)
    text = yaml.safe_dump(secret("more", {"password": CANARY}))
    sent = hub.http.post("/cmf/api/v1/secrets", content=text, headers={"Content-Type": "application/yaml"})
    assert sent.status_code == 200
    assert CANARY not in sent.text + hub.get("/secrets").text + hub.http.get("/metrics").text
    hub.stop()
    assert database.stat().st_size > 0
    assert files_with("request", tmp_path / "hub")
    assert files_with(CANARY, tmp_path / "hub") == []


def test_keys_are_rotated(own_hub: Callable[..., Hub], tmp_path: Path) -> None:
    keys, old, new = tmp_path / "keys", new_key(16), new_key()
    keys.write_text(old)
    first = own_hub(wait=[], CMF_ENCRYPTION_KEYS="", CMF_ENCRYPTION_KEY_FILE=str(keys))
    assert first.post("/secrets", secret("kafka", {"password": "one"})).status_code == 200
    first.stop()
    keys.write_text(f"{new}\n{old}\n")
    both = own_hub(wait=[], CMF_ENCRYPTION_KEYS="", CMF_ENCRYPTION_KEY_FILE=str(keys))
    assert both.put("/secrets/kafka", secret("kafka", {"password": "one"})).json()["status"]["version"] == "1"
    both.stop()
    only_new = own_hub(wait=[], CMF_ENCRYPTION_KEYS=new)
    assert only_new.put("/secrets/kafka", secret("kafka", {"password": "one"})).json()["status"]["version"] == "1"


def test_a_lost_key_is_named_and_the_values_can_be_sent_again(own_hub: Callable[..., Hub]) -> None:
    first = own_hub(wait=[], CMF_ENCRYPTION_KEYS=new_key())
    assert first.post("/secrets", secret("kafka", {"password": "one"})).status_code == 200
    first.stop()
    hub = own_hub(wait=[], CMF_ENCRYPTION_KEYS=new_key())
    wait_for(lambda: bool(files_with("secret cannot be read", hub.directory)), "the log to name the secret")
    assert hub.get("/secrets/kafka").status_code == 200
    refused = hub.put("/secrets/kafka", secret("kafka", {"password": "*****"}))
    assert (refused.status_code, "which is not among this hub's" in message(refused)) == (500, True)
    sent = hub.put("/secrets/kafka", secret("kafka", {"password": "one"}))
    assert (sent.status_code, sent.json()["status"]["version"]) == (200, "2")
    assert hub.put("/secrets/kafka", secret("kafka", {"password": "*****"})).status_code == 200


def test_sealed_data_opens_only_for_its_owner_and_unchanged() -> None:
    keyring = Keyring([os.urandom(32)])
    sealed = keyring.seal({"password": CANARY}, "uid-1")
    assert CANARY not in str(sealed)
    assert keyring.open(sealed, "uid-1") == {"password": CANARY}
    assert keyring.seal({"password": CANARY}, "uid-1")["sealed"] != sealed["sealed"]
    with pytest.raises(Undecryptable, match="damaged"):
        keyring.open(sealed, "uid-2")
    with pytest.raises(Undecryptable, match="fingerprint"):
        Keyring([os.urandom(32)]).open(sealed, "uid-1")


@pytest.mark.parametrize("keys", ["x", "!", new_key(24), f"{new_key()},short"], ids=["x", "!", "24 bytes", "short"])
def test_bad_keys_are_refused_and_not_repeated(keys: str) -> None:
    with pytest.raises(BadKeys, match="CMF_ENCRYPTION_KEYS holds a key that is not 16 or 32 bytes") as refused:
        Keyring.of(Settings(encryption_keys=SecretStr(keys)))
    assert new_key()[:4] not in str(refused.value)


def test_a_bad_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadKeys, match="missing cannot be read"):
        Keyring.of(Settings(encryption_key_file=tmp_path / "missing"))
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(BadKeys, match="empty holds no key"):
        Keyring.of(Settings(encryption_key_file=tmp_path / "empty"))
