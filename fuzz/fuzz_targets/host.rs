#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| shipctl_fuzz::host(input));
