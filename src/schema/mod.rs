//! Whether a value is as a JSON Schema says: the keywords of draft 2020-12 that configs of plugins
//! use. The schema comes from a plugin and is trusted with nothing: what it can make us do is
//! bounded, what cannot be understood is noted and passes.
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
//! `title`, `description`, `default`, `examples`, `format`, `content…`, `x-…` and the like say
//! nothing about validity. Any other keyword, such as `unevaluatedProperties` or a `$ref` to
//! another document, is a [note](Validation::notes), and so is a keyword whose own value makes no
//! sense.
//!
//! Own code rather than a crate: the well-kept validators bring 50 to 60 crates for what plugins
//! use a tenth of, and none bounds what a hostile schema costs.
//!
//! # Cost
//!
//! One budget holds for a whole validation, patterns and the filling in of defaults included:
//! 100 million steps, 16 more for each byte of the schema and 512 more for each byte of the value.
//! A step is about a nanosecond of an optimised build. Compiled patterns have at most 16 MiB
//! together, and schemas nest at most 160 deep, references included. What would go beyond is
//! [`TooExpensive`], whatever was found so far: neither valid nor invalid.

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
use budget::{Budget, Late, NEVER_LATE};
use serde_json::Value;

pub use crate::error::{TooExpensive, Violation};
pub(crate) use pattern::PatternCache;

/// What a validation found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Validation {
    /// Everything that is not as the schema says, in the order of the value; at most 100.
    pub violations: Vec<Violation>,
    /// What of the schema was not checked, and why; at most 100.
    pub notes: Vec<Text>,
}

impl Validation {
    /// Whether there is no violation.
    pub fn is_valid(&self) -> bool {
        self.violations.is_empty()
    }
}

/// Holds a value against a schema.
///
/// ```
/// use serde_json::json;
/// use tollgate::schema::validate;
///
/// let schema = json!({"properties": {"port": {"type": "integer", "maximum": 65535}}});
/// let found = validate(&schema, &json!({"port": 70000}))?;
/// assert_eq!(found.violations[0].to_string(), "$.port: must be at most 65535");
/// # Ok::<(), tollgate::schema::TooExpensive>(())
/// ```
///
/// # Errors
///
/// [`TooExpensive`] if it would cost more than [the budget](self#cost).
pub fn validate(schema: &Value, value: &Value) -> Result<Validation, TooExpensive> {
    validate_within(schema, value, &PatternCache::default(), NEVER_LATE)
}

/// The same with patterns that are kept for other validations, and a check for a deadline.
pub(crate) fn validate_within(
    schema: &Value,
    value: &Value,
    patterns: &PatternCache,
    late: Late<'_>,
) -> Result<Validation, TooExpensive> {
    let mut budget = Budget::new(json_len(schema), json_len(value), late);
    check::run(schema, value, patterns, &mut budget)
}

/// Adds what is missing in a value and has a `default` in the schema: at the top, and in the
/// objects that are there, also within lists. Defaults under `$ref` and `allOf` count;
/// those under `anyOf`, `oneOf` and `if` do not, as nobody knows which would apply.
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
/// [`TooExpensive`] if it would cost more than [the budget](self#cost); the value may then have
/// some of the defaults.
pub fn fill_defaults(schema: &Value, value: &mut Value) -> Result<(), TooExpensive> {
    fill_defaults_within(schema, value, NEVER_LATE)
}

/// The same with a check for a deadline.
pub(crate) fn fill_defaults_within(
    schema: &Value,
    value: &mut Value,
    late: Late<'_>,
) -> Result<(), TooExpensive> {
    let mut budget = Budget::new(json_len(schema), json_len(value), late);
    defaults::fill(schema, value, &mut budget)
}
