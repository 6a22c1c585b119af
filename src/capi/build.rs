//! Gives the shared library its soname, by which programs find the version that they were linked with: the
//! major version, and before 1.0 the minor one too, as cargo-c names it.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let (major, minor) = (
        variable("CARGO_PKG_VERSION_MAJOR"),
        variable("CARGO_PKG_VERSION_MINOR"),
    );
    let version = match major.as_str() {
        "0" => format!("0.{minor}"),
        _ => major,
    };
    if matches!(
        variable("CARGO_CFG_TARGET_OS").as_str(),
        "linux" | "android" | "freebsd" | "netbsd" | "openbsd"
    ) {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libtollgate_c.so.{version}");
    }
}
