// Walk plays what the Confluent CLI does for each of its commands against a CMF server, request by request, and
// reads the answers as strictly as its client does. Usage: walk URL, on a server whose cluster has the namespace flink.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	cmf "github.com/pulumi-cmf/generated"
)

const (
	environment = "walk-env"
	resources   = `{"resource": {"cpu": 1, "memory": "1024m"}}`
	application = `{"apiVersion": "cmf.confluent.io/v1", "kind": "FlinkApplication", "metadata": {"name": "walk-app"},
		"spec": {"image": "flink:1.20", "flinkVersion": "v1_20", "serviceAccount": "flink", "jobManager": ` + resources + `,
		"taskManager": ` + resources + `, "flinkConfiguration": {"taskmanager.numberOfTaskSlots": "2"},
		"job": {"jarURI": "local:///job.jar", "parallelism": 2, "upgradeMode": "stateless", "state": "running"}}}`
	pool = `{"apiVersion": "cmf.confluent.io/v1", "kind": "ComputePool", "metadata": {"name": "walk-pool"},
		"spec": {"type": "DEDICATED", "clusterSpec": {"image": "confluentinc/cp-flink-sql:1.19-cp8",
		"flinkVersion": "v1_19", "jobManager": ` + resources + `, "taskManager": ` + resources + `}}}`
	statement = `{"apiVersion": "cmf.confluent.io/v1", "kind": "Statement", "metadata": {"name": "walk-sql"},
		"spec": {"statement": "INSERT INTO a SELECT * FROM b", "computePoolName": "walk-pool", "parallelism": 1,
		"stopped": false, "properties": {"sql.current-catalog": "walk-catalog", "sql.current-database": "walk-db"},
		"flinkConfiguration": {"execution.checkpointing.interval": "10 s"}}}`
	catalog = `{"apiVersion": "cmf.confluent.io/v1", "kind": "KafkaCatalog", "metadata": {"name": "walk-catalog"},
		"spec": {"srInstance": {"connectionConfig": {"schema.registry.url": "http://sr"}, "connectionSecretId": "walk-id"}}}`
	database = `{"apiVersion": "cmf.confluent.io/v1", "kind": "KafkaDatabase", "metadata": {"name": "walk-db"},
		"spec": {"kafkaCluster": {"connectionConfig": {"bootstrap.servers": "k:9092"}}, "ddlEnvironments": ["walk-env"]}}`
	secret = `{"apiVersion": "cmf.confluent.io/v1", "kind": "Secret", "metadata": {"name": "walk-secret"},
		"spec": {"data": {"sasl.jaas.config": "canary"}}}`
	mapping = `{"apiVersion": "cmf.confluent.io/v1", "kind": "EnvironmentSecretMapping", "metadata": {"name": "walk-id"},
		"spec": {"secretName": "walk-secret"}}`
	savepoint = `{"apiVersion": "cmf.confluent.io/v1", "kind": "Savepoint", "metadata": {"name": "walk-savepoint"},
		"spec": {"formatType": "CANONICAL", "backoffLimit": 0, "path": "s3://bucket/savepoints"}, "status": {"path": "s3://bucket/savepoints"}}`
)

var (
	ctx  = context.Background()
	api  *cmf.APIClient
	step string
)

func main() {
	if len(os.Args) != 2 {
		fail("usage: walk URL")
	}
	configuration := cmf.NewConfiguration()
	configuration.Servers = cmf.ServerConfigurations{{URL: os.Args[1]}}
	configuration.HTTPClient = &http.Client{Timeout: time.Minute}
	api = cmf.NewAPIClient(configuration)

	information()
	environments()
	applications()
	secrets()
	catalogs()
	sql()
	detachedSavepoints()
	remove()
}

func information() {
	step = "system-info"
	system, _, err := api.CMFInformationApi.GetSystemInformation(ctx).Execute()
	ok(err)
	want(system.GetStatus().Version != nil, "a version")
	_, _, err = api.CMFInformationApi.GetResourceInformation(ctx).Execute()
	ok(err)
	_, _, err = api.C3Api.GetC3LicenseInformation(ctx).Execute()
	ok(err)
	clusters, _, err := api.KubernetesClustersApi.GetKubernetesClusters(ctx).Execute()
	ok(err)
	for _, each := range clusters.GetItems() {
		one, _, err := api.KubernetesClustersApi.GetKubernetesCluster(ctx, each.Metadata.GetName()).Execute()
		ok(err)
		_, _, err = api.KubernetesClustersApi.UpdateKubernetesCluster(ctx, each.Metadata.GetName()).KubernetesCluster(*one).Execute()
		ok(err)
	}
}

