"""The life cycle of each kind, once: check, diff, create, read, update, delete, as plain data in and out.

Nothing here imports Pulumi; the fronts (``dynamic``) carry these life cycles to Pulumi's engine. May be
imported by the fronts; imports cmf_core.
"""
