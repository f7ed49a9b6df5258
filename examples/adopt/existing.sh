#!/usr/bin/env bash
# What somebody made by hand, long before there was a program: an environment, a job and a pool.
set -euo pipefail
api="$CMF_URL/cmf/api/v1"
managers='"jobManager": {"resource": {"cpu": 0.5, "memory": "1024m"}},
          "taskManager": {"resource": {"cpu": 1, "memory": "2048m"}}'

post() {
    curl --silent --show-error --fail --max-time 60 --output /dev/null \
        --header 'Content-Type: application/json' --data "$2" "$api/$1"
}

post environments '{"name": "legacy", "kubernetesNamespace": "flink"}'
post environments/legacy/applications '{
  "apiVersion": "cmf.confluent.io/v1", "kind": "FlinkApplication",
  "metadata": {"name": "billing", "labels": {"team": "billing"}},
  "spec": {"image": "flink:1.20", "flinkVersion": "v1_20", "serviceAccount": "flink", '"$managers"',
           "job": {"jarURI": "local:///opt/flink/examples/streaming/StateMachineExample.jar",
                   "parallelism": 2, "upgradeMode": "stateless", "state": "running"}}}'
post environments/legacy/compute-pools '{
  "apiVersion": "cmf.confluent.io/v1", "kind": "ComputePool",
  "metadata": {"name": "reports"},
  "spec": {"type": "DEDICATED",
           "clusterSpec": {"image": "confluentinc/cp-flink-sql:1.19-cp8", "flinkVersion": "v1_19", '"$managers"'}}}'
