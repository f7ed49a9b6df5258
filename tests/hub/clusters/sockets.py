"""Which sockets this process has open."""

import psutil
from cmf_localfleet import LocalCluster


def sockets_to(cluster: LocalCluster) -> list[int]:
    """Local ports of this process's connections to a cluster."""
    connections = psutil.Process().net_connections("tcp")
    return [each.laddr.port for each in connections if each.raddr and each.raddr.port == cluster.port]
