"""One comment on a pull request, from what `pulumi preview --json` says: the command `cmf-preview-comment`.

``previews`` reads a preview, ``stacks`` has the fleet before and after it, ``effects`` and ``differences`` say what
a change means, ``reports`` puts that together and ``markdown`` writes it. It imports the policies' readers of
resources and `cmf_core`; no policy imports it. What a preview has of values that are secret is never looked at.
"""
