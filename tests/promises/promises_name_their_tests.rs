//! The documents name files that exist: SECURITY.md a test, which is run, for each of its promises, CONTRIBUTING.md the
//! files to change, and all of them in their links. The guide names each limit.

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

/// What stands in backquotes in a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn the_map_for_contributors_names_files_and_what_is_in_them() {
    let page = fs::read_to_string("CONTRIBUTING.md").unwrap();
    let (_, map) = page.split_once("## Where things happen").unwrap();
    let (map, _) = map.split_once("## Tests").unwrap();
    let mut paths = 0;
    let mut file = String::new();
    for name in quoted(map) {
        if name.contains('/') || name.contains('.') {
            assert!(Path::new(name).exists(), "{name}");
            file = fs::read_to_string(name).unwrap_or_default();
            paths += 1;
        } else if !name.contains("::") {
            assert!(file.contains(name), "{name}");
        }
    }
    assert!(paths > 30, "{paths}");
}

#[test]
fn the_guide_names_each_limit_with_its_default() {
    let guide = fs::read_to_string("src/guide.md").unwrap();
    for limit in tollgate::Limits::default().list() {
        let field = limit.name.split('.').next().unwrap();
        let row = guide
            .lines()
            .find(|line| line.contains(&format!("`{field}`")));
        let row = row.unwrap_or_else(|| panic!("{field}"));
        let in_words = ["module", "deadline"].contains(&field) || limit.name == "memory";
        assert!(in_words || row.contains(&limit.value), "{limit:?}: {row}");
    }
}

#[test]
fn the_links_of_the_documents_lead_to_files_and_headings() {
    for page in [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "benches/README.md",
        "src/capi/README.md",
        "src/capi/python/README.md",
    ] {
        let text = fs::read_to_string(page).unwrap();
        let folder = Path::new(page).parent().unwrap();
        for link in text.split("](").skip(1) {
            let (link, _) = link.split_once(')').unwrap();
            if link.starts_with("https://") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let path = folder.join(path);
            assert!(path.exists(), "{page}: {link}");
            if !heading.is_empty() {
                let text = fs::read_to_string(path).unwrap().to_lowercase();
                let heading = heading.replace('-', " ");
                assert!(text.contains(&format!("# {heading}\n")), "{page}: {link}");
            }
        }
    }
}
