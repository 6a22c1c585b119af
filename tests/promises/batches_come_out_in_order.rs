//! A batch of configs runs on all cores, returns its results in order, and holds a bounded number of
//! them at once.

use crate::support;

use std::{
    num::NonZero,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicUsize, Ordering},
};
use support::Guest;
use tollgate::{Config, ForkPolicy, Plugin, Runtime};

fn echo(runtime: &Runtime) -> Plugin {
    let echo = wat::parse_file("fixtures/wat/echo.wat").unwrap();
    runtime.load("echo", &echo).unwrap()
}

fn numbered(number: usize) -> Config {
    Config::new().set("n", number)
}

#[test]
fn results_are_in_the_order_of_the_configs() {
    for policy in [ForkPolicy::WhenPossible, ForkPolicy::Never] {
        let runtime = Runtime::builder().fork_policy(policy).build().unwrap();
        let mut next = 0;
        echo(&runtime).observe_many((0..2_000).map(numbered), None, |index, seen| {
            assert_eq!(index, next);
            assert_eq!(seen.unwrap().evidence.data["n"], next);
            next += 1;
            ControlFlow::Continue(())
        });
        assert_eq!(next, 2_000);
    }
}

#[test]
fn no_config_is_no_result() {
    let runtime = Runtime::new().unwrap();
    let none: [Config; 0] = [];
    echo(&runtime).observe_many(none, None, |_, _| panic!("there is nothing"));
}

#[test]
fn a_failure_is_a_result_among_others() {
    // Traps on configs that are longer than `{"n":1}`.
    let honest = Guest::default();
    let guest = Guest {
        observe: format!(
            "(if (i32.gt_u (local.get $len) (i32.const 7)) (then unreachable)) {}",
            honest.observe
        ),
        ..honest
    };
    let runtime = Runtime::new().unwrap();
    let plugin = guest.load_in(&runtime);
    let mut outcomes = Vec::new();
    plugin.observe_many((0..100).map(numbered), None, |_, seen| {
        outcomes.push(seen.is_ok());
        ControlFlow::Continue(())
    });
    let expected: Vec<bool> = (0..100).map(|number| number < 10).collect();
    assert_eq!(outcomes, expected);
}

#[test]
fn configs_are_not_taken_long_before_their_results_are_told() {
    let runtime = Runtime::new().unwrap();
    let (taken, told) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let most = std::thread::available_parallelism().unwrap().get() * 16;
    let configs = (0..1_000).map(|number| {
        let ahead = taken.fetch_add(1, Ordering::SeqCst) - told.load(Ordering::SeqCst);
        assert!(ahead <= most, "{ahead}");
        numbered(number)
    });
    echo(&runtime).observe_many(configs, None, |_, seen| {
        assert!(seen.is_ok());
        told.fetch_add(1, Ordering::SeqCst);
        ControlFlow::Continue(())
    });
    assert_eq!(told.into_inner(), 1_000);
}

#[test]
fn a_panic_of_the_callers_ends_the_batch() {
    let runtime = Runtime::new().unwrap();
    let plugin = echo(&runtime);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        plugin.observe_many((0..10_000).map(numbered), None, |_, _| panic!("enough"));
    }));
    assert!(ended.is_err());
    let broken = (0..10_000).map(|number| {
        assert!(number < 20, "no more");
        numbered(number)
    });
    let mut told = 0;
    let ended = catch_unwind(AssertUnwindSafe(|| {
        plugin.observe_many(broken, None, |_, _| {
            told += 1;
            ControlFlow::Continue(())
        });
    }));
    assert!(ended.is_err() && told <= 20);
    assert!(plugin.observe(&numbered(1)).is_ok());
}

#[test]
fn a_batch_stops_when_its_results_are_no_longer_wanted() {
    let plugin = echo(&Runtime::new().unwrap());
    for threads in [1, 2, 8] {
        let threads = NonZero::new(threads).unwrap();
        let (mut reported, taken) = (Vec::new(), AtomicUsize::new(0));
        let configs = (0..).map(|number| {
            taken.fetch_add(1, Ordering::SeqCst);
            numbered(number)
        });
        plugin.observe_many(configs, threads, |index, seen| {
            assert_eq!(seen.unwrap().evidence.data["n"], index);
            reported.push(index);
            match index {
                9 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
        assert_eq!(reported, (0..10).collect::<Vec<_>>());
        // Those that were taken ahead, and one in the hands of each thread.
        assert!(taken.into_inner() <= 10 + 17 * threads.get());
    }
}
