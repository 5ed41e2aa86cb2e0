#!/bin/sh
# Puts the definitions of PodMonitor and PrometheusRule, of the version that go.mod pins, into the directory given.
set -eu
module=github.com/prometheus-operator/prometheus-operator
cd "$(dirname "$0")"
go mod download "$module"
definitions=$(go list -mod=readonly -m -f '{{.Dir}}' "$module")/example/prometheus-operator-crd
mkdir -p "$1"
for kind in podmonitors prometheusrules; do
    cp "$definitions/monitoring.coreos.com_$kind.yaml" "$1/$kind.new"
    chmod 644 "$1/$kind.new"
    mv "$1/$kind.new" "$1/$kind.yaml"
done
