"""What hub and provider share: models, rules, errors and the HTTP client of the CMF REST API.

``models`` are the resources as they travel, ``rules`` decide (pure functions, no I/O), ``errors``
say what went wrong once for HTTP and Pulumi alike, ``calls`` and ``client`` speak to a CMF.
Everything of ours may import this package; it imports nothing of ours.
"""
