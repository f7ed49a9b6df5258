// Command cluster-dns is CoreDNS with the plugins that a cluster needs for its own names.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
)

func init() {
	// In the order in which they see a query.
	dnsserver.Directives = []string{"bind", "health", "errors", "kubernetes"}
}

func main() { coremain.Run() }
