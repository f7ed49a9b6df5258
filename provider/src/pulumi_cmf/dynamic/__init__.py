"""The dynamic front: the life cycles as Pulumi dynamic providers, which need no plugin.

``providers`` has one class for each kind. A stack's state names these classes by module and name: to move or
rename one breaks every stack that was made with it. May import lifecycle; the resource classes import it.
"""
