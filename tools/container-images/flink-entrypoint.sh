#!/bin/bash
# What Flink's Kubernetes integration and the operator's standalone mode need of the official image's entrypoint.
case "$1" in
  jobmanager | taskmanager | standalone-job)
    script=$1.sh
    shift
    exec "$FLINK_HOME/bin/$script" start-foreground "$@"
    ;;
  *) exec "$@" ;;
esac
