"""The dynamic front without an engine: what the state names, how calls are answered, and what is not imported."""

import base64
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import dill  # type: ignore[import-untyped]
import grpc
import pulumi_cmf
import pytest
from google.protobuf import any_pb2
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2
from pulumi_cmf.dynamic import providers
from pulumi_cmf.dynamic.call import current_call
from pulumi_cmf.dynamic.front import Front
from pulumi_cmf.lifecycle.kinds import KINDS


@pytest.mark.parametrize(
    "provider",
    [
        "KubernetesClusterProvider",
        "EnvironmentProvider",
        "ComputePoolProvider",
        "FlinkApplicationProvider",
        "StatementProvider",
        "SavepointProvider",
        "DetachedSavepointProvider",
        "SecretProvider",
        "EnvironmentSecretMappingProvider",
        "KafkaCatalogProvider",
        "KafkaDatabaseProvider",
    ],
)
def test_a_state_names_module_and_class_and_nothing_else(provider: str) -> None:
    """What stacks have in their state; another text here means that old stacks cannot be read any more."""
    front: Front = getattr(providers, provider)()
    text = serialize_provider(front)
    assert type(dill.loads(base64.b64decode(text))) is getattr(providers, provider)
    short = provider.encode()
    module = b"pulumi_cmf.dynamic.providers"
    body = (
        b"\x8c" + bytes([len(module)]) + module + b"\x94\x8c" + bytes([len(short)]) + short + b"\x94\x93\x94)\x81\x94."
    )
    assert base64.b64decode(text) == b"\x80\x04\x95" + len(body).to_bytes(8, "little") + body
    assert front.serialize_as_secret_always is False


def test_type_tokens_are_a_contract() -> None:
    tokens = {name: getattr(pulumi_cmf, name)._resource_type_name for name in KINDS}
    assert tokens == {name: f"dynamic/cmf:{name}" for name in KINDS}


def test_importing_has_no_effect_and_needs_no_kubernetes_client() -> None:
    code = (
        "import sys, threading, pulumi_cmf\n"
        "assert threading.active_count() == 1\n"
        "assert not any(name.split('.')[0] in ('kubernetes', 'aiohttp') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


class Served(provider_pb2_grpc.ResourceProviderServicer):
    """Answers one method as Pulumi's dynamic server does, of an SDK before or after 3.260."""

    def __init__(self, *, aborts_again: bool) -> None:
        self.aborts_again = aborts_again

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        try:
            call = current_call()
            assert call.urn == "urn:here"
            if request.id == "unready":
                call.fail_unready("the-id", {"phase": "PENDING"}, "pool is PENDING", RuntimeError())
            call.fail("a plain sentence", RuntimeError())
        except Exception:
            if self.aborts_again:
                context.abort(grpc.StatusCode.UNKNOWN, "Traceback (most recent call last): ...")
            raise


@pytest.fixture(params=[False, True], ids=["sdk-3.259", "later-sdk"])
def served(request: pytest.FixtureRequest) -> Iterator[Any]:
    server = grpc.server(futures.ThreadPoolExecutor(1))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Served(aborts_again=request.param), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(None).wait()


def failure(served: Any, id_: str) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as failed:
        served.Delete(provider_pb2.DeleteRequest(id=id_, urn="urn:here"), timeout=10)
    return failed.value


def test_an_error_is_a_sentence_and_no_traceback(served: Any) -> None:
    error: Any = failure(served, "x")
    assert error.details() == "a plain sentence"


def test_what_is_there_and_not_ready_comes_with_its_state(served: Any) -> None:
    error: Any = failure(served, "unready")
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    (detail,) = status_pb2.Status.FromString(details).details
    failed = provider_pb2.ErrorResourceInitFailed()
    assert any_pb2.Any.FromString(detail.SerializeToString()).Unpack(failed)
    assert (failed.id, dict(failed.properties), [*failed.reasons]) == (
        "the-id",
        {"phase": "PENDING"},
        ["pool is PENDING"],
    )


def test_without_an_engine_errors_are_raised_and_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    call = current_call()
    call.progress("half way")
    call.warn("mind the gap")
    assert capsys.readouterr().err == "half way\nmind the gap\n"
    with pytest.raises(RuntimeError, match="the cause"):
        call.fail("a plain sentence", RuntimeError("the cause"))
