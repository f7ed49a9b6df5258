"""Which settings `pulumi refresh` and `pulumi destroy` have, without program: docs/guides/rotate-credentials.md."""

from tests.provider.program import Program, on_both_fronts
from tests.support.hub import Hub, unique

_NOWHERE = "http://127.0.0.1:1"
_AWAY = f"CMF at {_NOWHERE} cannot be reached"


@on_both_fronts
def test_changed_configuration_is_in_use_after_an_up_or_with_the_program(program: Program, cmf: Hub) -> None:
    url = program.environment.pop("CMF_URL")
    program.run("config", "set", "cmf:url", url)
    program.up(f"Environment('env', name={unique('environment')!r}, kubernetes_namespace='flink')\n")
    program.run("config", "set", "cmf:url", _NOWHERE)
    program.refresh()
    assert _AWAY in program.run("refresh", "--yes", "--skip-preview", "--run-program", fails=True)
    program.up()
    assert _AWAY in program.run("refresh", "--yes", "--skip-preview", fails=True)
    program.run("config", "set", "cmf:url", url)
    program.run("destroy", "--yes", "--skip-preview", "--run-program")


def test_changed_variables_are_in_use_at_once(program: Program, cmf: Hub) -> None:
    program.up(f"Environment('env', name={unique('environment')!r}, kubernetes_namespace='flink')\n")
    program.environment["CMF_URL"], url = _NOWHERE, program.environment["CMF_URL"]
    assert _AWAY in program.run("refresh", "--yes", "--skip-preview", fails=True)
    program.environment["CMF_URL"] = url
