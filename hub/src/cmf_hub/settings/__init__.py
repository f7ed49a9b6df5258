"""Settings of the hub: one typed object, filled from flags, environment variables, a file and defaults.

One module a group of settings, each field with a docstring that gives meaning, unit, default and reason: flags,
`cmf-hub serve --help`, `cmf-hub settings` and docs/settings.md are made of them. A new setting is one more field of a
group, a new group one more base of `Settings` in ``model``. ``file`` reads the file, ``loading`` puts the sources
together and remembers where each value came from. Everything in the hub may import this package.
"""

from cmf_hub.settings.loading import Loaded, SettingsError, load
from cmf_hub.settings.model import Settings, grouped

__all__ = ["Loaded", "Settings", "SettingsError", "grouped", "load"]
