//! Generates the gRPC code; the `.proto` is parsed in Rust, so no `protoc` is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto/speaker.proto");
    let descriptors = protox::compile(["proto/speaker.proto"], ["proto"])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
