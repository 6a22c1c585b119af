//! Every call has its own instance. Parallel calls, loads and queries neither disturb nor repeat each
//! other.

use crate::support;

use serde_json::json;
use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use support::Guest;
use tollgate::{Config, Event, ModuleCache, Plugin, Runtime};

const THREADS: usize = 50;

/// Runs `work` in all threads, started as close together as a barrier can.
fn together<T: Send>(work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(THREADS);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(number)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn echo() -> Vec<u8> {
    wat::parse_file("fixtures/wat/echo.wat").unwrap()
}

#[test]
fn handles_may_cross_threads() {
    fn check<T: Send + Sync + Clone + 'static>() {}
    check::<Runtime>();
    check::<Plugin>();
    check::<ModuleCache>();
}

#[test]
fn fifty_threads_get_their_own_answers() {
    let plugin = Runtime::new().unwrap().load("echo", echo()).unwrap();
    let right = together(|number| {
        (0..20).all(|round| {
            let config = Config::new().set("thread", number).set("round", round);
            let seen = plugin.observe(&config).unwrap();
            seen.evidence.data == *config.values()
        })
    });
    assert!(right.into_iter().all(|right| right));
}

#[test]
fn fifty_threads_loading_one_name_compile_it_once() {
    let cache = ModuleCache::new();
    let runtime = Runtime::builder()
        .module_cache(cache.clone())
        .build()
        .unwrap();
    let bytes = echo();
    together(|_| runtime.load("echo", &bytes).unwrap());
    assert_eq!(cache.compilations(), 1);
    assert_eq!(runtime.plugins(), ["echo"]);
}

#[test]
fn names_and_runtimes_share_a_module_and_nobody_keeps_it() {
    let cache = ModuleCache::new();
    let runtimes: Vec<Runtime> = (0..5)
        .map(|_| {
            Runtime::builder()
                .module_cache(cache.clone())
                .build()
                .unwrap()
        })
        .collect();
    let bytes = echo();
    together(|number| {
        runtimes[number % 5]
            .load(&format!("plugin/{}", number % 10), &bytes)
            .unwrap()
    });
    assert_eq!((cache.compilations(), cache.len()), (1, 1));
    runtimes[0].load("odd", Guest::default().bytes()).unwrap();
    assert_eq!((cache.compilations(), cache.len()), (2, 2));
    runtimes[0].close();
    assert_eq!(cache.len(), 1);
    drop(runtimes);
    assert!(cache.is_empty());
}

#[test]
fn a_name_belongs_to_its_bytes() {
    let runtime = Runtime::new().unwrap();
    let first = runtime.load("p", echo()).unwrap();
    let again = runtime.load("p", echo()).unwrap();
    assert_eq!(first.name(), again.name());
    let message = runtime
        .load("p", Guest::default().bytes())
        .map(|_| ())
        .unwrap_err()
        .report();
    assert!(
        message.contains("plugin p: the name is taken by a plugin with other bytes"),
        "{message}"
    );
    runtime.close();
    assert!(runtime.plugin("p").is_none());
    assert!(runtime.load("p", Guest::default().bytes()).is_ok());
    assert!(
        first.observe(&Config::new()).is_ok(),
        "a handle outlives close"
    );
}

#[test]
fn a_failed_load_takes_no_name() {
    let runtime = Runtime::new().unwrap();
    assert!(runtime.load("p", b"not wasm").is_err());
    assert!(runtime.plugin("p").is_none());
    assert!(runtime.plugins().is_empty());
    assert!(runtime.load("p", echo()).is_ok());
}

#[test]
fn what_is_not_loaded_is_not_found() {
    let runtime = Runtime::new().unwrap();
    assert!(runtime.plugin("nonexistent").is_none());
    assert_eq!(
        runtime.schema("nonexistent").unwrap_err().report(),
        "plugin nonexistent not loaded; call load first"
    );
    runtime.load("echo", echo()).unwrap();
    assert_eq!(
        runtime.schema("echo").unwrap().raw(),
        r#"{"type":"object"}"#
    );
}

/// A plugin that logs each time it is asked to describe itself.
fn talkative() -> Guest {
    let honest = Guest::default();
    Guest {
        imports: "(import \"reglet_host\" \"log_message\" (func $log (param i64)))",
        describe: format!(
            "(call $log {}) {}",
            support::text_at(300, 2),
            honest.describe
        ),
        ..honest
    }
}

#[test]
fn parallel_first_questions_run_the_guest_once() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = runs.clone();
    let runtime = Runtime::builder()
        .on_event(move |_, event| {
            if matches!(event, Event::Log(_)) {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        })
        .build()
        .unwrap();
    let plugin = talkative().load_in(&runtime);
    let names = together(|_| plugin.describe().unwrap().name.clone());
    assert!(names.iter().all(|name| name == "odd"));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[test]
fn a_failed_question_is_asked_again() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = runs.clone();
    let runtime = Runtime::builder()
        .on_event(move |_, _| {
            counter.fetch_add(1, Ordering::SeqCst);
        })
        .build()
        .unwrap();
    let guest = Guest {
        describe: format!("(call $log {}) unreachable", support::text_at(300, 2)),
        ..talkative()
    };
    let plugin = guest.load_in(&runtime);
    assert!(plugin.describe().is_err());
    assert!(plugin.describe().is_err());
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[test]
fn nothing_of_one_call_is_seen_by_the_next() {
    // Answers with a digit that is 0 unless a global or a byte of memory survived.
    let template = "{\"data\":{\"n\":\"?\"}}";
    let digit = 512 + template.find('?').unwrap();
    let guest = Guest {
        observe: format!(
            "(i32.store8 (i32.const {digit})
               (i32.add (i32.const 48)
                 (i32.add (global.get $calls) (i32.load8_u (i32.const 700)))))
             (global.set $calls (i32.const 1))
             (i32.store8 (i32.const 700) (i32.const 1))
             (call $pack (i32.const 512) (i32.const {}))",
            template.len()
        ),
        more: format!(
            "(global $calls (mut i32) (i32.const 0)) {}",
            support::data(512, template)
        ),
        ..Guest::default()
    };
    let plugin = guest.load();
    for _ in 0..3 {
        let seen = plugin.observe(&Config::new()).unwrap();
        assert_eq!(seen.evidence.data["n"], json!("0"));
    }
}
