"""The plugin front: the same life cycles as a native provider, `pulumi-resource-cmf`, for every Pulumi language.

``servicer`` answers the engine's calls, ``engine`` tells it of progress and failures, ``program`` knows its
language, ``properties`` spells properties as other languages do, ``schema`` describes it all from the Python
classes, ``main`` is the process. Beside the dynamic front it gives `pulumi import`, provider resources,
detailed diffs, previews of outputs, timeouts and cancellation. May import lifecycle and resources' types.
"""
