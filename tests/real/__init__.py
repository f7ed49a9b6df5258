"""The product on real clusters: pods run, by the real Flink Kubernetes Operator. `make e2e` runs these tests."""
