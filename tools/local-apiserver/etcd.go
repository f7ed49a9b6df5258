package main

import (
	"context"
	"fmt"
	"net/url"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
)

// startEtcd starts a cluster of one etcd member on loopback, open only to
// holders of a client certificate, and returns the address it listens on.
func startEtcd(ctx context.Context, p pki) (*embed.Etcd, string, error) {
	config := embed.NewConfig()
	config.Dir = p.path("etcd")
	config.Name = "local"
	config.LogLevel = "fatal" // what stops it is returned; what is below that is chatter
	// A crash of the machine may lose the last writes; a crash of the process loses none.
	config.UnsafeNoFsync = true
	// One member has nobody to wait for at its election.
	config.TickMs, config.ElectionMs = 10, 100
	config.QuotaBackendBytes = 2 << 30
	config.ClientTLSInfo = transport.TLSInfo{
		CertFile: p.path("server.crt"), KeyFile: p.path("server.key"),
		TrustedCAFile: p.path("ca.crt"), ClientCertAuth: true,
	}
	client := []url.URL{{Scheme: "https", Host: "127.0.0.1:0"}}
	peer := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}} // no member ever dials it
	config.ListenClientUrls, config.AdvertiseClientUrls = client, client
	config.ListenPeerUrls, config.AdvertisePeerUrls = peer, peer
	config.InitialCluster = config.InitialClusterFromName(config.Name)

	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, "", err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, fmt.Sprintf("https://%s", etcd.Clients[0].Addr()), nil
	case err := <-etcd.Err():
		return nil, "", err
	case <-ctx.Done():
		etcd.Close()
		return nil, "", ctx.Err()
	}
}
