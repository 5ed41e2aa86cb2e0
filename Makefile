# The one door: people and CI call these targets and nothing else.
.PHONY: help demo build image test check unit interop kubernetes interop-table fuzz soak setup deny bench bfd-bench bfd-load egress-bench cluster crds fmt

CARGO ?= cargo

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | column -t -s "$$(printf '\t')"

demo: ## Build the speaker and run the main job: no cluster, no privilege
	$(CARGO) run --release --package speaker -- demo

build: ## Build the release binaries, target/release/{speaker,sidecar,egress}
	$(CARGO) build --release --package speaker --package sidecar --package egress

image: ## Build the images speaker, egress and egress-gateway, target/image/*.tar, without a container engine (needs jq)
	CARGO="$(CARGO)" ./deploy/image/build.sh
	CARGO="$(CARGO)" ./deploy/image/egress.sh

test: setup ## Install what the tests need, then run every check and test
	./tests/run check deny unit interop kubernetes fuzz

setup: ## Install routers, OVN and tools by apt, compile Kubernetes and GoBGP 4 for the labs (as root; needs Go)
	./tests/setup.sh

check: ## Format, lints, docs, crate arrows
	./tests/run check

deny: ## Licences, sources and duplicates of dependencies
	./tests/run deny

unit: ## Tests that need no privilege
	./tests/run unit

interop: ## Tests against FRR, BIRD, GoBGP, ExaBGP, OVN and a Kubernetes API server in network namespaces (as root)
	./tests/run interop

kubernetes: ## Tests of the image on a real Kubernetes, two nodes with kubelet and containerd in namespaces (as root)
	./tests/run kubernetes

interop-table: ## Run the interop matrix alone and write docs/interop.md from it (as root)
	$(CARGO) build --package speaker
	INTEROP_TABLE=write $(CARGO) test --package tests --test interop_matrix

fuzz: ## Half an hour of each fuzz target
	./tests/fuzz.sh 1800

soak: ## Every property of engine and plan with a hundred thousand random cases
	PROPTEST_CASES=100000 $(CARGO) test --release --package bgp --package bfd --package speaker --all-features

bench: ## Full-table benchmark beside a floor program and BIRD; codec micro-benchmarks
	$(CARGO) bench --package bgp --features net

cluster: image ## Benchmark of the image's binary: 10 000 and 100 000 Pods on a real API server (as root)
	SPEAKER_BIN=$${CARGO_TARGET_DIR:-$(CURDIR)/target}/x86_64-unknown-linux-gnu/dist/speaker \
		$(CARGO) bench --package tests --bench cluster -- 10000 100000

bfd-bench: ## Benchmark of BFD beside FRR: 100 cuts of the link, both families (as root)
	$(CARGO) build --release --package speaker
	SPEAKER_BIN=$(CURDIR)/target/release/speaker $(CARGO) bench --package tests --bench bfd -- 100

bfd-load: ## BFD under load, quotas and stops, ten minutes each; CPU beside FRR and BIRD (as root)
	$(CARGO) bench --package bfd --features net --bench load -- 600

egress-bench: ## Benchmark of egress gateways that fail, twenty times each way and form of rows (as root)
	$(CARGO) build --package egress --package sidecar
	$(CARGO) bench --package tests --bench egress --profile dev -- 20

crds: ## Write deploy/crds from the types in kubeovn
	$(CARGO) run --quiet --package kubeovn --example crds -- deploy/crds

fmt: ## Format the code
	$(CARGO) fmt --all
