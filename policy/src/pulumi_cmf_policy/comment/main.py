"""The command `cmf-preview-comment`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pulumi_cmf_policy.comment.markdown import nothing, render
from pulumi_cmf_policy.comment.previews import read
from pulumi_cmf_policy.comment.reports import report

_NO_PREVIEW = "`pulumi preview` ended before it looked at a resource; its log says why."
_EPILOG = """
It ends with 0, with 1 if something is refused or the preview failed (the comment is written all the same), and with 2
if its arguments are wrong. Pulumi's digest has no policies' results; its stream of events has:

  PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true pulumi preview --json --policy-pack policy > preview.json
  cmf-preview-comment preview.json > comment.md
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the comment to stdout, and return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        text = sys.stdin.read() if given.preview == "-" else Path(given.preview).read_text()
        config = json.loads(given.policy_pack_config.read_text()) if given.policy_pack_config else {}
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cmf-preview-comment: {error}\n")
        return 2
    try:
        preview = read(text)
    except ValueError:
        sys.stdout.write(nothing(given.stack, _NO_PREVIEW))
        return 1
    found = report(preview, config)
    found.stack = given.stack or found.stack
    sys.stdout.write(render(found))
    return 1 if found.refused else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cmf-preview-comment",
        description="Turn the output of `pulumi preview --json` into a comment for a pull request.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("preview", help="file with the preview; - for stdin")
    parser.add_argument("--stack", default="", help="name in the heading and in the marker; default: the preview's")
    parser.add_argument(
        "--policy-pack-config",
        type=Path,
        help="the policies' configuration: deletions are held to its `protected-stacks`, which no policy sees",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
