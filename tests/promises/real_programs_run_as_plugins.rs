//! Programs that were written for other systems run as plugins, unchanged: SQLite on real and simulated
//! files, and QuickJS. Their sources come from a registry, and zig compiles them (`fixtures/build.sh`).

use crate::support;

use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::Command,
    sync::{Mutex, OnceLock},
};
use tollgate::{Config, Error, Fault, Grants, Plugin, Runtime, RuntimeBuilder, world::Simulated};

/// The module of a fixture, built once in a run; `None` where it cannot be built.
fn built(fixture: &str, module: &'static OnceLock<Vec<u8>>) -> Option<&'static [u8]> {
    // Two builds at once would only wait for each other.
    static BUILDING: Mutex<()> = Mutex::new(());
    let zig = support::needs::needs("zig")?;
    if !support::needs::needs_sources(fixture) {
        return None;
    }
    let build = || {
        let _building = BUILDING.lock().unwrap();
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real-programs");
        fs::create_dir_all(&directory).unwrap();
        let output = Command::new("sh")
            .args(["fixtures/build.sh", fixture])
            .env("OUT", &directory)
            .env("ZIG", zig)
            .env("CARGO_NET_OFFLINE", "true")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{fixture}: {said}");
        fs::read(directory.join(format!("{fixture}.wasm"))).unwrap()
    };
    Some(module.get_or_init(build))
}

fn sqlite() -> Option<&'static [u8]> {
    static MODULE: OnceLock<Vec<u8>> = OnceLock::new();
    built("sqlite", &MODULE)
}

fn quickjs() -> Option<&'static [u8]> {
    static MODULE: OnceLock<Vec<u8>> = OnceLock::new();
    built("quickjs", &MODULE)
}

fn load(builder: RuntimeBuilder, module: &[u8], grants: &[String]) -> Plugin {
    let mut given = Grants::new();
    let parsed = grants.iter().map(|grant| grant.parse().unwrap());
    given.extend("plugin", parsed);
    let runtime = builder.grants(given).build().unwrap();
    runtime.load("plugin", module).unwrap()
}

/// What reading a database needs: the file. SQLite checks the directories above it for links, which needs
/// no grant.
fn reading(database: &str) -> Vec<String> {
    vec![format!("fs:read:{database}")]
}

/// What writing needs beside: the file, and its journal.
fn writing(database: &str) -> Vec<String> {
    let mut grants = reading(database);
    grants.extend([
        format!("fs:read:{database}-journal"),
        format!("fs:write:{database}"),
        format!("fs:write:{database}-journal"),
    ]);
    grants
}

fn ask(plugin: &Plugin, config: Value) -> Result<Value, String> {
    let config = Config::try_from(config).unwrap();
    let evidence = plugin.observe(&config).unwrap().evidence;
    match evidence.error {
        None => Ok(Value::Object(evidence.data)),
        Some(error) => Err(error.message),
    }
}

const MAKE: &str = "
    CREATE TABLE book(id INTEGER PRIMARY KEY, title TEXT NOT NULL, price REAL, cover BLOB);
    INSERT INTO book(title, price, cover) VALUES
        ('A \"quoted\" title', 12.5, x'00ff'), ('Žluťoučký kůň', NULL, NULL), ('Third', 3, zeroblob(70000));
    CREATE INDEX by_title ON book(title);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500)
        INSERT INTO book(title, price) SELECT printf('book %04d', i), i * 0.25 FROM n;
    BEGIN; DELETE FROM book; ROLLBACK;
    PRAGMA integrity_check";

const QUERY: &str = "SELECT (SELECT count(*) FROM book) AS books, sum(price) AS sum, title, cover
    FROM book WHERE title NOT LIKE 'book %' GROUP BY id ORDER BY price DESC NULLS LAST, title LIMIT 3";

fn rows() -> Value {
    json!({"rows": [
        {"books": 503, "sum": 12.5, "title": "A \"quoted\" title", "cover": {"bytes": 2}},
        {"books": 503, "sum": 3, "title": "Third", "cover": {"bytes": 70000}},
        {"books": 503, "sum": null, "title": "Žluťoučký kůň", "cover": null},
    ]})
}

