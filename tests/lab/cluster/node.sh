#!/bin/sh
# Makes the mount and pid namespace it is started in one node of a cluster, then stays as that node's process 1: what
# the node runs ends with it. A node has a file system of its own wherever a machine keeps its state, so that neither
# its programs nor the hostPath volumes of two nodes meet, and nothing of it is left behind.
set -eu
trap '' CHLD # children whose parents have ended are reaped by the kernel
for dir in /run /var/lib /var/log; do
    mount -t tmpfs -o mode=755 node "$dir"
done
mkdir -p /run/lock /run/netns /var/lib/kubelet /var/lib/containerd /var/log/pods /var/log/containers
# Volumes may want mounts to propagate; not beyond this namespace.
mount --make-rshared /
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
echo ready
exec sleep infinity
