"""Statements on a pool, as their users see them."""

from dataclasses import dataclass
from typing import Any

from tests.support.hub import Hub, statement, unique
from tests.support.wait import wait_for

GENERATED = "WITH ('connector' = 'datagen', 'number-of-rows' = '3', 'fields.n.kind' = 'sequence', "
GENERATED += "'fields.n.start' = '1', 'fields.n.end' = '3')"


@dataclass(frozen=True)
class SessionPool:
    """A pool, its environment and the hub."""

    hub: Hub
    environment: str
    name: str

    def run(self, sql: str, **spec: Any) -> dict[str, Any]:
        """Create a statement and return it as it is then."""
        answer = self.hub.post(self.path, statement(unique("stmt"), self.name, statement=sql, **spec))
        assert answer.status_code == 200, answer.text
        return self.of(answer.json()["metadata"]["name"])

    def of(self, name: str) -> dict[str, Any]:
        """Return a statement."""
        found: dict[str, Any] = self.hub.get(f"{self.path}/{name}").json()
        return found

    def completed(self, sql: str, **spec: Any) -> list[list[Any]]:
        """Create a statement that is answered at once, and return the rows of its answer."""
        created = self.run(sql, **spec)
        assert created["status"]["phase"] == "COMPLETED", created["status"]
        return [row["row"] for row in created["result"]["results"]["data"]]

    def failed(self, sql: str, **spec: Any) -> str:
        """Create a statement that fails at once, and return why."""
        created = self.run(sql, **spec)
        assert created["status"]["phase"] == "FAILED", created["status"]
        return str(created["status"]["detail"])

    def until(self, name: str, phase: str) -> dict[str, Any]:
        """Wait until a statement is in a phase."""
        return self.hub.until(f"{self.path}/{name}", "status.phase", phase)

    def rows(self, name: str, count: int) -> list[dict[str, Any]]:
        """Read pages of results until there are so many rows."""
        seen: list[dict[str, Any]] = []
        token: str | None = None

        def enough() -> bool:
            nonlocal token
            query = f"?page-token={token}" if token is not None else ""
            answer = self.hub.get(f"{self.path}/{name}/results{query}")
            assert answer.status_code == 200, answer.text
            page = answer.json()
            seen.extend(page["results"]["data"])
            token = page["metadata"]["annotations"].get("nextPageToken")
            return len(seen) >= count or token is None

        wait_for(enough, f"{count} rows of {name}")
        return seen

    @property
    def path(self) -> str:
        """Path of the statements."""
        return f"{self.environment}/statements"
