//! See `bgp_fuzz::ovn`.
#![no_main]

libfuzzer_sys::fuzz_target!(init: bgp_fuzz::counters::print_at_exit(), |octets: &[u8]| {
    bgp_fuzz::ovn::run(octets);
});
