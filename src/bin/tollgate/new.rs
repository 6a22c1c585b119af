//! `tollgate new`: writes a plugin project from templates and guest kits that are part of the program.
//! The name of the plugin is filled in, and the parts that all languages share.

use crate::{Exit, Failure, args::NewArgs, print_line};
use clap::ValueEnum;
use std::{fs, io::Write as _, path::Path};
use tollgate::abi::{self, kits};

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
    /// Zig, its standard library only
    Zig,
}

/// The path of a file in the project, and its content.
type File = (&'static str, &'static str);

/// What a project of one language is made of.
struct Project {
    /// Files with places to be filled in.
    templates: &'static [File],
    /// The guest kit, as it is.
    kit: &'static [File],
    /// The commands of `build.sh`, which write `$wasm` as `$profile` says.
    build: &'static str,
    /// The sources, as `find` takes them.
    sources: &'static str,
    /// The sentence about tests that need no built plugin.
    native_tests: &'static str,
    /// What debug information names.
    covered: &'static str,
}

const SHARED: [File; 7] = [
    ("build.sh", include_str!("new/build.sh")),
    ("test.sh", include_str!("new/test.sh")),
    ("test/config.json", include_str!("new/test/config.json")),
    ("test/world.json", include_str!("new/test/world.json")),
    ("test/grants.json", include_str!("new/test/grants.json")),
    ("test/granted.json", include_str!("new/test/granted.json")),
    ("test/denied.json", include_str!("new/test/denied.json")),
];
const USAGE: &str = include_str!("new/usage.md");
const IGNORE: File = (".gitignore", include_str!("new/gitignore"));
const NATIVE_GO: &str = " `go test` (with a host that the test plays), and";
const NATIVE_ZIG: &str = " `zig test plugin.zig` (with a host that the test plays), and";
const NATIVE_RUST: &str = " `cargo test` (with a host that the test plays), and";

/// Where a project in Rust keeps its copy of the kit.
const COPY: &str = "tollgate-abi";

const RUST: Project = Project {
    templates: &[
        ("Cargo.toml", include_str!("new/rust/Cargo.toml.txt")),
        (".cargo/config.toml", include_str!("new/rust/config.toml")),
        ("src/lib.rs", include_str!("new/rust/lib.rs")),
        ("README.md", include_str!("new/rust/README.md")),
        (".gitignore", include_str!("new/rust/gitignore")),
    ],
    kit: kits::RUST,
    build: include_str!("new/rust/build.sh"),
    sources: "src Cargo.toml",
    native_tests: NATIVE_RUST,
    covered: "functions and lines",
};

const GO: Project = Project {
    templates: &[
        ("go.mod", include_str!("new/go/go.mod.txt")),
        ("plugin.go", include_str!("new/go/plugin.go")),
        ("plugin_test.go", include_str!("new/go/plugin_test.go")),
        ("README.md", include_str!("new/go/README.md")),
        IGNORE,
    ],
    kit: &[
        ("abi.go", kits::GO),
        ("abi_wasip1.go", kits::GO_EXPORTS),
        ("abi_native.go", kits::GO_NATIVE),
    ],
    build: include_str!("new/go/build.sh"),
    sources: "*.go go.mod",
    native_tests: NATIVE_GO,
    covered: "functions",
};

const C: Project = Project {
    templates: &[
        ("plugin.c", include_str!("new/c/plugin.c")),
        ("README.md", include_str!("new/c/README.md")),
        IGNORE,
    ],
    kit: &[("tollgate.h", kits::C)],
    build: include_str!("new/c/build.sh"),
    sources: "*.c *.h",
    native_tests: "",
    covered: "functions and lines",
};

const ASSEMBLYSCRIPT: Project = Project {
    templates: &[
        ("plugin.ts", include_str!("new/assemblyscript/plugin.ts")),
        (
            "package.json",
            include_str!("new/assemblyscript/package.json"),
        ),
        ("README.md", include_str!("new/assemblyscript/README.md")),
        (".gitignore", include_str!("new/assemblyscript/gitignore")),
    ],
    kit: &[("tollgate.ts", kits::ASSEMBLYSCRIPT)],
    build: include_str!("new/assemblyscript/build.sh"),
    sources: "*.ts",
    native_tests: "",
    covered: "functions",
};

