//! Keywords for lists.

use super::{
    keywords::{At, Halt},
    numbers,
    scalars::as_count,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Steps to see whether a text is in a set.
const SEARCH: usize = 128;

impl<'a> At<'_, 'a, '_, '_, '_, '_> {
    /// `prefixItems` are for the first items, `items` for the rest (an older draft gave `items` a
    /// list to mean the former).
    pub(super) fn items(
        &mut self,
        keyword: &str,
        argument: &'a Value,
        items: &[Value],
    ) -> Result<(), Halt> {
        if let Value::Array(schemas) = argument {
            for (number, (schema, item)) in schemas.iter().zip(items).enumerate() {
                self.item(number, schema, item)?;
            }
            return Ok(());
        }
        if keyword == "prefixItems" {
            return Err(Halt::NotUnderstood);
        }
        let before = self.schema.get("prefixItems").and_then(Value::as_array);
        for (number, item) in items.iter().enumerate().skip(before.map_or(0, Vec::len)) {
            self.item(number, argument, item)?;
        }
        Ok(())
    }

    fn item(&mut self, number: usize, schema: &'a Value, item: &Value) -> Result<(), Halt> {
        let path = self.path.item(number);
        self.check.value(schema, item, &path, self.found)?;
        Ok(())
    }

    pub(super) fn contains(&mut self, argument: &'a Value, items: &[Value]) -> Result<(), Halt> {
        let mut fits = 0usize;
        for item in items {
            fits += usize::from(self.check.fits(argument, item, self.path)?);
        }
        let bound = |name: &str| self.schema.get(name).and_then(as_count);
        let (least, most) = (bound("minContains").unwrap_or(1), bound("maxContains"));
        if fits < least || most.is_some_and(|most| fits > most) {
            self.violated(|| {
                let most = most
                    .map(|most| format!(" and at most {most}"))
                    .unwrap_or_default();
                format!(
                    "must contain at least {least}{most} items of a certain kind, and has {fits}"
                )
            });
        }
        Ok(())
    }

    pub(super) fn unique(&mut self, argument: &Value, items: &[Value]) -> Result<(), Halt> {
        if !argument.as_bool().ok_or(Halt::NotUnderstood)? {
            return Ok(());
        }
        let mut seen = BTreeSet::new();
        for (number, item) in items.iter().enumerate() {
            let mut text = String::new();
            numbers::write_canonical(item, &mut text, self.check.budget)?;
            self.check.budget.spend(SEARCH + text.len())?;
            if !seen.insert(text) {
                self.found.add(&self.path.item(number), || {
                    "is in the list before, and must not be twice".to_owned()
                });
                break;
            }
        }
        Ok(())
    }
}