func environments() {
	step = "environment create"
	_, answer, err := api.EnvironmentsApi.GetEnvironment(ctx, environment).Execute()
	refused(404, answer, err)
	sent := of[cmf.PostEnvironment](`{"name": "walk-env", "kubernetesNamespace": "flink",
		"flinkApplicationDefaults": {"spec": {"flinkConfiguration": {"taskmanager.numberOfTaskSlots": "1"}}}}`)
	made, _, err := api.EnvironmentsApi.CreateOrUpdateEnvironment(ctx).PostEnvironment(sent).Execute()
	ok(err)
	want(made.Name == environment && made.KubernetesNamespace == "flink", "name and namespace")
	want(made.CreatedTime != nil && !made.CreatedTime.IsZero(), "created_time")

	step = "environment update"
	_, _, err = api.EnvironmentsApi.GetEnvironment(ctx, environment).Execute()
	ok(err)
	sent = of[cmf.PostEnvironment](`{"name": "walk-env", "computePoolDefaults": {"spec": {}}, "statementDefaults": {}}`)
	made, _, err = api.EnvironmentsApi.CreateOrUpdateEnvironment(ctx).PostEnvironment(sent).Execute()
	ok(err)
	want(made.FlinkApplicationDefaults["spec"] != nil, "defaults that were not sent, kept")

	step = "environment list"
	found := pages(func(page int32) []cmf.Environment {
		answer, _, err := api.EnvironmentsApi.GetEnvironments(ctx).Page(page).Size(1).Sort([]string{"name,asc"}).Execute()
		ok(err)
		return answer.GetItems()
	})
	want(len(found) > 0, "environments")

	step = "environment create with a bad namespace"
	sent = of[cmf.PostEnvironment](`{"name": "walk-other", "kubernetesNamespace": "not-there"}`)
	_, answer, err = api.EnvironmentsApi.CreateOrUpdateEnvironment(ctx).PostEnvironment(sent).Execute()
	refused(400, answer, err)
}

func applications() {
	step = "application create"
	flink := api.FlinkApplicationsApi
	_, answer, err := flink.GetApplication(ctx, environment, "walk-app").Execute()
	refused(404, answer, err)
	_, answer, err = flink.CreateOrUpdateApplication(ctx, environment).FlinkApplication(of[cmf.FlinkApplication](application)).Execute()
	ok(err)
	want(answer.StatusCode == 201, "201")

	step = "application update"
	_, _, err = flink.GetApplication(ctx, environment, "walk-app").Execute()
	ok(err)
	sent := of[cmf.FlinkApplication](strings.Replace(application, `"parallelism": 2`, `"parallelism": 4`, 1))
	_, _, err = flink.CreateOrUpdateApplication(ctx, environment).FlinkApplication(sent).Execute()
	ok(err)

	step = "application list"
	found := pages(func(page int32) []cmf.FlinkApplication {
		answer, _, err := flink.GetApplications(ctx, environment).Page(page).Size(100).Execute()
		ok(err)
		return answer.GetItems()
	})
	want(len(found) == 1, "one application")
	for _, each := range found {
		job, isObject := each.Status["jobStatus"].(map[string]interface{})
		want(isObject, "status.jobStatus")
		_, hasName := job["jobName"].(string)
		_, hasState := job["state"].(string)
		want(hasName && hasState, "jobName and state as texts")
	}

	step = "application web-ui-forward"
	eventually(func() bool {
		one, _, err := flink.GetApplication(ctx, environment, "walk-app").Execute()
		ok(err)
		job, _ := one.Status["jobStatus"].(map[string]interface{})
		return job["state"] == "RUNNING"
	})

	step = "application instance list"
	instances := pages(func(page int32) []cmf.FlinkApplicationInstance {
		answer, _, err := flink.GetApplicationInstances(ctx, environment, "walk-app").Page(page).Size(100).Execute()
		ok(err)
		return answer.GetItems()
	})
	want(len(instances) == 2, "an instance for each spec")
	step = "application instance describe"
	_, _, err = flink.GetApplicationInstance(ctx, environment, "walk-app", instances[0].Metadata.GetName()).Execute()
	ok(err)

	step = "application event list"
	events := pages(func(page int32) []cmf.FlinkApplicationEvent {
		answer, _, err := flink.GetApplicationEvents(ctx, environment, "walk-app").Page(page).Size(100).Execute()
		ok(err)
		return answer.GetItems()
	})
	want(len(events) > 0, "events")

	savepoints("application")
	step = "application suspend"
	_, _, err = flink.SuspendApplication(ctx, environment, "walk-app").Execute()
	ok(err)
	step = "application start"
	_, _, err = flink.StartApplication(ctx, environment, "walk-app").Execute()
	ok(err)
}

