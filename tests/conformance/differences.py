"""Where our OpenAPI document differs from CMF's 2.3.1, and why. Every line is deliberate.

A pattern takes in all differences that it matches (`*` is any text). The test fails for a difference without
a reason here, and for a reason without a difference.
"""

_LENIENT = (
    "The schema serves request and answer. Requests may leave it out: the hub fills in apiVersion and kind, the path "
    "has the name (CMF's own examples of cluster updates omit all of them), and a rule says what is missing. Answers "
    "always carry it."
)
_CERTAIN = "Ours always answers with this field, and says so; CMF's schema leaves it open."
_NAME_RULE = "The rule NAME decides, with a sentence that says what is wrong, before and beside any schema."
_CLUSTER = (
    "CMF's guides answer 503 to writes while the cluster is not CONNECTED (C33, C36); its document leaves it out."
)
_MEDIA = "Both documents promise JSON and YAML; ours also says what the answer is to anything else."
_GUARD = (
    "With authentication on, the caller may not be known (401), not be allowed to (403; a cluster's refusal has this "
    "code too), or nobody can say while the issuer of tokens or the metadata service does not answer (503). CMF "
    "answers so too."
)
_PARAMETER = "A query parameter that cannot be understood is refused with a sentence, not ignored."
_REFUSED = (
    "The API server of the environment's cluster may refuse: the hub has no right to it (403), the Kubernetes name is "
    "taken or the resource is in use or being deleted (409), or the content breaks a rule (422)."
)
_UNKNOWN = "The environment, catalog or resource of the path may not exist; CMF's document forgets it here."

DIFFERENCES: dict[str, str] = {
    # Codes
    "*: code 406 is ours alone": _MEDIA,
    "*: code 415 is ours alone": _MEDIA,
    "*: code 401 is ours alone": _GUARD,
    "*: code 403 is ours alone": _GUARD,
    "GET *: code 503 is ours alone": _GUARD,
    "*: code 413 is ours alone": "The hub limits the size of bodies (CMF_MAX_BODY_BYTES).",
    "DELETE *: code 503 is ours alone": _CLUSTER,
    "POST *: code 503 is ours alone": _CLUSTER,
    "PUT *: code 503 is ours alone": _CLUSTER,
    "GET *}/results: code 503 is ours alone": "Rows are on the cluster, which may not answer.",
    "GET *: code 400 is ours alone": _PARAMETER,
    "DELETE *: code 400 is ours alone": _PARAMETER,
    "POST *}/start: code 400 is ours alone": _PARAMETER,
    "DELETE /cmf/api/v1/secrets/{}: code 409 is ours alone": "A secret that environments use is not deleted.",
    "POST /cmf/api/v1/secrets: code 422 is ours alone": "A hub without encryption key stores no secrets.",
    "DELETE *}/applications/{}: code 404 is ours alone": _UNKNOWN,
    "POST *}/applications: code 404 is ours alone": _UNKNOWN,
    "POST *}/compute-pools: code 404 is ours alone": _UNKNOWN,
    "POST *}/suspend: code 404 is ours alone": _UNKNOWN,
    "*/catalogs/kafka/{}/databases: code 404 is ours alone": _UNKNOWN,
    "* /cmf/api/v1/environments*: code 409 is ours alone": _REFUSED,
    "* /cmf/api/v1/environments*: code 422 is ours alone": _REFUSED,
    "POST /cmf/api/v1/detached-savepoints: code 409 is ours alone": "A detached savepoint of this name exists.",
    # Parameters and headers
    "*: header of 200 ETag is ours alone": "The tag of a 304 has to come from somewhere: from the 200 before it.",
    "*?page: minimum 0, not None": "Pages count from 0, as CMF's text says.",
    "*?size: minimum 1, not None": "A page has at least one item, as CMF's Pageable says.",
    "*/catalogs/kafka*: parameter * is ours alone": "All lists filter, search and project alike.",
    "*/secret-mappings: parameter * is ours alone": "All lists filter, search and project alike.",
    "*/instances: parameter * is ours alone": "All lists filter, search and project alike.",
    # Schemas: what is required
    "*: required apiVersion is missing": _LENIENT,
    "*: required kind is missing": _LENIENT,
    "*: required metadata is missing": _LENIENT,
    "*: required name is missing": _LENIENT,
    "KubernetesCluster: required spec is missing": _LENIENT,
    "FlinkApplication: required spec is missing": _LENIENT,
    "Savepoint: required spec is missing": _LENIENT,
    "Environment: required kubernetesNamespace is missing": "Absent in an update: it keeps what is there (cmf.md 8.4).",
    "*Page: required * is ours alone": _CERTAIN,
    "*Information: required * is ours alone": _CERTAIN,
    "*InformationStatus: required * is ours alone": _CERTAIN,
    "KubernetesClusterStatus: required state is ours alone": _CERTAIN,
    "EnvironmentSecretMapping: required spec is ours alone": "A mapping without spec maps nothing.",
    "RestError: required errors is ours alone": _CERTAIN,
    "error: required message is ours alone": _CERTAIN,
    # Schemas: values
    "*.kind: value * is ours alone": "A kind is a constant; CMF's document says only that it is text.",
    "SavepointStatus.state: value * is ours alone": "The states that CMF's guide lists, those of the operator.",
    "SavepointSpec.backoffLimit: m*": "-1 is for ever, less means nothing; CMF's int32 has the same maximum.",
    "StatementStatus.phase: value * is ours alone": "The phases that CMF's list parameter `phase` names.",
    "*Environment.name: *": _NAME_RULE,
    "*Environment.kubernetesNamespace: *": _NAME_RULE,
    "*Environment.kubernetesClusterName: *": _NAME_RULE,
    "StatementSpec.computePoolName: minLength 1, not None": "No pool has an empty name.",
    "EnvironmentSecretMappingSpec.secretName: minLength 1, not None": "No secret has an empty name.",
    "StatementSpec.parallelism: minimum 1, not None": "Flink runs nothing with less.",
    # Schemas: fields
    "PostEnvironment: field * is ours alone": "One schema for both ways: what an answer said may be sent back.",
    "SavepointMetadata: field updateTimestamp is ours alone": "Every resource of the hub has one.",
    "EnvironmentMetadata: field uid is ours alone": "Every resource of the hub has a uid.",
    "*Page.items[[]]: alternative Projection is ours alone": "`fields` leaves out what schemas say is always there.",
    "EventMetadata: field updateTimestamp is ours alone": "All metadata has one model; an event never changes.",
    "ComputePool.status: field advice is ours alone": "What is probably a mistake; `warning` only says what is stale.",
    "Environment.status: field advice is ours alone": "The same of an environment's namespace and service account.",
    "KubernetesClustersPage: field * is ours alone": "CMF's guide shows apiVersion and kind on this page (D8).",
}

NOT_SERVED = ()
"""Operations of CMF that the hub does not serve yet. This list only ever gets shorter."""

OURS_ALONE: dict[str, str] = {
    "GET /cmf/api/v1/kubernetes-clusters/{}/namespaces/{}": "Tells previews whether it exists (E02).",
    "POST /cmf/api/v1/kubernetes-clusters/{}/orphans/clean": "Deletes what forced deletions left on a cluster.",
    "POST /cmf/api/v1/kubernetes-clusters/{}/orphans/{}/{}/adopt": "Takes an orphaned application back.",
}
"""Operations that CMF does not have, and what they are for."""
