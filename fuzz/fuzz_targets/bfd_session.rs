//! See `bgp_fuzz::bfd::session`.
#![no_main]

libfuzzer_sys::fuzz_target!(init: bgp_fuzz::counters::print_at_exit(), |octets: &[u8]| {
    bgp_fuzz::bfd::session::run(octets);
});
