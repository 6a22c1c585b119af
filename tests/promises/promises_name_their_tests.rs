//! SECURITY.md names a test for each of its promises, and each of them is there and is run.

use std::{fs, path::Path};

/// What stands in backquotes in the last column of each table of promises.
fn named(page: &str) -> Vec<&str> {
    let (_, promised) = page.split_once("## What is promised").unwrap();
    let (promised, _) = promised.split_once("## What is not promised").unwrap();
    let rows = promised.lines().filter(|line| line.starts_with("| "));
    let tests = rows.filter(|row| !row.contains("| Tests |"));
    tests
        .flat_map(|row| {
            let (_, tests) = row.trim_end_matches(" |").rsplit_once(" | ").unwrap();
            assert!(tests.contains('`') || tests.contains("compiler"), "{row}");
            tests.split('`').skip(1).step_by(2)
        })
        .collect()
}

#[test]
fn each_test_that_is_named_is_there() {
    let page = fs::read_to_string("SECURITY.md").unwrap();
    let named = named(&page);
    assert!(named.len() > 40, "{named:?}");
    for name in named {
        let places = [
            format!("tests/promises/{name}.rs"),
            format!("tests/isolated/{name}.rs"),
            format!("tests/{name}"),
            format!("fuzz/fuzz_targets/{name}.rs"),
            name.to_owned(),
        ];
        assert!(
            places.iter().any(|place| Path::new(place).exists()),
            "{name}"
        );
    }
}

/// A file that its program does not name is never compiled.
#[test]
fn each_file_is_part_of_its_program() {
    for program in ["tests/promises", "tests/isolated"] {
        let main = fs::read_to_string(format!("{program}/main.rs")).unwrap();
        for entry in fs::read_dir(program).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(
                name == "main" || main.contains(&format!("\nmod {name};\n")),
                "{program}/main.rs does not name {name}"
            );
        }
    }
}