fn query(database: &str, query: &str, write: bool) -> Value {
    json!({"database": database, "query": query, "write": write})
}

#[test]
fn sqlite_makes_and_reads_a_real_database() {
    let Some(module) = sqlite() else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("books.db");
    let database = path.to_str().unwrap();
    let writer = load(Runtime::builder(), module, &writing(database));
    let made = ask(&writer, query(database, MAKE, true));
    assert_eq!(made, Ok(json!({"rows": [{"integrity_check": "ok"}]})));
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.starts_with(b"SQLite format 3\0"));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);

    let reader = load(Runtime::builder(), module, &reading(database));
    assert_eq!(ask(&reader, query(database, QUERY, false)), Ok(rows()));
    // Nothing but the database, and not for writing.
    for (other, sql, write) in [
        (database, "DELETE FROM book", true),
        (database, "DELETE FROM book", false),
        ("/etc/passwd", "SELECT * FROM sqlite_schema", false),
        (&format!("{database}2"), "CREATE TABLE t(x)", true),
    ] {
        let answer = ask(&reader, query(other, sql, write));
        assert!(answer.is_err(), "{other} {sql}: {answer:?}");
    }
    assert_eq!(fs::read(&path).unwrap(), bytes);

    // The same file in a simulated world is the same database.
    let world = Simulated::new().file("/data/books.db", bytes);
    let builder = Runtime::builder().world(move || world.clone());
    let simulated = load(builder, module, &reading("/data/books.db"));
    let answer = ask(&simulated, query("/data/books.db", QUERY, false));
    assert_eq!(answer, Ok(rows()));
}

#[test]
fn sqlite_writes_in_a_simulated_world_the_same_every_time() {
    let Some(module) = sqlite() else { return };
    let run = || {
        let world = Simulated::new().directory("/data");
        let builder = Runtime::builder().world(move || world.clone());
        let plugin = load(builder, module, &writing("/data/books.db"));
        let config = query("/data/books.db", &format!("{MAKE}; {QUERY}"), true);
        let seen = plugin.observe(&Config::try_from(config).unwrap()).unwrap();
        assert!(seen.evidence.status, "{:?}", seen.evidence.error);
        (Value::Object(seen.evidence.data), seen.usage.fuel)
    };
    let first = run();
    assert_eq!(first.0, rows());
    assert_eq!(first, run());
}

#[test]
fn quickjs_runs_scripts_and_keeps_to_its_limits() {
    let Some(module) = quickjs() else { return };
    let plugin = load(Runtime::builder(), module, &[]);
    let script = r"
        const words = input.text.match(/[\p{L}]+/gu);
        class Counter extends Map { add(key) { this.set(key, (this.get(key) ?? 0) + 1); return this } }
        const counted = words.reduce((counter, word) => counter.add(word), new Counter());
        ({ counted: Object.fromEntries(counted), power: String(3n ** 90n), half: 0.1 + 0.2 })";
    let config = json!({"script": script, "input": {"text": "jeden dva jeden žlutý"}});
    let expected = json!({"value": {
        "counted": {"jeden": 2, "dva": 1, "žlutý": 1},
        "power": "8727963568087712425891397479476727340041449",
        "half": 0.30000000000000004,
    }});
    assert_eq!(ask(&plugin, config), Ok(expected));
    let error = ask(&plugin, json!({"script": "null.x"})).unwrap_err();
    assert!(error.contains("TypeError"), "{error}");

    // What a script does wrong ends its own call, and no other.
    let endless = Config::try_from(json!({"script": "for (;;);"})).unwrap();
    let limited = load(Runtime::builder().fuel(20_000_000), module, &[]);
    match limited.observe(&endless) {
        Err(Error::Fault {
            fault: Fault::OutOfFuel { .. },
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    let recursion = json!({"script": "(function f() { return f() + 1 })()"});
    let recursion = Config::try_from(recursion).unwrap();
    assert!(matches!(
        plugin.observe(&recursion),
        Err(Error::Fault { .. })
    ));
    assert_eq!(
        ask(&plugin, json!({"script": "6 * 7"})),
        Ok(json!({"value": 42}))
    );
}
