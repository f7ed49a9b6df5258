"""An example of each resource and each function, as the pages of docs/resources and docs/functions show them.

Where CMF is: CMF_URL, or `pulumi config set cmf:url`. A line such as `# [Environment]` begins the example of a page.
SPOKE_KUBECONFIG is the kubeconfig file of a cluster to register.
"""

import os
from pathlib import Path

import pulumi
import pulumi_cmf as cmf
from pulumi_cmf.args import FlinkApplicationSpecArgs, FlinkJobArgs, FlinkManagerArgs, FlinkResourceArgs
from pulumi_cmf.types import FlinkClusterSpec

# [KubernetesCluster]
west = cmf.KubernetesCluster(
    "us-west",
    kubeconfig=Path(os.environ["SPOKE_KUBECONFIG"]).read_text(),
    labels={"region": "us-west"},
)
# [Environment]
prod = cmf.Environment(
    "prod-us-west",
    kubernetes_cluster_name=west.name,
    kubernetes_namespace="flink",
    flink_application_defaults={"spec": {"flink_configuration": {"execution.checkpointing.interval": "30 s"}}},
)
# [FlinkApplication]
orders = cmf.FlinkApplication(
    "orders",
    environment=prod.name,
    spec=FlinkApplicationSpecArgs(
        image="confluentinc/cp-flink:1.20-cp1",
        flink_version="v1_20",
        flink_configuration={
            "taskmanager.numberOfTaskSlots": 2,
            "state.checkpoints.dir": "s3://my-bucket/checkpoints",
            "state.savepoints.dir": "s3://my-bucket/savepoints",
        },
        job_manager=FlinkManagerArgs(resource=FlinkResourceArgs(cpu=0.5, memory="1024m")),
        task_manager=FlinkManagerArgs(resource=FlinkResourceArgs(cpu=2, memory="2048m")),
        job=FlinkJobArgs(
            jar_uri="local:///opt/flink/examples/streaming/StateMachineExample.jar",
            parallelism=2,
            upgrade_mode="savepoint",
        ),
    ),
    labels={"team": "orders"},
)
# [ComputePool]
sql: FlinkClusterSpec = {
    "image": "confluentinc/cp-flink-sql:1.19-cp8",
    "flink_version": "v1_19",
    "job_manager": {"resource": {"cpu": 0.5, "memory": "1024m"}},
    "task_manager": {"resource": {"cpu": 1, "memory": "2048m"}},
}
pool = cmf.ComputePool("sql-pool", environment=prod.name, type="SHARED", cluster_spec=sql)
# [Statement]
totals = cmf.Statement(
    "order-totals",
    environment=prod.name,
    compute_pool_name=pool.name,
    statement="INSERT INTO order_totals SELECT user_id, COUNT(*) FROM orders GROUP BY user_id",
    flink_configuration={"execution.checkpointing.interval": "1 min"},
)
# [Savepoint]
before_upgrade = cmf.Savepoint(
    "before-upgrade",
    environment=prod.name,
    application=orders.name,
    opts=pulumi.ResourceOptions(depends_on=[orders]),
)
# [DetachedSavepoint]
seed = cmf.DetachedSavepoint("seed-state", path="s3://my-bucket/savepoints/savepoint-1a2b3c")
# [Secret]
credentials = cmf.Secret("kafka-west", data={"sasl.jaas.config": "... password='example';"})
# [EnvironmentSecretMapping]
mapping = cmf.EnvironmentSecretMapping(
    "kafka-credentials",
    environment=prod.name,
    secret_name=credentials.name,
)
# [KafkaCatalog]
shop = cmf.KafkaCatalog(
    "shop",
    sr_instance={"connection_config": {"schema.registry.url": "https://registry.example.com"}},
)
# [KafkaDatabase]
kafka_west = cmf.KafkaDatabase(
    "west",
    catalog=shop.name,
    kafka_cluster={
        "connection_config": {"bootstrap.servers": "kafka.example.com:9092"},
        "connection_secret_id": mapping.name,
    },
    ddl_environments=[prod.name],
)

