"""Prometheus metrics of the HTTP side; those of clusters are beside what they measure."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("cmf_http_requests", "HTTP requests by operation and status.", ["method", "path", "status"])
REQUEST_SECONDS = Histogram("cmf_http_request_seconds", "Time to answer a request, in seconds.", ["path"])
REQUESTS_IN_FLIGHT = Gauge("cmf_http_requests_in_flight", "HTTP requests that are being answered.")
