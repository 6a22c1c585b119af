//! Every limit has a name, a unit, a default and a meaning, and is set by its name: in the library and on
//! the command line. Needs the feature `cli`.

#![cfg(feature = "cli")]

use crate::support;

use std::{collections::BTreeSet, fs};
use support::{Guest, data, program::tollgate, text_at};
use tollgate::{Inspection, InvalidLimit, Limits, Runtime};

const ECHO: &str = "fixtures/wat/echo.wat";

fn output(arguments: &[&str]) -> (i32, String, String) {
    let output = tollgate(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

/// The table of limits and the fields of both types are one list.
#[test]
fn every_limit_has_a_name() {
    let listed = Limits::default().list();
    let names: BTreeSet<&str> = listed.iter().map(|limit| limit.name.as_str()).collect();
    assert_eq!(names.len(), listed.len());
    // The first names in the text that `Debug` writes are the fields.
    let debug = format!("{:#?}", Limits::default());
    let fields = debug
        .lines()
        .filter(|line| line.starts_with("    ") && !line.starts_with("     "));
    let fields = fields.filter_map(|line| line.trim().split_once(": "));
    for (field, _) in fields {
        let group = format!("{field}.");
        assert!(
            names.contains(field) || names.iter().any(|name| name.starts_with(&group)),
            "{field}"
        );
    }
    let module = fs::read("fixtures/file/file.wasm").unwrap();
    for measured in Inspection::new(&module, &Limits::default())
        .unwrap()
        .measured
    {
        assert!(
            names.contains(&*format!("module.{}", measured.name)),
            "{measured:?}"
        );
    }
    for limit in &listed {
        assert!(
            limit.meaning.len() > 5 && !limit.meaning.contains(['[', '`']),
            "{limit:?}"
        );
    }
}

#[test]
fn the_command_line_lists_them() {
    for arguments in [
        &["help", "limits"] as &[&str],
        &["--help", "limits"],
        &["observe", "--help", "limits"],
    ] {
        let (code, page, _) = output(arguments);
        assert_eq!(code, 0, "{arguments:?}");
        for limit in Limits::default().list() {
            let row = page
                .lines()
                .find(|line| line.split(' ').next() == Some(&limit.name));
            let row = row.unwrap_or_else(|| panic!("{}: {page}", limit.name));
            for part in [limit.unit, &limit.value, &limit.meaning] {
                assert!(row.contains(part), "{row}");
            }
        }
    }
    let (code, help, _) = output(&["observe", "--help"]);
    assert!(code == 0 && help.contains("tollgate help limits"), "{help}");
}

/// `--fuel` takes what `--limit fuel=` takes.
#[test]
fn fuel_has_suffixes() {
    let run = |fuel: &str| output(&["observe", ECHO, "--config", "{}", "--fuel", fuel]);
    for enough in ["1e9", "5G", "1000000", "unlimited", "none"] {
        assert_eq!(run(enough).0, 0, "{enough}");
    }
    for (fuel, limit) in [("1e1", "10"), ("0.02k", "20")] {
        let (code, _, errors) = run(fuel);
        let said =
            errors.contains("ran out of fuel") && errors.contains(&format!("limit {limit})"));
        assert!(code == 3 && said, "{fuel}: {errors}");
    }
    for wrong in ["0", "5X", "-1", "1e-3", ""] {
        let (code, _, errors) = run(wrong);
        assert_eq!(code, 2, "{wrong}: {errors}");
    }
}

#[test]
fn each_takes_hold() {
    // What ends a call that is fine without the limit.
    for (limit, said) in [
        ("fuel=10", "ran out of fuel"),
        ("memory=64KiB", "memory"),
        ("host_calls=0", "host functions more than 0 times"),
        ("moved_bytes=10", "moved more than 10 bytes"),
        ("request_bytes=5", "limit of 5"),
        ("result_bytes=20", "more than the limit of 20"),
        ("module.functions=1", "functions"),
        ("module.bytes=1e2", "bytes"),
    ] {
        let (code, _, errors) = output(&[
            "observe",
            "fixtures/file/file.wasm",
            "--config",
            r#"{"path":"/nowhere"}"#,
            "--limit",
            limit,
        ]);
        assert!(
            code > 1 && errors.contains(said),
            "{limit}: {code} {errors}"
        );
    }
    let config = format!(r#"{{"text":"{}"}}"#, "x".repeat(5000));
    let cut = |flags: &[&str]| {
        let (code, evidence, _) =
            output(&[&["observe", ECHO, "--config", &config], flags].concat());
        assert_eq!(code, 0);
        evidence.contains("[TRUNCATED]")
    };
    assert!(!cut(&[]));
    assert!(cut(&["--limit", "evidence_bytes=1k"]));
    assert!(!cut(&[
        "--limit",
        "evidence_bytes=none",
        "--evidence-bytes",
        "1000"
    ]));
    assert!(cut(&[
        "--limit",
        "evidence_bytes=none",
        "--limit",
        "evidence_bytes=1KiB"
    ]));
}

#[test]
fn what_cannot_be_set_is_bad_input_that_says_why() {
    for (limit, said) in [
        ("fule=1", "unknown limit fule; did you mean fuel?"),
        ("result-bytes=1", "did you mean result_bytes?"),
        ("functions=1", "did you mean module.functions?"),
        ("frames=1", "did you mean stack.frames?"),
        ("zzzzzzzz=1", "unknown limit zzzzzzzz"),
        ("fuel", "NAME=VALUE"),
        ("fuel=0", "from 1 to"),
        ("fuel=5X", "1000, 1e9, 5G or 64MiB, or none"),
        ("result_bytes=none", "not \"none\""),
        ("result_bytes=5G", "to 4294967295"),
        ("memory=1", "from 65536"),
        ("deadline=5k", "500ms, 5s or 2min"),
        ("\u{1b}[2J=1", "unknown limit"),
    ] {
        let (code, _, errors) = output(&["observe", ECHO, "--limit", limit]);
        assert!(code == 2 && errors.contains(said), "{limit}: {errors}");
        assert!(!errors.contains('\u{1b}'), "{errors:?}");
    }
    let mut limits = Limits::default();
    let error = limits.set("zzzzzzzz", "1").unwrap_err();
    assert_eq!(
        error,
        InvalidLimit::Unknown {
            name: "zzzzzzzz".into(),
            nearest: None
        }
    );
    assert_eq!(limits, Limits::default());
}

/// Hashing a hundred megabytes takes two thirds of the fuel that a call has by default, and an answer of
/// forty is read.
#[test]
fn large_files_fit_into_the_defaults() {
    const MEGABYTE: usize = 1_000_000;
    let place = tempfile::NamedTempFile::new().unwrap();
    fs::write(place.path(), vec![7; MEGABYTE]).unwrap();
    let path = place.path().canonicalize().unwrap();
    let path = path.to_str().unwrap();
    let runtime = Runtime::builder()
        .grant("file", format!("fs:read:{path}").parse().unwrap())
        .build()
        .unwrap();
    let file = fs::read("fixtures/file/file.wasm").unwrap();
    let file = runtime.load("file", file).unwrap();
    let config = tollgate::Config::new().set("path", path).set("hash", true);
    let seen = file.observe(&config).unwrap();
    assert!(seen.evidence.status);
    let limits = Limits::default();
    let fuel = Option::<u64>::from(limits.fuel).unwrap();
    assert!(seen.usage.fuel * 100 < fuel / 3 * 2, "{}", seen.usage.fuel);
    let moved = seen.usage.bytes_in + seen.usage.bytes_out;
    assert!(moved * 100 < limits.moved_bytes * 2, "{moved}");

    let size: usize = 40 * MEGABYTE;
    let begin = r#"{"status":true,"data":{"size":40000000},"raw":""#;
    let guest = Guest {
        memory: "(memory (export \"memory\") 700)",
        observe: format!(
            "(memory.fill (i32.const {}) (i32.const 120) (i32.const {size}))
             (i32.store16 (i32.const {}) (i32.const 0x7d22)) {}",
            65_536 + begin.len(),
            65_536 + begin.len() + size,
            text_at(65_536, begin.len() + size + 2),
        ),
        more: data(65_536, begin),
        ..Guest::default()
    };
    let seen = guest.load().observe(&tollgate::Config::new()).unwrap();
    assert_eq!(seen.evidence.data["size"], size);
    assert!(seen.truncation.is_some());
}
