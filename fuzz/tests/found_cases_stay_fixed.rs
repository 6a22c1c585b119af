//! Every case that fuzzing found, and every seed, passes through its target on stable Rust.

use std::{fs, path::Path};
use tollgate_fuzz::{TARGETS, seeds};

#[test]
fn found_cases_stay_fixed() {
    let regressions = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    for folder in fs::read_dir(&regressions).unwrap() {
        let folder = folder.unwrap();
        if !folder.file_type().unwrap().is_dir() {
            continue;
        }
        let name = folder.file_name().into_string().unwrap();
        let target = TARGETS.iter().find(|(own, _)| *own == name);
        let (_, target) = target.unwrap_or_else(|| panic!("{name} is no target"));
        for case in fs::read_dir(folder.path()).unwrap() {
            let path = case.unwrap().path();
            println!("{}", path.display());
            target(&fs::read(&path).unwrap());
        }
    }
}

#[test]
fn seeds_pass_too() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for (number, seed) in seeds.iter().enumerate() {
            println!("{name} {number}");
            target(seed);
        }
    }
}

#[test]
fn every_target_can_be_fuzzed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
    let mut files: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let names: Vec<String> = TARGETS
        .iter()
        .map(|(name, _)| format!("{name}.rs"))
        .collect();
    assert_eq!(files, names);
}
