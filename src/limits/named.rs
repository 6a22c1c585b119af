//! Limits by name and as text, for command lines and settings files. The table is made where the limits
//! are declared, by `limits!`.

use super::{
    FuelLimit, Limits, MemoryLimit, PAGE_BYTES,
    numbers::{MULTIPLES, TIMES, parse, shown},
};
use crate::printable::Text;
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::time::Duration;
use serde::Serialize;

/// One limit as text, see [`Limits::list`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NamedLimit {
    /// The name that [`Limits::set`] takes: that of the field, such as `fuel` or `stack.frames`.
    pub name: String,
    /// What is counted, such as `bytes`.
    pub unit: &'static str,
    /// The value, such as `64 MiB` or `none`.
    pub value: String,
    /// What is limited, in one sentence.
    pub meaning: String,
}

/// Why [`Limits::set`] changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLimit {
    /// There is no limit of this name.
    #[error("unknown limit {name}{}", suggestion(.nearest))]
    Unknown {
        /// The name.
        name: Text,
        /// The limit with the most similar name, if there is a similar one.
        nearest: Option<Text>,
    },
    /// The text is no value for this limit.
    #[error("the limit {name} is {expected}, not \"{value}\"")]
    Value {
        /// The limit.
        name: Text,
        /// The text.
        value: Text,
        /// What the limit takes.
        expected: Text,
    },
}

fn suggestion(nearest: &Option<Text>) -> String {
    let suggest = |name| format!("; did you mean {name}?");
    nearest.as_ref().map(suggest).unwrap_or_default()
}

impl Limits {
    /// Every limit with its unit, value and meaning, those of modules included.
    #[must_use]
    pub fn list(&self) -> Vec<NamedLimit> {
        let mut limits = self.clone();
        let settings = limits.settings();
        let listed = settings.into_iter().map(|setting| NamedLimit {
            value: shown(setting.amount.get(), setting.unit),
            meaning: first_sentence(setting.documentation),
            unit: setting.unit,
            name: setting.name,
        });
        listed.collect()
    }

    /// Sets the limit of this name to a number of its unit, such as `1000`, `1e9`, `5G` (decimal) or
    /// `64MiB` (binary). A deadline also takes `500ms`, `5s` or `2min`. `none` is no limit, where there
    /// can be none.
    ///
    /// ```
    /// use tollgate::Limits;
    ///
    /// let mut limits = Limits::default();
    /// limits.set("result_bytes", "1MiB")?;
    /// limits.set("stack.frames", "1e3")?;
    /// assert_eq!((limits.result_bytes, limits.stack.frames), (1 << 20, 1000));
    /// let error = limits.set("reslt_bytes", "1").unwrap_err();
    /// assert_eq!(error.to_string(), "unknown limit reslt_bytes; did you mean result_bytes?");
    /// # Ok::<(), tollgate::InvalidLimit>(())
    /// ```
    ///
    /// # Errors
    ///
    /// An unknown name, or a value that the limit cannot have. Nothing is changed then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), InvalidLimit> {
        let mut settings = self.settings();
        let Some(setting) = settings.iter_mut().find(|setting| setting.name == name) else {
            let names = settings.iter().map(|setting| setting.name.as_str());
            return Err(InvalidLimit::Unknown {
                nearest: nearest(name, names).map(Text::from),
                name: name.into(),
            });
        };
        let is_time = setting.unit == MILLISECONDS;
        let amount = match value {
            "none" | "unlimited" => Some(None),
            _ => parse(value, if is_time { &TIMES } else { &MULTIPLES }).map(Some),
        };
        let set = amount.is_some_and(|amount| setting.amount.put(amount));
        set.then_some(()).ok_or_else(|| {
            let (least, most) = setting.amount.range();
            let examples = if is_time {
                "500ms, 5s or 2min"
            } else {
                "1000, 1e9, 5G or 64MiB"
            };
            let none = if setting.amount.may_be_none() {
                ", or none"
            } else {
                ""
            };
            InvalidLimit::Value {
                name: setting.name.as_str().into(),
                value: value.into(),
                expected: format!(
                    "a number of {} from {least} to {most}, such as {examples}{none}",
                    setting.unit
                )
                .into(),
            }
        })
    }
}

/// Limits that belong together.
pub(super) trait Group {
    fn settings(&mut self) -> Vec<Setting<'_>>;
}

/// One limit that can be set.
pub(super) struct Setting<'a> {
    pub(super) name: String,
    pub(super) unit: &'static str,
    pub(super) documentation: &'static str,
    pub(super) amount: &'a mut dyn Amount,
}

/// The unit of a deadline.
const MILLISECONDS: &str = "milliseconds";

/// The value of a limit, in its unit; `None` is no limit.
pub(super) trait Amount {
    fn get(&self) -> Option<u64>;
    /// Returns whether the limit can have this value.
    fn put(&mut self, amount: Option<u64>) -> bool;
    fn range(&self) -> (u64, u64);
    fn may_be_none(&self) -> bool;
}

impl Amount for u64 {
    fn get(&self) -> Option<u64> {
        Some(*self)
    }
    fn put(&mut self, amount: Option<u64>) -> bool {
        amount.map(|amount| *self = amount).is_some()
    }
    fn range(&self) -> (u64, u64) {
        (0, u64::MAX)
    }
    fn may_be_none(&self) -> bool {
        false
    }
}