# [getKubernetesCluster]
home = cmf.get_kubernetes_cluster("default-k8s-cluster")
pulumi.export("home", home.state)
# [getKubernetesClusters]
in_west = cmf.get_kubernetes_clusters_output(
    filter="labels.region=us-west",
    opts=pulumi.InvokeOutputOptions(depends_on=[west]),
)
pulumi.export("clusters", in_west.apply(lambda found: {each.name: each.state for each in found}))
# [getEnvironment]
pulumi.export("namespace", cmf.get_environment_output(prod.id).kubernetes_namespace)
# [getEnvironments]
flink = cmf.get_environments_output(
    search="flink", search_scope="kubernetesNamespace", opts=pulumi.InvokeOutputOptions(depends_on=[prod])
)
pulumi.export("environments", flink.apply(lambda found: [each.name for each in found]))
# [getFlinkApplication]
running = cmf.get_flink_application_output(orders.id)
pulumi.export("job", running.apply(lambda found: found.job_id))
# [getFlinkApplications]
of_team = cmf.get_flink_applications_output(
    environment=prod.name,
    filter="labels.team=orders, state=RUNNING",
    opts=pulumi.InvokeOutputOptions(depends_on=[orders]),
)
pulumi.export("running", of_team.apply(lambda found: [each.name for each in found]))
# [getComputePool]
pulumi.export("pool", cmf.get_compute_pool_output(pool.id).phase)
# [getComputePools]
pools = cmf.get_compute_pools_output(
    environment=prod.name, filter="phase=RUNNING", opts=pulumi.InvokeOutputOptions(depends_on=[pool])
)
pulumi.export("pools", pools.apply(lambda found: [each.id for each in found]))
# [getStatement]
pulumi.export("statement", cmf.get_statement_output(totals.id).phase)
# [getStatements]
inserts = cmf.get_statements_output(
    environment=prod.name,
    search="INSERT",
    search_scope="statement",
    opts=pulumi.InvokeOutputOptions(depends_on=[totals]),
)
pulumi.export("statements", inserts.apply(lambda found: [each.name for each in found]))
# [getSavepoint]
pulumi.export("savepoint", cmf.get_savepoint_output(before_upgrade.id).location)
# [getSavepoints]
savepoints = cmf.get_savepoints_output(
    environment=prod.name, application=orders.name, opts=pulumi.InvokeOutputOptions(depends_on=[before_upgrade])
)
pulumi.export("savepoints", savepoints.apply(lambda found: [each.name for each in found]))
# [getDetachedSavepoint]
pulumi.export("seed", cmf.get_detached_savepoint_output(seed.id).path)
# [getDetachedSavepoints]
detached = cmf.get_detached_savepoints_output(filter="name=seed-*", opts=pulumi.InvokeOutputOptions(depends_on=[seed]))
pulumi.export("detached", detached.apply(lambda found: [each.name for each in found]))
# [getSecret]
pulumi.export("version", cmf.get_secret_output(credentials.id).version)
# [getSecrets]
secrets = cmf.get_secrets_output(filter="name=kafka-*", opts=pulumi.InvokeOutputOptions(depends_on=[credentials]))
pulumi.export("secrets", secrets.apply(lambda found: [each.name for each in found]))
# [getEnvironmentSecretMapping]
pulumi.export("mapped", cmf.get_environment_secret_mapping_output(mapping.id).secret_name)
# [getEnvironmentSecretMappings]
mappings = cmf.get_environment_secret_mappings_output(
    environment=prod.name, opts=pulumi.InvokeOutputOptions(depends_on=[mapping])
)
pulumi.export("mappings", mappings.apply(lambda found: [each.name for each in found]))
# [getKafkaCatalog]
pulumi.export("catalog", cmf.get_kafka_catalog_output(shop.id).environments_with_access)
# [getKafkaCatalogs]
catalogs = cmf.get_kafka_catalogs_output(opts=pulumi.InvokeOutputOptions(depends_on=[shop]))
pulumi.export("catalogs", catalogs.apply(lambda found: [each.name for each in found]))
# [getKafkaDatabase]
pulumi.export("writers", cmf.get_kafka_database_output(kafka_west.id).ddl_environments)
# [getKafkaDatabases]
databases = cmf.get_kafka_databases_output(catalog=shop.name, opts=pulumi.InvokeOutputOptions(depends_on=[kafka_west]))
pulumi.export("databases", databases.apply(lambda found: [each.name for each in found]))
# [getFlinkWebUi]
ui = cmf.get_flink_web_ui_output(
    environment=prod.name, application=orders.name, opts=pulumi.InvokeOutputOptions(depends_on=[orders])
)
pulumi.export("web_ui", ui.url)
# [getSystemInformation]
pulumi.export("cmf", cmf.get_system_information().version)
# [getResourceInformation]
used = cmf.get_resource_information()
pulumi.export("cores", used.cpu)
