//! Validates JSON values against a JSON Schema: the keywords of draft 2020-12 that configs of
//! plugins use. The schema comes from an untrusted plugin: the cost of a validation is bounded, and
//! what the validator does not support is reported as a note.
//!
//! # What is covered
//!
//! * any value: `type`, `enum`, `const`, `$ref` within the document (`#`, `#/$defs/…`), `allOf`,
//!   `anyOf`, `oneOf`, `not`, `if`/`then`/`else`, and `true` and `false` as schemas;
//! * objects: `properties`, `required`, `additionalProperties`, `propertyNames`, `minProperties`,
//!   `maxProperties`, `dependentRequired`, `dependentSchemas`; with the feature `regex` also
//!   `patternProperties`;
//! * lists: `items`, `prefixItems`, `minItems`, `maxItems`, `uniqueItems`, `contains`,
//!   `minContains`, `maxContains`;
//! * numbers: `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf`;
//! * strings: `minLength`, `maxLength` in characters; with the feature `regex` also `pattern`.
//!
//! `title`, `description`, `default`, `examples`, `format`, `content…`, `x-…` and the like do not
//! affect validity. Any other keyword, such as `unevaluatedProperties` or a `$ref` to another
//! document, becomes a [note](Validation::notes), and so does a keyword with an invalid argument.
//!
//! The validator is our own: the maintained crates bring 50 to 60 dependencies, and none bounds
//! the cost of a hostile schema.
//!
//! # Cost
//!
//! Each validation, and each filling in of defaults, has one budget, patterns included: 100 million
//! steps, plus 16 for each byte of the schema and 512 for each byte of the value. A step takes
//! about a nanosecond in an optimised build. Compiled patterns take at most 16 MiB in total, and
//! schemas nest at most 160 deep, references included. Beyond a limit the result is
//! [`TooExpensive`], which does not say whether the value is valid.

mod budget;
mod check;
mod defaults;
#[cfg(feature = "regex")]
mod ecma;
#[cfg(test)]
mod growth;
mod keywords;
mod lists;
mod numbers;
mod objects;
#[cfg_attr(not(feature = "regex"), path = "no_pattern.rs")]
mod pattern;
mod reference;
mod scalars;
#[cfg(test)]
mod shapes;
mod words;

use crate::{printable::Text, room::json_len};
use alloc::vec::Vec;
use budget::NO_DEADLINE;
use serde_json::Value;

pub use crate::error::{TooExpensive, Violation, ViolationKind};
pub(crate) use budget::Budget;
pub(crate) use check::check;
pub(crate) use defaults::fill;
pub(crate) use pattern::PatternCache;

/// The result of a validation.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Validation {
    /// The first violations of the schema, at most 100.
    pub violations: Vec<Violation>,
    /// The parts of the schema that were not checked, and why; at most 100.
    pub notes: Vec<Text>,
}

impl Validation {
    /// Returns whether there are no violations.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.violations.is_empty()
    }

    /// Returns the violations that make the config one that no plugin can read as it is meant: values of
    /// a wrong type, or that are not allowed. The others the plugin decides.
    pub fn errors(&self) -> impl Iterator<Item = &Violation> {
        self.violations.iter().filter(|it| !it.kind.is_lenient())
    }
}

/// Validates a value against a schema.
///
/// ```
/// use serde_json::json;
/// use tollgate::schema::validate;
///
/// let schema = json!({"properties": {"port": {"type": "integer", "maximum": 65535}}});
/// let validation = validate(&schema, &json!({"port": 70000}))?;
/// assert_eq!(validation.violations[0].to_string(), "$.port: must be at most 65535");
/// # Ok::<(), tollgate::schema::TooExpensive>(())
/// ```
///
/// # Errors
///
/// [`TooExpensive`] if it costs more than [the budget](self#cost).
pub fn validate(schema: &Value, value: &Value) -> Result<Validation, TooExpensive> {
    let mut budget = Budget::new(json_len(schema), json_len(value), NO_DEADLINE);
    check(schema, value, &PatternCache::default(), &mut budget)
}

/// Adds missing properties that have a `default` in the schema, to the value itself and to the
/// objects and lists in it. Defaults under `$ref` and `allOf` apply; those under `anyOf`, `oneOf`
/// and `if` do not, because they are ambiguous.
///
/// ```
/// use serde_json::json;
/// use tollgate::schema::fill_defaults;
///
/// let mut value = json!({"tls": {}});
/// let port = json!({"properties": {"port": {"default": 443}}});
/// fill_defaults(&json!({"properties": {"tls": port, "retries": {"default": 3}}}), &mut value)?;
/// assert_eq!(value, json!({"tls": {"port": 443}, "retries": 3}));
/// # Ok::<(), tollgate::schema::TooExpensive>(())
/// ```
///
/// # Errors
///
/// [`TooExpensive`] if it costs more than [the budget](self#cost); the value may then have some
/// of the defaults.
pub fn fill_defaults(schema: &Value, value: &mut Value) -> Result<(), TooExpensive> {
    let mut budget = Budget::new(json_len(schema), json_len(value), NO_DEADLINE);
    fill(schema, value, &mut budget)
}
