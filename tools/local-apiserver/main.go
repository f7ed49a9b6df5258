// Command local-apiserver is one Kubernetes cluster without nodes: a real etcd
// (embedded) and a real kube-apiserver in one process, for laptops and tests.
//
//	local-apiserver --dir DIR --port PORT [--name NAME] [--address IP --nodes] [-- kube-apiserver flags]
//
// Everything it keeps is below DIR: certificates of its own authority, etcd's
// data, and the file DIR/kubeconfig with a client certificate of the group
// system:masters. Started again with the same DIR and PORT it serves what it
// served before, to the same kubeconfig. SIGTERM and SIGINT end it.
//
// With --nodes, others bring a controller manager, a scheduler and kubelets to
// it, and --address is where their pods reach it. Without,
// there is no controller manager: nothing deletes the content of a namespace
// that is deleted, collects garbage or makes service accounts, and no pod runs.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// shutdownGrace is how long the API server may finish what it is doing. It
// would wait a minute for its clients to end their watches, which they never do.
const shutdownGrace = 2 * time.Second

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	dir := flag.String("dir", "", "folder that keeps certificates, kubeconfig and data; made if missing")
	var at endpoint
	flag.StringVar(&at.address, "address", "127.0.0.1", "IP address that the API server listens on")
	flag.IntVar(&at.port, "port", 0, "port that the API server listens on")
	flag.BoolVar(&at.nodes, "nodes", false, "a controller manager, a scheduler and kubelets will come")
	name := flag.String("name", "local", "name of the cluster in its kubeconfig")
	flag.Parse()
	if *dir == "" || at.port == 0 {
		fmt.Fprintln(os.Stderr, "local-apiserver: --dir and --port are needed")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, *dir, at, *name, flag.Args()); err != nil {
		log.Fatalf("local-apiserver: %v", err)
	}
}

// endpoint is where the API server listens, and for whom.
type endpoint struct {
	address string
	port    int
	nodes   bool
}

// run serves one cluster until ctx ends.
func run(ctx context.Context, dir string, at endpoint, name string, extraArgs []string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	pki, err := openPKI(dir, at.address)
	if err != nil {
		return fmt.Errorf("certificates in %s: %w", dir, err)
	}
	if err := pki.writeKubeconfig(name, at); err != nil {
		return err
	}
	etcd, client, err := startEtcd(ctx, pki)
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	defer etcd.Close()
	ended := make(chan error, 1)
	go func() { ended <- serveAPI(ctx, pki, client, at, extraArgs) }()
	select {
	case err = <-ended:
	case <-afterwards(ctx, shutdownGrace):
	}
	if err != nil {
		return fmt.Errorf("kube-apiserver: %w", err)
	}
	return nil
}

// afterwards returns a channel that is closed a while after ctx has ended.
func afterwards(ctx context.Context, while time.Duration) <-chan struct{} {
	late := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(while, func() { close(late) }) })
	return late
}
