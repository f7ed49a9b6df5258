"""`python -m flink_operator_standin`."""

from flink_operator_standin.cli import app

app()
