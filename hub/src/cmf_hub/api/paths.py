"""Prefixes of the API's paths."""

V1 = "/cmf/api/v1"
IN_ENVIRONMENT = f"{V1}/environments/{{environment}}"
