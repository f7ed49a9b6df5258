"""``python -m cmf_localfleet`` is ``localfleet``."""

from cmf_localfleet.cli import main

main()
