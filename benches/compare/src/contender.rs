//! Who takes part, and how the program that measures it is built.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// One engine in one way of using it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contender {
    /// The column of the table.
    pub name: &'static str,
    /// The feature of `peer` that it is built with; several contenders may share one.
    pub feature: &'static str,
    /// What that program is told.
    pub variant: &'static str,
    /// The package whose version counts.
    pub package: &'static str,
}

const fn contender(
    name: &'static str,
    feature: &'static str,
    variant: &'static str,
    package: &'static str,
) -> Contender {
    Contender {
        name,
        feature,
        variant,
        package,
    }
}

pub const TOLLGATE: Contender = contender("tollgate", "tollgate", "", "tollgate");
pub const TOLLGATE_FAST: Contender = contender("tollgate fast", "tollgate-fast", "", "tollgate");
/// The same with modules that are initialised already.
pub const BAKED: Contender = contender("tollgate baked", "tollgate-fast", "baked", "tollgate");
pub const WASMI: Contender = contender("wasmi", "wasmi", "", "wasmi");
pub const WASMI_FAST: Contender = contender("wasmi fast", "wasmi-fast", "", "wasmi");
pub const CRANELIFT: Contender = contender("wasmtime Cranelift", "wasmtime", "", "wasmtime");
pub const POOLING: Contender = contender("wasmtime pooling", "wasmtime", "pooling", "wasmtime");
pub const WINCH: Contender = contender("wasmtime Winch", "wasmtime", "winch", "wasmtime");
pub const PULLEY: Contender = contender("wasmtime Pulley", "wasmtime", "pulley", "wasmtime");
pub const WASM3: Contender = contender("wasm3", "wasm3", "", "wasm3");
pub const TINYWASM: Contender = contender("tinywasm", "tinywasm", "", "tinywasm");
/// Written in Go, and built with its tools.
pub const WAZERO: Contender = contender("wazero compiled", GO, "", "wazero");
pub const WAZERO_INTERPRETED: Contender =
    contender("wazero interpreted", GO, "interpreter", "wazero");
pub const EXTISM: Contender = contender("Extism", "extism", "", "extism");
/// No engine: `serde_json` alone, in this process.
pub const HOST: Contender = contender("serde_json alone", "", "", "serde_json");

/// What stands for a feature where the program is one of Go.
const GO: &str = "wazero";

pub const ALL: [Contender; 14] = [
    TOLLGATE_FAST,
    TOLLGATE,
    BAKED,
    WASMI_FAST,
    WASMI,
    CRANELIFT,
    POOLING,
    WINCH,
    PULLEY,
    WASM3,
    TINYWASM,
    WAZERO,
    WAZERO_INTERPRETED,
    EXTISM,
];

/// The programs that could be built, by feature, or why one could not.
pub struct Peers {
    programs: BTreeMap<&'static str, Result<PathBuf, String>>,
    without: Vec<Contender>,
    /// Where they and the guests lie.
    pub directory: PathBuf,
}

impl Peers {
    /// Builds the program `peer` for every feature that a contender needs; those that are there
    /// already only `again`.
    pub fn build(left_out: impl Fn(&Contender) -> bool, again: bool) -> Result<Peers, String> {
        let own = env::current_exe().map_err(|error| error.to_string())?;
        let release = own.parent().ok_or("this program lies nowhere")?;
        let directory = release.with_file_name("compare");
        fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        let mut programs = BTreeMap::new();
        let (without, with): (Vec<Contender>, Vec<Contender>) =
            ALL.into_iter().partition(|contender| left_out(contender));
        for Contender { feature, .. } in with {
            programs.entry(feature).or_insert_with(|| {
                let program = directory.join(format!("peer-{feature}"));
                if !again && program.exists() {
                    return Ok(program);
                }
                if feature == GO {
                    return go_build(&directory, program);
                }
                let built = cargo_build("release", "peer", feature)?;
                fs::copy(built, &program).map_err(|error| error.to_string())?;
                Ok(program)
            });
        }
        Ok(Peers {
            programs,
            without,
            directory,
        })
    }

    /// Why some could not be built.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &str)> {
        let built = self.programs.iter();
        built.filter_map(|(feature, built)| Some((*feature, built.as_ref().err()?.as_str())))
    }

    /// The program of a contender.
    pub fn program(&self, contender: &Contender) -> Result<&Path, String> {
        if self.without.contains(contender) {
            return Err("left out (--without)".to_owned());
        }
        let built = self
            .programs
            .get(contender.feature)
            .ok_or("it takes no part")?;
        built.as_deref().map_err(String::clone)
    }
}

