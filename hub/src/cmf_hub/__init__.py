"""The hub: a control plane that speaks the CMF REST API and drives Flink on several Kubernetes clusters.

From top to bottom, each layer using only those below it: ``cli`` and ``app`` put the parts together,
``api`` is HTTP, ``services`` carry out operations by the rules of core, ``flink`` turns resources into
Kubernetes objects and back, ``clusters`` knows the clusters and talks to them, ``store`` remembers.
``clock``, ``settings``, ``logs`` and ``metrics`` serve all of them.

Independent software: not affiliated with Confluent or the Apache Software Foundation.
"""