const ZIG: Project = Project {
    templates: &[
        ("plugin.zig", include_str!("new/zig/plugin.zig")),
        ("README.md", include_str!("new/zig/README.md")),
        (".gitignore", include_str!("new/zig/gitignore")),
    ],
    kit: &[("tollgate.zig", kits::ZIG)],
    build: include_str!("new/zig/build.sh"),
    sources: "*.zig",
    native_tests: NATIVE_ZIG,
    covered: "functions and lines",
};

pub fn run(args: &NewArgs) -> Result<Exit, Failure> {
    check_name(&args.name)?;
    let directory = args.dir.clone().unwrap_or_else(|| (&*args.name).into());
    let occupied = fs::read_dir(&directory).is_ok_and(|mut found| found.next().is_some());
    if occupied || directory.is_file() {
        let message = "already exists; choose another name or --dir";
        return Err(Failure::file(&directory, message));
    }
    let project = match args.lang {
        Language::Rust => &RUST,
        Language::Go => &GO,
        Language::C => &C,
        Language::AssemblyScript => &ASSEMBLYSCRIPT,
        Language::Zig => &ZIG,
    };
    let fill = filler(args, project)?;
    for (name, content) in project.templates.iter().chain(&SHARED) {
        write(&directory.join(name), &fill(content))?;
    }
    let kit = match args.lang {
        Language::Rust => directory.join(COPY),
        _ => directory.clone(),
    };
    if args.lang != Language::Rust || args.abi_path.is_none() {
        for (name, content) in project.kit {
            write(&kit.join(name), content)?;
        }
    }
    print_line(format_args!(
        "created {}; {} explains how to build, test and run it",
        directory.display(),
        directory.join("README.md").display()
    ))
}

/// Writes a new file. Never overwrites one that appeared in the meantime.
fn write(path: &Path, content: &str) -> Result<(), Failure> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| Failure::file(parent, error))?;
    }
    fs::File::create_new(path)
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .map_err(|error| Failure::file(path, error))
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
fn filler(args: &NewArgs, project: &'static Project) -> Result<impl Fn(&str) -> String, Failure> {
    let name = args.name.clone();
    let published = format!(
        "tollgate-abi = {{ version = \"{}\", features = [\"guest\"] }}",
        abi::VERSION
    );
    let (place, kit) = match &args.abi_path {
        None => (
            format!("\"{COPY}\""),
            format!(
                "`{COPY}/` is the guest kit:\na copy of the package {COPY}. When that package is on crates.io, you can delete \
                 the directory and\ndepend on the package in `Cargo.toml`: `{published}`."
            ),
        ),
        Some(path) => {
            let found = path.canonicalize();
            let found = found.map_err(|error| Failure::file(path, error))?;
            if !found.join("Cargo.toml").is_file() {
                return Err(Failure::file(path, "no package found"));
            }
            (
                // A JSON string is a TOML string, too.
                serde_json::Value::from(found.to_string_lossy()).to_string(),
                "The guest kit is the package tollgate-abi,\nin the directory that `Cargo.toml` names.".to_owned(),
            )
        }
    };
    let dependency = format!("tollgate-abi = {{ path = {place}, features = [\"guest\"] }}");
    Ok(move |template: &str| {
        // Those that hold others come first.
        template
            .replace("{{build}}", project.build)
            .replace("{{usage}}", USAGE.trim_end())
            .replace("{{native}}", project.native_tests)
            .replace("{{covered}}", project.covered)
            .replace("{{sources}}", project.sources)
            .replace("{{kit}}", &kit)
            .replace("{{dependency}}", &dependency)
            .replace("{{crate}}", &name.replace('-', "_"))
            .replace("{{name}}", &name)
    })
}