func savepoints(kind string) {
	step = kind + " savepoint create"
	sent := of[cmf.Savepoint](savepoint)
	if kind == "application" {
		create := api.SavepointsApi.CreateSavepointForFlinkApplication(ctx, environment, "walk-app").Savepoint(sent)
		made, answer, err := create.Execute()
		ok(err)
		want(answer.StatusCode == 201, "201")
		name := made.Metadata.GetName()
		step = "savepoint list"
		found := pages(func(page int32) []cmf.Savepoint {
			answer, _, err := api.SavepointsApi.GetSavepointsForFlinkApplication(ctx, environment, "walk-app").Page(page).Size(100).Execute()
			ok(err)
			return answer.GetItems()
		})
		want(len(found) == 1, "one savepoint")
		step = "savepoint describe"
		eventually(func() bool {
			one, _, err := api.SavepointsApi.GetSavepointForFlinkApplication(ctx, environment, "walk-app", name).Execute()
			ok(err)
			return one.Status.GetState() == "COMPLETED"
		})
		step = "savepoint detach"
		_, _, err = api.SavepointsApi.DetachSavepointFromFlinkApplication(ctx, environment, "walk-app", name).Execute()
		ok(err)
		_, err = api.DetachedSavepointsApi.DeleteDetachedSavepoint(ctx, name).Execute()
		ok(err)
		return
	}
	made, _, err := api.SavepointsApi.CreateSavepointForFlinkStatement(ctx, environment, "walk-sql").Savepoint(sent).Execute()
	ok(err)
	name := made.Metadata.GetName()
	step = "savepoint list"
	_, _, err = api.SavepointsApi.GetSavepointsForFlinkStatement(ctx, environment, "walk-sql").Execute()
	ok(err)
	step = "savepoint describe"
	eventually(func() bool {
		one, _, err := api.SavepointsApi.GetSavepointForFlinkStatement(ctx, environment, "walk-sql", name).Execute()
		ok(err)
		return one.Status.GetState() == "COMPLETED"
	})
	step = "savepoint delete"
	_, err = api.SavepointsApi.DeleteSavepointForFlinkStatement(ctx, environment, "walk-sql", name).Force(false).Execute()
	ok(err)
}

func secrets() {
	step = "secret create"
	made, _, err := api.SecretsApi.CreateSecret(ctx).Secret(of[cmf.Secret](secret)).Execute()
	ok(err)
	want((*made.Spec.Data)["sasl.jaas.config"] != "canary", "a masked value")
	_, answer, err := api.SecretsApi.CreateSecret(ctx).Secret(of[cmf.Secret](secret)).Execute()
	refused(409, answer, err)
	step = "secret update"
	_, _, err = api.SecretsApi.UpdateSecret(ctx, "walk-secret").Secret(of[cmf.Secret](secret)).Execute()
	ok(err)
	_, _, err = api.SecretsApi.GetSecret(ctx, "walk-secret").Execute()
	ok(err)
	step = "secret list"
	_, _, err = api.SecretsApi.GetSecrets(ctx).Page(0).Size(100).Execute()
	ok(err)

	step = "secret-mapping create"
	sent := of[cmf.EnvironmentSecretMapping](mapping)
	_, _, err = api.EnvironmentsApi.CreateEnvironmentSecretMapping(ctx, environment).EnvironmentSecretMapping(sent).Execute()
	ok(err)
	step = "secret-mapping update"
	_, _, err = api.EnvironmentsApi.UpdateEnvironmentSecretMapping(ctx, environment, "walk-id").EnvironmentSecretMapping(sent).Execute()
	ok(err)
	_, _, err = api.EnvironmentsApi.GetEnvironmentSecretMapping(ctx, environment, "walk-id").Execute()
	ok(err)
	step = "secret-mapping list"
	_, _, err = api.EnvironmentsApi.GetEnvironmentSecretMappings(ctx, environment).Page(0).Size(100).Execute()
	ok(err)
}

