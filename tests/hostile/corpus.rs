//! The attacks that are written as text: one file each, which says at its beginning what it tries,
//! how it is expected to end, and the limits that it needs.

use std::{fs, path::PathBuf, time::Duration};
use tollgate::{FuelLimit, Limits, MemoryLimit};

/// Fuel that ends what has no other end in well under a second.
const FUEL: u64 = 20_000_000;

pub struct Attack {
    pub name: String,
    pub module: Vec<u8>,
    /// `answered`, or a part of the error.
    pub expect: String,
    pub limits: Limits,
}

/// All of them, in the order of their names.
pub fn all() -> Vec<Attack> {
    let mut files: Vec<PathBuf> = fs::read_dir("tests/hostile")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wat"))
        .collect();
    files.sort();
    files.into_iter().map(read).collect()
}

/// One of them.
pub fn named(name: &str) -> Attack {
    read(PathBuf::from(format!("tests/hostile/{name}.wat")))
}

fn read(path: PathBuf) -> Attack {
    let text = fs::read_to_string(&path).unwrap();
    let told = |what: &str| {
        let lines = text.lines();
        let mut told = lines.filter_map(|line| line.strip_prefix(";; ")?.strip_prefix(what));
        told.next().map(str::to_owned)
    };
    let number = |what: &str| told(what).map(|told| told.parse::<u64>().unwrap());
    let mut limits = Limits {
        fuel: match told("fuel: ").as_deref() {
            Some("unlimited") => FuelLimit::Unlimited,
            told => told.map_or(FUEL, |told| told.parse().unwrap()).into(),
        },
        deadline: number("deadline: ").map(Duration::from_millis),
        ..Limits::default()
    };
    if let Some(megabytes) = number("memory: ") {
        limits.memory = MemoryLimit::from_megabytes(u32::try_from(megabytes).unwrap()).unwrap();
    }
    limits.host_calls = number("host calls: ").unwrap_or(limits.host_calls);
    limits.moved_bytes = number("moved bytes: ").unwrap_or(limits.moved_bytes);
    Attack {
        name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
        module: wat::parse_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        expect: told("expect: ").unwrap_or_else(|| panic!("{} expects nothing", path.display())),
        limits,
    }
}
