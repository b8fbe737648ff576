#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hapulse_fuzz::fuzzing::recording::check(data));
