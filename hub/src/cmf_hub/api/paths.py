"""Prefixes of the API's paths."""

V1 = "/cmf/api/v1"
V1ALPHA1 = "/cmf/api/v1alpha1"
IN_ENVIRONMENT = f"{V1}/environments/{{environment}}"
