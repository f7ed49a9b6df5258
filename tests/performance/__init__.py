"""Benchmarks: each figure beside a peer's, taken in the same run. They are no tests, and pytest does not run them.

``make bench`` (or ``python -m tests.performance``) measures, prints a table and draws curves into ``.bench/``:

    peer, growth, scale        what is measured: against a kube-apiserver, with many applications, with many clusters
    provider                   and what the provider adds to the engine's time, beside `noop` resources
    client                     requests in turn over kept connections, by a process of its own
    simulated                  many clusters in one process: what the hub reads of an API server, over TLS
    bare                       the least that can probe them: what the hub's heartbeats are compared with
    fill                       applications written straight into a store, and their deployments
    machine, figures, curves   where it runs, what came out, and how it looks

Only ``test_simulated.py`` is a test: it holds a simulated cluster to what a real API server answers.
"""
