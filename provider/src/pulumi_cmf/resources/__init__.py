"""The resource classes that a Pulumi program uses, one module a kind. May import the dynamic front."""
