"""What a caller may do: asked before anything is looked up, so that a refusal says nothing of what there is."""

from __future__ import annotations

from collections.abc import Mapping

from cmf_core.rules import enforce
from cmf_core.rules.roles import IN_ENVIRONMENT, Action, ResourceType, permitted
from starlette.requests import Request

from cmf_hub.auth.audit import AuditEntry
from cmf_hub.auth.bindings import Names
from cmf_hub.auth.needs import ANYBODY, EACH, IN_BODY, WHOLE, Need, Right, Visible
from cmf_hub.auth.principal import Principal
from cmf_hub.auth.security import Security
from cmf_hub.store import Condition


class Permissions:
    """What one caller may do."""

    def __init__(self, security: Security, principal: Principal, entry: AuditEntry) -> None:
        self._authorizer = None if security.is_super_user(principal) else security.authorizer
        self._principal = principal
        self._entry = entry

    async def has(self, right: Right) -> bool:
        """Return whether the caller has a right.

        Raises:
            ServiceUnavailable: nobody can say.
        """
        if self._authorizer is None or (right.action, right.type) == (ANYBODY.action, ANYBODY.type):
            return True
        return await self._authorizer.allows(self._principal, right)

    async def require(self, right: Right) -> None:
        """Refuse a caller who has not a right.

        Raises:
            Forbidden: he has not.
            ServiceUnavailable: nobody can say.
        """
        allowed = await self.has(right)
        if not allowed:
            self._entry.denied, self._entry.right = True, right
        enforce(
            permitted(self._principal.name, right.action, right.type, right.name, right.environment, allowed=allowed)
        )

    async def seen(self, resource_type: ResourceType, environment: str, names: Names) -> list[Condition]:
        """Return the condition on a list that leaves what the caller may view; none if that is everything.

        Raises:
            Forbidden: he may not view the list's environment.
            ServiceUnavailable: nobody can say.
        """
        if environment:
            await self.require(Right(Action.VIEW, ResourceType.ENVIRONMENT, environment))
        if self._authorizer is None:
            return []
        visible = await self._authorizer.visible(self._principal, resource_type, environment, names)
        return [] if visible is None else [_condition(visible)]


def permissions_of(request: Request) -> Permissions:
    """Return what the caller of a request may do."""
    return Permissions(request.app.state.security, request.scope["cmf.principal"], request.scope["cmf.audit"])


def asked_for(need: Need, path: Mapping[str, str], body_name: object = "") -> Right:
    """Return the right that a request asks for."""
    environment = path.get("environment", "") if need.type in IN_ENVIRONMENT else ""
    match need.name:
        case name if name in (EACH, WHOLE):
            return Right(need.action, need.type, "", environment)
        case name if name == IN_BODY:
            return Right(need.action, need.type, str(body_name or ""), environment)
        case name:
            return Right(need.action, need.type, path.get(name, ""), environment)


def _condition(visible: Visible) -> Condition:
    return Condition(
        (("name",),), "named", (*sorted(visible.names), *(f"{prefix}*" for prefix in sorted(visible.prefixes)))
    )
