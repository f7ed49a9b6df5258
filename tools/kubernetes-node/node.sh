#!/bin/bash
# First process of a node: NAME CGROUP ADDRESS GATEWAY DIRECTORY BINARIES. It runs in network, mount, pid, uts and ipc
# namespaces of its own; when it ends, all that runs in them ends. The API server is started beside it by others.
set -euo pipefail
name=$1 cgroup=$2 address=$3 gateway=$4 directory=$5 binaries=$6

hostname "$name"
mount --make-rslave /
mount --bind "$directory/node/run" /run
mount --make-rshared /
mkdir -p /run/netns /run/lock /var/lib/cni /var/log/pods /var/log/containers
for folder in lib/cni log/pods log/containers; do
    mount --bind "$directory/node/$folder" "/var/$folder"
done

# Settings that kubelet wants of the kernel are the whole machine's: it is shown files that have them already.
pretend() {
    echo "$2" > "$directory/node/kernel/${1//\//.}"
    mount --bind "$directory/node/kernel/${1//\//.}" "/proc/sys/$1"
}
pretend vm/overcommit_memory 1
pretend vm/panic_on_oom 0
pretend kernel/panic 10
pretend kernel/panic_on_oops 1
echo 1 > /proc/sys/net/ipv4/ip_forward # of this network namespace only

for hierarchy in /sys/fs/cgroup/*/; do # cgroup v1: a parent of the node's own in each
    case $hierarchy in */unified/) continue ;; esac
    mkdir -p "$hierarchy$cgroup"
    if [ -e "$hierarchy$cgroup/cpuset.cpus" ]; then
        cat "$hierarchy/cpuset.cpus" > "$hierarchy$cgroup/cpuset.cpus"
        cat "$hierarchy/cpuset.mems" > "$hierarchy$cgroup/cpuset.mems"
    fi
    # Pods together get as much as four processes of the machine, as API servers are; by default it would be one.
    if [ -e "$hierarchy$cgroup/cpu.shares" ]; then echo 4096 > "$hierarchy$cgroup/cpu.shares"; fi
done

until ip link show eth0 > /dev/null 2>&1; do sleep 0.02; done
ip link set lo up
ip address add "$address/30" dev eth0
ip link set eth0 up
ip route add default via "$gateway"

for file in containerd.toml kubelet.yaml proxy.yaml Corefile; do
    sed -e "s#@NAME@#$name#g; s#@CGROUP@#$cgroup#g; s#@ADDRESS@#$address#g; s#@DIRECTORY@#$directory#g" \
        "$(dirname "$0")/$file" > "$directory/node/$file"
done
cp "$(dirname "$0")/pods.conflist" "$directory/cni-configuration/10-pods.conflist"

# Starts a component again whenever it ends, as it does while the API server is away.
keep() {
    local component=$1
    shift
    while true; do
        "$@" < /dev/null >> "$directory/node/$component.log" 2>&1 || true
        sleep 1
    done &
}
kubeconfig=$directory/kubeconfig
keep containerd containerd --config "$directory/node/containerd.toml"
until [ -e "$kubeconfig" ]; do sleep 0.05; done
keep controller-manager "$binaries/kubernetes-node" controller-manager --kubeconfig "$kubeconfig" --leader-elect=false \
    --service-account-private-key-file="$directory/service-account.key" --root-ca-file="$directory/ca.crt" \
    --cluster-signing-cert-file="$directory/ca.crt" --cluster-signing-key-file="$directory/ca.key" \
    --allocate-node-cidrs=true --cluster-cidr=10.244.0.0/16 --bind-address=127.0.0.1
keep scheduler "$binaries/kubernetes-node" scheduler --kubeconfig "$kubeconfig" --leader-elect=false \
    --bind-address=127.0.0.1
keep kubelet "$binaries/kubernetes-node" kubelet --kubeconfig="$kubeconfig" --config="$directory/node/kubelet.yaml" \
    --root-dir="$directory/kubelet" --node-ip="$address" --hostname-override="$name" \
    --cert-dir="$directory/kubelet/pki"
keep proxy "$binaries/kubernetes-node" proxy --config="$directory/node/proxy.yaml" --hostname-override="$name"
keep dns "$binaries/cluster-dns" -conf "$directory/node/Corefile"
while true; do wait -n || sleep 0.1; done # reaps what containers leave
