#!/bin/bash
# The operator's jars are not shaded into one: the standalone client has to come before what it replaces of Flink.
cd /flink-kubernetes-operator || exit
exec java -cp "$(ls ./flink-kubernetes-standalone-*.jar):$(ls ./lib/flink-kubernetes-operator-[0-9]*.jar):./lib/*" \
  $LOG_CONFIG $JVM_ARGS org.apache.flink.kubernetes.operator.FlinkOperator