impl Amount for u32 {
    fn get(&self) -> Option<u64> {
        Some((*self).into())
    }
    fn put(&mut self, amount: Option<u64>) -> bool {
        let amount = amount.and_then(|amount| u32::try_from(amount).ok());
        amount.map(|amount| *self = amount).is_some()
    }
    fn range(&self) -> (u64, u64) {
        (0, u32::MAX.into())
    }
    fn may_be_none(&self) -> bool {
        false
    }
}

/// As in JSON, 0 is no limit.
impl Amount for Option<u32> {
    fn get(&self) -> Option<u64> {
        self.map(u64::from)
    }
    fn put(&mut self, amount: Option<u64>) -> bool {
        let amount = amount.filter(|amount| *amount > 0).map(u32::try_from);
        amount.transpose().map(|amount| *self = amount).is_ok()
    }
    fn range(&self) -> (u64, u64) {
        (1, u32::MAX.into())
    }
    fn may_be_none(&self) -> bool {
        true
    }
}

/// In milliseconds; 0 is no deadline.
impl Amount for Option<Duration> {
    fn get(&self) -> Option<u64> {
        self.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }
    fn put(&mut self, amount: Option<u64>) -> bool {
        *self = amount
            .filter(|amount| *amount > 0)
            .map(Duration::from_millis);
        true
    }
    fn range(&self) -> (u64, u64) {
        (1, u64::MAX)
    }
    fn may_be_none(&self) -> bool {
        true
    }
}

impl Amount for FuelLimit {
    fn get(&self) -> Option<u64> {
        (*self).into()
    }
    fn put(&mut self, amount: Option<u64>) -> bool {
        let allowed = amount != Some(0);
        if allowed {
            *self = amount.into();
        }
        allowed
    }
    fn range(&self) -> (u64, u64) {
        (1, u64::MAX)
    }
    fn may_be_none(&self) -> bool {
        true
    }
}

/// In bytes, of which whole pages count. No limit is all that 32 bits reach.
impl Amount for MemoryLimit {
    fn get(&self) -> Option<u64> {
        Some(self.bytes()).filter(|_| *self != MemoryLimit::UNLIMITED)
    }
    fn put(&mut self, amount: Option<u64>) -> bool {
        let (least, most) = self.range();
        let bytes = amount.unwrap_or(most);
        if !(least..=most).contains(&bytes) {
            return false;
        }
        let pages = u32::try_from(bytes / PAGE_BYTES);
        pages
            .map(|pages| *self = MemoryLimit::from_pages(pages))
            .is_ok()
    }
    fn range(&self) -> (u64, u64) {
        (PAGE_BYTES, MemoryLimit::UNLIMITED.bytes())
    }
    fn may_be_none(&self) -> bool {
        true
    }
}

/// The first sentence of documentation, without its full stop.
fn first_sentence(documentation: &str) -> String {
    let text = documentation.trim();
    let end = text.find(". ").unwrap_or(text.len());
    let sentence = text.get(..end).unwrap_or_default();
    sentence.trim_end_matches('.').to_owned()
}

/// Longer names are similar to none.
const LONGEST_NAME: usize = 64;

/// The most similar name, if there is a similar one: of the whole, or of its part after a dot.
fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if wanted.len() > LONGEST_NAME {
        return None;
    }
    let distance_to = |name: &str| {
        let part = name.rsplit('.').next().unwrap_or_default();
        distance(wanted, name).min(distance(wanted, part))
    };
    let (least, name) = names
        .map(|name| (distance_to(name), name))
        .min_by_key(|(distance, _)| *distance)?;
    (least <= 1 + wanted.len() / 4).then_some(name)
}

/// How many characters must be inserted, removed or replaced to turn one text into the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (at, character) in one.chars().enumerate() {
        let mut left = at + 1;
        let mut diagonal = at;
        let mut next = vec![left];
        for (above, known) in row.iter().skip(1).zip(other.chars()) {
            let replaced = diagonal + usize::from(character != known);
            left = replaced.min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn distances_count_edits() {
        for (one, other, edits) in [
            ("", "ab", 2),
            ("fule", "fuel", 2),
            ("abc", "abc", 0),
            ("abc", "xbcd", 2),
        ] {
            assert_eq!(distance(one, other), edits);
            assert_eq!(distance(other, one), edits);
        }
    }

    proptest! {
        #[test]
        fn what_is_listed_can_be_set(amounts in proptest::collection::vec(1_u64..4_000_000_000, 64)) {
            let mut limits = Limits::default();
            let names: Vec<String> = limits.list().into_iter().map(|limit| limit.name).collect();
            prop_assert!(names.len() > 30 && names.len() <= amounts.len());
            for (name, amount) in names.iter().zip(&amounts) {
                let set = limits.set(name, &amount.to_string());
                prop_assert!(set.is_ok() || name == "memory", "{name}: {set:?}");
            }
            let mut same = Limits::default();
            for limit in limits.list() {
                prop_assert!(same.set(&limit.name, &limit.value.replace(' ', "")).is_ok(), "{limit:?}");
            }
            prop_assert_eq!(same, limits);
        }

        #[test]
        fn any_text_is_a_value_or_an_error(name in "\\PC{0,80}", value in "\\PC{0,80}") {
            let mut limits = Limits::default();
            let _ = limits.set(&name, &value);
            let _ = limits.set("fuel", &value);
            let _ = limits.set("deadline", &value);
        }
    }
}
