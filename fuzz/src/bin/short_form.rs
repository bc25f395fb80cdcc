#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| flowkit_storage_fuzz::short_form::check(bytes));
