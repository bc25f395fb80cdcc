//! Runs `cargo auditable` as if it was `cargo`: napi-rs starts one program, and has no place for its first argument. A
//! program instead of a script, so that Windows starts it too.

use std::process::{Command, exit};

fn main() {
    let status = Command::new("cargo").arg("auditable").args(std::env::args_os().skip(1)).status();
    exit(status.expect("cargo can be started").code().unwrap_or(1));
}
