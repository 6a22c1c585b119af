//! A denial suggests a grant that also matches what the plugin requests in the same place when it runs
//! again: files beside a granted one, and files whose names are made up in each run. Which parts of a
//! name vary is tested in the library.

use crate::support::preview1;

use preview1::*;
use serde_json::Value;

/// What a database does with the one file that is granted to it, and with a temporary one.
fn use_a_database(script: &mut Script, made_up: &str, errno: u16) {
    let missing = |script: &mut Script, name: &str| {
        let (path, len) = script.at(name);
        let stat = [ROOT, 0, path, len, SCRATCH];
        script.expect(
            "path_filestat_get",
            &stat,
            if errno == 0 { NOENT } else { errno },
        );
    };
    script.open("app.db", 0, BOTH, 0, 0);
    missing(script, "app.db-wal");
    missing(script, made_up);
    for name in ["app.db-journal", made_up] {
        script.open(name, CREAT | EXCL, BOTH, 0, errno);
        let (path, len) = script.at(name);
        script.expect("path_unlink_file", &[ROOT, path, len], errno);
    }
}

#[test]
fn a_database_needs_the_suggested_grants_once() {
    let names = ["app.db", "secret"];
    let mut grants = vec![
        "fs:read:@/app.db".to_owned(),
        "fs:write:@/app.db".to_owned(),
    ];
    let given = |grants: &[String], made_up: &str, errno| {
        let grants: Vec<&str> = grants.iter().map(String::as_str).collect();
        in_both_worlds(&names, &grants, |script| {
            use_a_database(script, made_up, errno)
        })
    };
    // Denied; and denied again for another file, since each operation is denied by itself.
    for event in given(&grants, "etilqs_5f0e2d91c3b4a687", ACCES) {
        let event: Value = serde_json::from_str(&event).unwrap();
        if let Some(needs) = event["needs"].as_str() {
            grants.push(needs.to_owned());
        }
    }
    grants.sort();
    grants.dedup();
    assert_eq!(
        grants,
        [
            "fs:read:@/app.db",
            "fs:read:@/app.db-*",
            "fs:read:@/etilqs_*",
            "fs:write:@/app.db",
            "fs:write:@/app.db-*",
            "fs:write:@/etilqs_*",
        ]
    );
    assert_eq!(given(&grants, "etilqs_0a1b2c3d4e5f6071", 0), [""; 0]);
    in_both_worlds(
        &names,
        &grants.iter().map(String::as_str).collect::<Vec<_>>(),
        |script| script.open("secret", 0, READING, 0, ACCES),
    );
}
