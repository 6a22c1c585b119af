//! Keywords for lists.

use super::{
    keywords::{Halt, Keyword},
    numbers,
    scalars::as_count,
};
use crate::{error::ViolationKind, printable::counted};
use alloc::{borrow::ToOwned, collections::BTreeSet, string::String, vec::Vec};
use serde_json::Value;

/// Cost of one search in a set.
const SEARCH: usize = 128;

impl<'a> Keyword<'_, 'a, '_, '_, '_, '_> {
    /// Checks `prefixItems`, which apply to the first items, and `items`, which applies to the rest.
    /// An older draft gives `items` a list in place of `prefixItems`.
    pub(super) fn items(&mut self, argument: &'a Value, items: &[Value]) -> Result<(), Halt> {
        if let Value::Array(schemas) = argument {
            for (number, (schema, item)) in schemas.iter().zip(items).enumerate() {
                self.item(number, schema, item)?;
            }
            return Ok(());
        }
        if self.name == "prefixItems" {
            return Err(Halt::NotSupported);
        }
        let before = self.schema.get("prefixItems").and_then(Value::as_array);
        for (number, item) in items.iter().enumerate().skip(before.map_or(0, Vec::len)) {
            self.item(number, argument, item)?;
        }
        Ok(())
    }

    fn item(&mut self, number: usize, schema: &'a Value, item: &Value) -> Result<(), Halt> {
        let path = self.path.item(number);
        self.check.value(schema, item, &path, self.violations)?;
        Ok(())
    }

    pub(super) fn contains(&mut self, argument: &'a Value, items: &[Value]) -> Result<(), Halt> {
        let mut count = 0usize;
        for item in items {
            count += usize::from(self.check.matches(argument, item, self.path)?);
        }
        let bound = |name: &str| self.schema.get(name).and_then(as_count);
        let (least, most) = (bound("minContains").unwrap_or(1), bound("maxContains"));
        if count < least || most.is_some_and(|most| count > most) {
            self.violated(|| {
                let items = counted(most.unwrap_or(least), "matching item");
                match most {
                    Some(_) => format!(
                        "must contain at least {least} and at most {items}, but has {count}"
                    ),
                    None => format!("must contain at least {items}, but has {count}"),
                }
            });
        }
        Ok(())
    }

    pub(super) fn unique(&mut self, argument: &Value, items: &[Value]) -> Result<(), Halt> {
        if !argument.as_bool().ok_or(Halt::NotSupported)? {
            return Ok(());
        }
        let mut seen = BTreeSet::new();
        for (number, item) in items.iter().enumerate() {
            let mut text = String::new();
            numbers::write_canonical(item, &mut text, self.check.budget)?;
            self.check.budget.spend(SEARCH + text.len())?;
            if !seen.insert(text) {
                let path = self.path.item(number);
                self.violations.add(&path, ViolationKind::Value, || {
                    "duplicates an earlier item".to_owned()
                });
                break;
            }
        }
        Ok(())
    }
}
