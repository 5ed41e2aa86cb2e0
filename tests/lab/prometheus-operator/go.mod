// The definitions of PodMonitor and PrometheusRule, which the API server of the tests checks deploy/ against. Nothing of it
// is compiled.
module speaker/lab/prometheus-operator

go 1.25.0

require github.com/prometheus-operator/prometheus-operator v0.85.0