/// Builds the program of Go, with the module that its tools find: of the version that `go.mod`
/// names, or what lies in GOPATH where GO111MODULE is off.
fn go_build(directory: &Path, program: PathBuf) -> Result<PathBuf, String> {
    eprintln!("building {GO} with Go");
    // Where Go may note what it has fetched.
    let source = directory.join(GO);
    fs::create_dir_all(&source).map_err(|error| error.to_string())?;
    for file in ["go.mod", "main.go"] {
        let original = Path::new(env!("CARGO_MANIFEST_DIR")).join(GO).join(file);
        fs::copy(original, source.join(file)).map_err(|error| error.to_string())?;
    }
    let mut go = Command::new("go");
    go.current_dir(&source).arg("build");
    if !in_gopath() {
        go.arg("-mod=mod");
    }
    let output = go.arg("-o").arg(&program).arg(".").output();
    let output = output.map_err(|_| "there is no Go here".to_owned())?;
    match output.status.success() {
        true => Ok(program),
        false => Err(unbuilt(&output, |line| !line.starts_with('#'))),
    }
}

/// Why there is no program, in the first line of a tool's that tells something.
fn unbuilt(output: &Output, tells: impl Fn(&str) -> bool) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let why = text.lines().find(|line| tells(line));
    let why = why.unwrap_or("the tool does not say why").trim();
    format!("it could not be built: {why}")
}

fn in_gopath() -> bool {
    env::var_os("GO111MODULE").is_some_and(|mode| mode == "off")
}

fn go_version() -> Option<String> {
    if in_gopath() {
        return Some("of GOPATH".to_owned());
    }
    let module = include_str!("../wazero/go.mod");
    let line = module.lines().find(|line| line.starts_with("require"))?;
    Some(line.rsplit_once(" v")?.1.to_owned())
}

/// Builds one of this package's programs with a feature; where it is then.
pub fn cargo_build(profile: &str, program: &str, feature: &str) -> Result<PathBuf, String> {
    if feature == GO {
        return Err("it is no package of Rust".to_owned());
    }
    eprintln!("building {program} with {feature} ({profile})");
    let output = cargo()
        .args([
            "build",
            "--quiet",
            "--message-format",
            "json-render-diagnostics",
        ])
        .args([
            "--profile",
            profile,
            "--package",
            "compare",
            "--bin",
            program,
        ])
        .args(["--features", feature])
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(unbuilt(&output, |line| {
            line.starts_with("WASM3") || line.contains("error")
        }));
    }
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let artifact = messages.lines().rev().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    artifact.ok_or_else(|| "cargo built no program".to_owned())
}

/// Cargo, in this workspace.
fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo
}

/// The versions that this workspace's lock file names.
pub fn versions() -> BTreeMap<String, String> {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap_or_default();
    let mut versions = BTreeMap::new();
    let mut lines = lock.lines();
    while let Some(line) = lines.next() {
        let quoted = |line: &str, key: &str| {
            let value = line.strip_prefix(key)?.strip_prefix(" = \"")?;
            Some(value.strip_suffix('"')?.to_owned())
        };
        if let Some(name) = quoted(line, "name")
            && let Some(version) = lines.next().and_then(|line| quoted(line, "version"))
        {
            // The newest of several is the one that a peer of that name uses itself.
            versions.insert(name, version);
        }
    }
    versions.insert(
        "wasm3".to_owned(),
        wasm3_version().unwrap_or_else(|| "not there".to_owned()),
    );
    versions.insert(GO.to_owned(), go_version().unwrap_or_default());
    versions
}

fn wasm3_version() -> Option<String> {
    let header = Path::new(&env::var_os("WASM3_SOURCE")?).join("wasm3.h");
    let header = fs::read_to_string(header).ok()?;
    let line = header
        .lines()
        .find_map(|line| line.strip_prefix("#define M3_VERSION "))?;
    Some(line.trim().trim_matches('"').to_owned())
}

/// How many packages a package brings with itself, itself included.
pub fn crates(contender: &Contender) -> Result<usize, String> {
    let output = cargo()
        .args([
            "tree",
            "--package",
            "compare",
            "--features",
            contender.feature,
        ])
        .args([
            "--edges",
            "normal",
            "--prefix",
            "depth",
            "--no-dedupe",
            "--format",
            " {p}",
        ])
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    let tree = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut inside = false;
    let mut found = std::collections::BTreeSet::new();
    for line in tree.lines() {
        let (depth, package) = line.split_once(' ').unwrap_or_default();
        match depth {
            "1" => {
                let name = package.split(' ').next().unwrap_or_default();
                inside = name == contender.package;
            }
            "0" => inside = false,
            _ => {}
        }
        if inside {
            found.insert(package.trim().to_owned());
        }
    }
    match found.len() {
        0 => Err("it is no package of Rust".to_owned()),
        count => Ok(count),
    }
}
