//go:build tools

// Package tools names Helm, pinned by go.mod.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
