//! `tollgate new`: writes a plugin project from templates and kits that are part of the program. The
//! name of the plugin is filled in, and for Rust the place of the guest kit.

use crate::{Exit, Failure, args::NewArgs, print_line};
use clap::ValueEnum;
use std::{fs, io::Write as _};

/// A language with a guest kit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Rust, on the package tollgate-abi
    Rust,
    /// Go, its standard library only
    Go,
    /// C, without a libc
    C,
    /// AssemblyScript
    #[value(name = "assemblyscript")]
    AssemblyScript,
}

/// The path of a file in the project, and its content.
type Template = (&'static str, &'static str);

const TEST: Template = ("test.sh", include_str!("new/test.sh"));
const IGNORE: Template = (".gitignore", include_str!("new/gitignore"));

const RUST: [Template; 5] = [
    ("Cargo.toml", include_str!("new/rust/Cargo.toml.txt")),
    (".cargo/config.toml", include_str!("new/rust/config.toml")),
    ("src/lib.rs", include_str!("new/rust/lib.rs")),
    ("README.md", include_str!("new/rust/README.md")),
    (".gitignore", include_str!("new/rust/gitignore")),
];

const GO: [Template; 7] = [
    ("go.mod", include_str!("new/go/go.mod.txt")),
    ("plugin.go", include_str!("new/go/plugin.go")),
    ("plugin_test.go", include_str!("new/go/plugin_test.go")),
    ("abi.go", tollgate::abi::kits::GO),
    ("abi_wasip1.go", tollgate::abi::kits::GO_EXPORTS),
    ("README.md", include_str!("new/go/README.md")),
    IGNORE,
];

const C: [Template; 4] = [
    ("plugin.c", include_str!("new/c/plugin.c")),
    ("tollgate.h", tollgate::abi::kits::C),
    ("README.md", include_str!("new/c/README.md")),
    IGNORE,
];

const ASSEMBLYSCRIPT: [Template; 5] = [
    ("plugin.ts", include_str!("new/assemblyscript/plugin.ts")),
    ("tollgate.ts", tollgate::abi::kits::ASSEMBLYSCRIPT),
    (
        "package.json",
        include_str!("new/assemblyscript/package.json"),
    ),
    ("README.md", include_str!("new/assemblyscript/README.md")),
    (".gitignore", include_str!("new/assemblyscript/gitignore")),
];

pub fn run(args: &NewArgs) -> Result<Exit, Failure> {
    check_name(&args.name)?;
    let directory = args.dir.clone().unwrap_or_else(|| (&*args.name).into());
    let occupied = fs::read_dir(&directory).is_ok_and(|mut found| found.next().is_some());
    if occupied || directory.is_file() {
        let message = "already exists; choose another name or --dir";
        return Err(Failure::file(&directory, message));
    }
    let templates: &[Template] = match args.lang {
        Language::Rust => &RUST,
        Language::Go => &GO,
        Language::C => &C,
        Language::AssemblyScript => &ASSEMBLYSCRIPT,
    };
    let fill = filler(args)?;
    for (name, content) in templates.iter().chain([&TEST]) {
        let path = directory.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| Failure::file(parent, error))?;
        }
        // Never overwrites a file that appeared in the meantime.
        fs::File::create_new(&path)
            .and_then(|mut file| file.write_all(fill(content).as_bytes()))
            .map_err(|error| Failure::file(&path, error))?;
    }
    print_line(format_args!(
        "created {}; {} explains how to build, test and run it",
        directory.display(),
        directory.join("README.md").display()
    ))
}

/// The name is used for a package, a file and a plugin in any of the languages.
fn check_name(name: &str) -> Result<(), Failure> {
    let good = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= 64
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if good {
        return Ok(());
    }
    Err(Failure::new(
        Exit::BadInput,
        format!(
            "invalid plugin name {name:?}: use at most 64 letters a to z, digits and hyphens, a letter first"
        ),
    ))
}

/// Returns a function that fills in a template.
fn filler(args: &NewArgs) -> Result<impl Fn(&str) -> String, Failure> {
    let name = args.name.clone();
    let wasm = match args.lang {
        Language::Rust => format!(
            "target/wasm32-unknown-unknown/release/{}.wasm",
            name.replace('-', "_")
        ),
        _ => format!("{name}.wasm"),
    };
    let source = match &args.abi_path {
        None => format!("version = \"{}\"", tollgate::abi::VERSION),
        Some(path) => {
            let found = path.canonicalize();
            let found = found.map_err(|error| Failure::file(path, error))?;
            if !found.join("Cargo.toml").is_file() {
                return Err(Failure::file(path, "no package found"));
            }
            // A JSON string is a TOML string, too.
            let text = serde_json::Value::from(found.to_string_lossy()).to_string();
            format!("path = {text}")
        }
    };
    let dependency = format!("tollgate-abi = {{ {source}, features = [\"guest\"] }}");
    Ok(move |template: &str| {
        template
            .replace("{{name}}", &name)
            .replace("{{wasm}}", &wasm)
            .replace("{{dependency}}", &dependency)
    })
}
