# The images of egress gateways, for those who have a container engine; egress.sh beside it makes them without one.
#
#   docker build -f deploy/image/egress.Dockerfile --target egress -t egress:0.1.0 .
#   docker build -f deploy/image/egress.Dockerfile --target egress-gateway -t egress-gateway:0.1.0 .
#
# The gateway's lies on Debian here: egress.sh takes the programs alone.
FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
# Static, by the C library's own archive: --target keeps that away from build scripts and procedural macros.
RUN set -eu; \
    triple=$(rustc --print host-tuple); \
    mkdir /programs; \
    for package in egress sidecar; do \
        cargo rustc --locked --profile dist --package "$package" --bin "$package" --target "$triple" \
            --config "target.$triple.rustflags=[\"-C\",\"target-feature=+crt-static\",\"-C\",\"link-arg=-Wl,-z,pack-relative-relocs\"]" \
            -- -C strip=symbols; \
        cp "target/$triple/dist/$package" /programs/; \
    done

FROM scratch AS egress
COPY --from=build /programs/egress /usr/local/bin/egress
COPY deploy/image/passwd deploy/image/group /etc/
WORKDIR /
ENTRYPOINT ["/usr/local/bin/egress"]

FROM docker.io/library/debian:bookworm-slim AS egress-gateway
RUN apt-get update && apt-get install -y --no-install-recommends iptables iproute2 && rm -rf /var/lib/apt/lists/*
COPY --from=build /programs/sidecar /usr/local/bin/sidecar
RUN for name in bfdd-beacon bfdd-control kube-ovn-bfdd-supervisor; do ln -s sidecar "/usr/local/bin/$name"; done
WORKDIR /
ENTRYPOINT ["/usr/local/bin/sidecar"]