func catalogs() {
	step = "catalog create"
	_, _, err := api.SQLApi.CreateKafkaCatalog(ctx).KafkaCatalog(of[cmf.KafkaCatalog](catalog)).Execute()
	ok(err)
	step = "catalog update"
	_, err = api.SQLApi.UpdateKafkaCatalog(ctx, "walk-catalog").KafkaCatalog(of[cmf.KafkaCatalog](catalog)).Execute()
	ok(err)
	one, _, err := api.SQLApi.GetKafkaCatalog(ctx, "walk-catalog").Execute()
	ok(err)
	want(len(one.Status.GetEnvironmentsWithAccess()) == 1, "the environment with the mapping")
	step = "catalog list"
	_, _, err = api.SQLApi.GetKafkaCatalogs(ctx).Page(0).Size(100).Execute()
	ok(err)

	step = "catalog database create"
	_, _, err = api.SQLApi.CreateKafkaDatabase(ctx, "walk-catalog").KafkaDatabase(of[cmf.KafkaDatabase](database)).Execute()
	ok(err)
	step = "catalog database update"
	_, err = api.SQLApi.UpdateKafkaDatabase(ctx, "walk-catalog", "walk-db").KafkaDatabase(of[cmf.KafkaDatabase](database)).Execute()
	ok(err)
	_, _, err = api.SQLApi.GetKafkaDatabase(ctx, "walk-catalog", "walk-db").Execute()
	ok(err)
	step = "catalog database list"
	_, _, err = api.SQLApi.GetKafkaDatabases(ctx, "walk-catalog").Page(0).Size(100).Execute()
	ok(err)
}

func sql() {
	step = "compute-pool create"
	_, _, err := api.SQLApi.CreateComputePool(ctx, environment).ComputePool(of[cmf.ComputePool](pool)).Execute()
	ok(err)
	step = "compute-pool describe"
	one, _, err := api.SQLApi.GetComputePool(ctx, environment, "walk-pool").Execute()
	ok(err)
	want((*one.Status)["phase"] == "DEDICATED", "phase DEDICATED")
	step = "compute-pool list"
	_, _, err = api.SQLApi.GetComputePools(ctx, environment).Page(0).Size(100).Execute()
	ok(err)

	step = "statement create"
	made, _, err := api.SQLApi.CreateStatement(ctx, environment).Statement(of[cmf.Statement](statement)).Execute()
	ok(err)
	want(made.Status.Phase != "", "status.phase")
	phase("RUNNING")
	step = "statement list"
	found, _, err := api.SQLApi.GetStatements(ctx, environment).ComputePool("walk-pool").Phase("running").Page(0).Size(100).Execute()
	ok(err)
	want(len(found.GetItems()) == 1, "the statement")
	step = "statement exception list"
	_, _, err = api.SQLApi.GetStatementExceptions(ctx, environment, "walk-sql").Execute()
	ok(err)
	savepoints("statement")
	step = "statement rescale"
	change(func(spec *cmf.StatementSpec) { spec.SetParallelism(2) })
	phase("RUNNING")
	step = "statement stop"
	change(func(spec *cmf.StatementSpec) { spec.SetStopped(true) })
	phase("STOPPED")
	step = "statement resume"
	change(func(spec *cmf.StatementSpec) { spec.SetStopped(false) })
	phase("RUNNING")
	step = "compute-pool delete in use"
	answer, err := api.SQLApi.DeleteComputePool(ctx, environment, "walk-pool").Execute()
	refused(409, answer, err)
}

// change updates the statement as the CLI does: what was read, without status, with one field changed.
func change(edit func(*cmf.StatementSpec)) {
	present, _, err := api.SQLApi.GetStatement(ctx, environment, "walk-sql").Execute()
	ok(err)
	edit(&present.Spec)
	sent := cmf.Statement{
		ApiVersion: present.ApiVersion, Kind: present.Kind,
		Metadata: cmf.StatementMetadata{Name: present.Metadata.Name}, Spec: present.Spec,
	}
	_, err = api.SQLApi.UpdateStatement(ctx, environment, "walk-sql").Statement(sent).Execute()
	ok(err)
}

func phase(wanted string) {
	eventually(func() bool {
		one, _, err := api.SQLApi.GetStatement(ctx, environment, "walk-sql").Execute()
		ok(err)
		return one.Status.Phase == wanted
	})
}

