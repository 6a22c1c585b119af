//! Builds wasm3 from its C sources, for the peer of that name.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo:rerun-if-env-changed=WASM3_SOURCE");
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_WASM3").is_none() {
        return;
    }
    let source = env::var("WASM3_SOURCE").expect("WASM3_SOURCE names wasm3's C sources");
    let files = fs::read_dir(Path::new(&source)).expect("WASM3_SOURCE is a directory");
    let mut build = cc::Build::new();
    for file in files.flatten().map(|entry| entry.path()) {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        // Without the functions of an operating system that it could bring along.
        if name.ends_with(".c") && !name.starts_with("m3_api_") {
            build.file(file);
        }
    }
    build
        .include(&source)
        .opt_level(3)
        .flag("-foptimize-sibling-calls")
        .warnings(false);
    build.compile("wasm3");
}
