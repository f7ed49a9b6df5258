"""Who calls, and what they may do: certificates, tokens, roles and the audit trail. Off by default, as in CMF.

``principal`` is who calls. A client certificate becomes one by ``tls``, ``protocol``, ``mapping`` and ``certificates``,
a bearer token by ``keys``, ``endpoint`` and ``tokens``. ``needs`` says what each operation asks for; ``bindings`` or
``metadata_service`` says whether the principal has it. ``audit`` writes down writes and denials. No HTTP answer is
made here, and nothing of store, clusters and services is known. The API layer and the composition root import it.
"""
