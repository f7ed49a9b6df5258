"""The page on policies, made from the pack."""

from pulumi_cmf_policy.pack import POLICIES
from pulumi_policy import EnforcementLevel, Policy, StackValidationPolicy

EXAMPLE = """\
{
    "allowed-images": {"allowed": ["registry.example.com/flink/*"]},
    "cores-for-slots": "mandatory",
    "default-labels": {"labels": {"team": "platform"}},
    "deprecated-flink-version": {"newest": "v1_19", "enforcementLevel": "disabled"},
    "environment-limits": {"limits": {"prod-*": {"taskManagers": 200, "memory": "1Ti"}, "*": {"taskManagers": 20}}},
    "environment-region": {
        "environments": {"*-eu": "eu-central", "*-us": "us-west"},
        "clusters": {"default-k8s-cluster": "eu-central"}
    },
    "protected-stacks": {"stacks": ["live-*"]},
    "required-labels": {"labels": ["team", "cost-centre"], "kinds": ["Environment", "FlinkApplication"]}
}"""


def policy_page() -> str:
    """Return the text of the page."""
    rows = ["| policy | level | sees | what it asks for | rules |", "| --- | --- | --- | --- | --- |"]
    options = ["| policy | configuration | default | meaning |", "| --- | --- | --- | --- |"]
    for policy in POLICIES:
        level = policy.enforcement_level or EnforcementLevel.ADVISORY
        sees = "stack" if isinstance(policy, StackValidationPolicy) else "resource"
        rules = ", ".join(policy.tags or [])
        rows.append(f"| `{policy.name}` | {level.value} | {sees} | {policy.description} | {rules} |")
        options += _options(policy)
    return f"""# Policies

`policy/` is a pack of policies for Pulumi. It works on resources of the dynamic front and of the plugin alike, on rules
of [rules.md](rules.md) where there are some. It needs the packages `pulumi-cmf-policy` and `cmf-core` in the Python
that runs your program.

```
pulumi preview --policy-pack policy --policy-pack-config policies.json       # and the same with `pulumi up`
pulumi policy analyze --stack prod --policy-pack policy                      # what is there; nothing is run or called
```

{chr(10).join(rows)}

An *advisory* policy tells, a *mandatory* one fails the preview, one that *remediates* changes the inputs first. Those
that see a **resource** run before it is changed. Those that see the **stack** know the defaults of an application's
environment, and run when all resources are known: at the end of a preview. At an `up` without preview that is after the
changes, so do not skip it. If the environment is not in the same stack, messages say that its defaults are not known.
What the Flink operator's own defaults supply is never known here: who keeps directories there makes `durable-state` and
`upgrade-directories` advisory. Policies do not see deletions.

A value that a preview does not know is not guessed: Pulumi says that the policy cannot run, and `up` decides. Pools in
native mode count the task managers that the stack's own statements need.

## Configuration

{chr(10).join(options)}

For example, in `policies.json` (a level alone, or `enforcementLevel` beside the rest, changes a policy's):

```json
{EXAMPLE}
```
"""


def _options(policy: Policy) -> list[str]:
    schema = policy.config_schema
    lines = []
    for name, option in (schema.properties if schema else {}).items():
        default = option["default"]
        shown = ", ".join(f"`{each}`" for each in default) if isinstance(default, list) else default and f"`{default}`"
        lines.append(f"| `{policy.name}` | `{name}` | {shown or ''} | {option['description']} |")
    return lines
