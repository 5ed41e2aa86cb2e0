//! Generates the gRPC code; the `.proto`s are parsed in Rust, so no `protoc` is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["proto/speaker.proto", "proto/gobgp/v3.proto", "proto/gobgp/v4.proto"];
    for file in files {
        println!("cargo::rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["proto"])?;
    // GoBGP 3 packs messages in Any under their Go type URL.
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names().type_name_domain([".apipb"], "type.googleapis.com");
    tonic_prost_build::configure().compile_fds_with_config(descriptors, config)?;
    Ok(())
}
