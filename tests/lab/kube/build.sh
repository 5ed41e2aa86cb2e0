#!/bin/sh
# Compiles the Kubernetes programs of the version that go.mod pins into the directory given (about 7 minutes on two
# cores the first time), stripped, with their version set.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
version=$(sed -n 's/^require k8s.io\/kubernetes //p' "$here/go.mod")
minor=${version#v1.}
package=k8s.io/component-base/version
programs=$(sed -n 's/^	_ "\(.*\)"$/\1/p' "$here/tools.go")

cd "$here"
# Built beside, moved when complete: an interrupted build never looks like a finished one.
trap 'rm -rf "$out/partial"' EXIT
# shellcheck disable=SC2086 # a list of packages
CGO_ENABLED=0 nice -n 10 go build -buildvcs=false -trimpath -o "$out/partial/" \
    -ldflags "-s -w -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}" \
    $programs
mv "$out/partial/"* "$out/"