func detachedSavepoints() {
	step = "detached-savepoint create"
	made, answer, err := api.DetachedSavepointsApi.CreateDetachedSavepoint(ctx).Savepoint(of[cmf.Savepoint](savepoint)).Execute()
	ok(err)
	want(answer.StatusCode == 201, "201")
	step = "detached-savepoint list"
	found, _, err := api.DetachedSavepointsApi.ListDetachedSavepoints(ctx).Name("walk").Page(0).Size(100).Execute()
	ok(err)
	want(len(found.GetItems()) == 1, "one detached savepoint")
	step = "detached-savepoint describe"
	_, _, err = api.DetachedSavepointsApi.GetDetachedSavepoint(ctx, made.Metadata.GetName()).Execute()
	ok(err)
	step = "detached-savepoint delete"
	_, err = api.DetachedSavepointsApi.DeleteDetachedSavepoint(ctx, made.Metadata.GetName()).Execute()
	ok(err)
}

func remove() {
	step = "statement delete"
	_, err := api.SQLApi.DeleteStatement(ctx, environment, "walk-sql").Execute()
	ok(err)
	gone(func() (*http.Response, error) {
		_, answer, err := api.SQLApi.GetStatement(ctx, environment, "walk-sql").Execute()
		return answer, err
	})
	step = "compute-pool delete"
	_, err = api.SQLApi.DeleteComputePool(ctx, environment, "walk-pool").Execute()
	ok(err)
	step = "application delete"
	_, err = api.FlinkApplicationsApi.DeleteApplication(ctx, environment, "walk-app").Execute()
	ok(err)
	gone(func() (*http.Response, error) {
		_, answer, err := api.FlinkApplicationsApi.GetApplication(ctx, environment, "walk-app").Execute()
		return answer, err
	})
	step = "catalog delete with databases"
	answer, err := api.SQLApi.DeleteKafkaCatalog(ctx, "walk-catalog").Execute()
	refused(409, answer, err)
	step = "catalog database delete"
	_, err = api.SQLApi.DeleteKafkaDatabase(ctx, "walk-catalog", "walk-db").Execute()
	ok(err)
	step = "catalog delete"
	_, err = api.SQLApi.DeleteKafkaCatalog(ctx, "walk-catalog").Execute()
	ok(err)
	step = "secret-mapping delete"
	_, err = api.EnvironmentsApi.DeleteEnvironmentSecretMapping(ctx, environment, "walk-id").Execute()
	ok(err)
	step = "secret delete"
	_, err = api.SecretsApi.DeleteSecret(ctx, "walk-secret").Execute()
	ok(err)
	step = "environment delete"
	_, err = api.EnvironmentsApi.DeleteEnvironment(ctx, environment).Execute()
	ok(err)
	_, answer, err = api.EnvironmentsApi.GetEnvironment(ctx, environment).Execute()
	refused(404, answer, err)
}

// of reads a resource from JSON.
func of[T any](text string) T {
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		fail(err.Error())
	}
	return value
}

// pages reads a list until a page is empty.
func pages[T any](read func(page int32) []T) []T {
	var every []T
	for page := int32(0); ; page++ {
		items := read(page)
		if len(items) == 0 {
			return every
		}
		every = append(every, items...)
	}
}

func gone(read func() (*http.Response, error)) {
	eventually(func() bool {
		answer, err := read()
		return err != nil && answer != nil && answer.StatusCode == 404
	})
}

func eventually(reached func() bool) {
	for end := time.Now().Add(time.Minute); !reached(); time.Sleep(200 * time.Millisecond) {
		want(time.Now().Before(end), "what was waited for a minute")
	}
}

func ok(err error) {
	if err == nil {
		return
	}
	var answer *cmf.GenericOpenAPIError
	if errors.As(err, &answer) {
		if strings.Contains(string(answer.Body()), "There is nothing at") {
			fmt.Println("not served:", step)
			return
		}
		fail(fmt.Sprintf("%s: %s", answer.Error(), answer.Body()))
	}
	fail(err.Error())
}

// refused expects an error of a status, whose body has messages.
func refused(status int, answer *http.Response, err error) {
	var body *cmf.GenericOpenAPIError
	want(err != nil && answer != nil && answer.StatusCode == status, fmt.Sprintf("HTTP %d", status))
	want(errors.As(err, &body), "an error with a body")
	var content cmf.RestError
	want(json.Unmarshal(body.Body(), &content) == nil && len(content.GetErrors()) > 0, "messages")
}

func want(holds bool, what string) {
	if !holds {
		fail("not there: " + what)
	}
}

func fail(message string) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", step, message)
	os.Exit(1)
}
