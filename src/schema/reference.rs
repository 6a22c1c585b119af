//! References within one document: `#` followed by a JSON pointer.

use super::budget::Budget;
use crate::error::TooExpensive;
use alloc::{string::String, vec::Vec};
use serde_json::Value;

/// Cost of each byte of a reference, which is decoded and then looked up name by name.
const PER_BYTE: usize = 16;

/// Returns the target of a reference; `None` if it is not in this document.
pub(super) fn resolve<'a>(
    root: &'a Value,
    reference: &str,
    budget: &mut Budget<'_>,
) -> Result<Option<&'a Value>, TooExpensive> {
    budget.spend(reference.len().saturating_mul(PER_BYTE))?;
    Ok(find(root, reference))
}

fn find<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let pointer = percent_decoded(reference.strip_prefix('#')?)?;
    root.pointer(&pointer)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pointers_are_followed_and_nothing_else() {
        let root = json!({"$defs": {"a b": 1, "c/d~": 2, "%": [7]}});
        assert_eq!(find(&root, "#"), Some(&root));
        assert_eq!(find(&root, "#/$defs/a%20b"), Some(&json!(1)));
        assert_eq!(find(&root, "#/$defs/c~1d~0"), Some(&json!(2)));
        assert_eq!(find(&root, "#/$defs/%25/0"), Some(&json!(7)));
        for other in [
            "",
            "#/missing",
            "#anchor",
            "other.json#/a",
            "#/%",
            "#/%zz",
            "#/%ff",
        ] {
            assert_eq!(find(&root, other), None, "{other}");
        }
    }
}
