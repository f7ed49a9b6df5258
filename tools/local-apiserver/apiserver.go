package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/pflag"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// serveAPI runs kube-apiserver until ctx ends. It does what the command
// kube-apiserver does, less that command's own signal handling.
func serveAPI(ctx context.Context, p pki, etcdEndpoint string, at endpoint, extraArgs []string) error {
	args := []string{
		"--bind-address=" + at.address,
		fmt.Sprintf("--secure-port=%d", at.port),
		"--etcd-servers=" + etcdEndpoint,
		"--etcd-cafile=" + p.path("ca.crt"),
		"--etcd-certfile=" + p.path("admin.crt"),
		"--etcd-keyfile=" + p.path("admin.key"),
		"--tls-cert-file=" + p.path("server.crt"),
		"--tls-private-key-file=" + p.path("server.key"),
		"--client-ca-file=" + p.path("ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + p.path("service-account.key"),
		"--service-account-signing-key-file=" + p.path("service-account.key"),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=RBAC",
	}
	if at.nodes {
		args = append(args,
			"--advertise-address="+at.address,
			"--allow-privileged=true",
			"--kubelet-client-certificate="+p.path("admin.crt"),
			"--kubelet-client-key="+p.path("admin.key"),
			"--kubelet-preferred-address-types=InternalIP",
		)
	} else {
		args = append(args,
			// No controller manager makes the default accounts that this plugin insists on.
			"--disable-admission-plugins=ServiceAccount",
			// No pod will ever call the Service "kubernetes".
			"--endpoint-reconciler-type=none",
		)
	}
	run := options.NewServerRunOptions()
	flags := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	for _, set := range run.Flags().FlagSets {
		flags.AddFlagSet(set)
	}
	if err := flags.Parse(append(args, extraArgs...)); err != nil {
		return err
	}
	if err := run.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	completed, err := run.Complete(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(completed.Validate()...); err != nil {
		return err
	}
	return app.Run(ctx, completed)
}
