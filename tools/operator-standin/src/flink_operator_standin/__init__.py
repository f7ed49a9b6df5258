"""A stand-in for the Flink Kubernetes Operator on clusters that have no nodes.

It watches FlinkDeployment, FlinkSessionJob and FlinkStateSnapshot objects on a real Kubernetes API server and
writes the status, finalizers and events that the operator (1.7.0 with real Flink) was recorded to write. Nothing
runs: no pods, no jobs, no savepoints. It is for laptops and tests, not for production, and it is not the operator.

Pure modules (no I/O, injected clock): `machine`, `deployment`, `session_job`, `snapshot`, `job_upgrade`,
`validation`, `specs`, `statuses`, `flink_conf`, `commands`, `timings`, `effects`. I/O: `kube`, `controller`, `cli`.
The hub and the provider never import this package; `cmf_localfleet` starts its command.
"""
