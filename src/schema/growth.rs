//! How the steps of a validation grow with the bytes of a schema and a value.

use super::{
    TooExpensive,
    budget::{Budget, NO_DEADLINE},
    check, fill,
    pattern::PatternCache,
    shapes::{self, Shape},
};
use crate::room::json_len;
use core::{cell::Cell, time::Duration};
use serde_json::Value;

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// The steps that every validation has, however short.
const ANY: u64 = 100_000_000;

type Work = fn(&Value, &mut Value, &mut Budget<'_>) -> Result<(), TooExpensive>;

fn validate(
    schema: &Value,
    value: &mut Value,
    budget: &mut Budget<'_>,
) -> Result<(), TooExpensive> {
    check(schema, value, &PatternCache::default(), budget).map(drop)
}

/// The steps for a shape of each size, never more than the budget, and how it ended.
fn grown(shape: Shape, work: Work) -> Vec<(u64, Result<(), TooExpensive>)> {
    let runs = SIZES.iter().map(|size| {
        let (schema, mut value) = shape(*size);
        let (own, given) = (json_len(&schema), json_len(&value));
        let mut budget = Budget::new(own, given, NO_DEADLINE);
        let result = work(&schema, &mut value, &mut budget);
        let most = ANY + 16 * own as u64 + 512 * given as u64;
        assert!(budget.spent() <= most, "{} steps", budget.spent());
        (budget.spent(), result)
    });
    runs.collect()
}

#[test]
fn what_is_proportional_is_far_from_the_budget() {
    for (name, shape) in shapes::PROPORTIONAL {
        let runs = grown(*shape, validate);
        for pair in runs.windows(2) {
            let [(less, _), (more, outcome)] = pair else {
                panic!("{name}")
            };
            assert_eq!(*outcome, Ok(()), "{name}");
            assert!(*more <= 11 * less, "{name}: {less} steps, then {more}");
        }
        assert!(runs.iter().all(|(steps, _)| *steps < ANY), "{name}");
    }
}

fn grows_linearly_or_ends_in_an_error(shapes: &[(&str, Shape)], work: Work) {
    for (name, shape) in shapes {
        let runs = grown(*shape, work);
        let [.., (less, _), (more, last)] = runs.as_slice() else {
            panic!("{name}")
        };
        assert!(last.is_err() || *more <= 11 * less, "{name}: {more} steps");
    }
}

#[test]
fn products_of_schema_and_value_end_in_an_error() {
    grows_linearly_or_ends_in_an_error(shapes::PRODUCTS, validate);
}

#[test]
fn so_do_defaults() {
    grows_linearly_or_ends_in_an_error(shapes::DEFAULTS, fill);
}

#[test]
fn a_deadline_ends_it_before_the_budget() {
    let limit = Duration::from_millis(7);
    for (_, shape) in shapes::PRODUCTS {
        let checks = Cell::new(0);
        let expired = || {
            checks.set(checks.get() + 1);
            (checks.get() > 3).then_some(limit)
        };
        let (schema, mut value) = shape(100_000);
        let mut budget = Budget::new(json_len(&schema), json_len(&value), &expired);
        let outcome = validate(&schema, &mut value, &mut budget);
        match outcome {
            Err(TooExpensive::Deadline { limit: reported }) => assert_eq!(reported, limit),
            _ => assert!(checks.get() <= 3, "{outcome:?}"),
        }
        assert!(budget.spent() < 10_000_000);
    }
}

#[cfg(feature = "regex")]
#[test]
fn so_do_patterns() {
    grows_linearly_or_ends_in_an_error(shapes::PATTERNS, validate);
}
