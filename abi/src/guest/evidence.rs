//! Evidence as a plugin makes it. Values are written as JSON when they are added, so that a plugin
//! carries the code of the types it uses and of no others: floating point alone is 5 KB.

use super::Error;
use crate::to_json;
use alloc::{string::String, vec::Vec};
use serde::Serialize;

/// What a plugin saw, as a builder. The host reads it as [`Evidence`](crate::Evidence).
///
/// ```
/// use tollgate_abi::guest::Evidence;
///
/// let evidence = Evidence::success().with("port", 22).with("banner", "SSH-2.0");
/// let read = evidence.read();
/// assert!(read.status);
/// assert_eq!(read.data["port"], 22);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    status: bool,
    error: Option<Error>,
    /// The members of `data`, each behind a comma.
    data: Vec<u8>,
    raw: Option<String>,
}

impl Evidence {
    /// Evidence that all is as it should be.
    pub fn success() -> Evidence {
        Evidence {
            status: true,
            error: None,
            data: Vec::new(),
            raw: None,
        }
    }

    /// Evidence that it is not: the plugin looked, and saw that the check fails.
    ///
    /// ```
    /// # use tollgate_abi::guest::Evidence;
    /// assert!(!Evidence::failure().with("exists", false).read().status);
    /// ```
    pub fn failure() -> Evidence {
        Evidence {
            status: false,
            ..Evidence::success()
        }
    }

    /// [`success`](Evidence::success) if `status`, else [`failure`](Evidence::failure).
    ///
    /// ```
    /// # use tollgate_abi::guest::Evidence;
    /// assert_eq!(Evidence::new(2 + 2 == 4), Evidence::success());
    /// ```
    pub fn new(status: bool) -> Evidence {
        Evidence {
            status,
            ..Evidence::success()
        }
    }

    /// The same with a value in its data. A name that is given twice holds the later value; a
    /// value without a JSON form is `null`.
    ///
    /// ```
    /// # use tollgate_abi::guest::Evidence;
    /// let evidence = Evidence::success().with("list", vec![1, 2]).with("none", None::<u8>);
    /// assert_eq!(evidence.read().data["list"][1], 2);
    /// ```
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Evidence {
        self.add(name, value);
        self
    }

    /// Puts a value into the data, as [`with`](Evidence::with) does.
    ///
    /// ```
    /// # use tollgate_abi::guest::Evidence;
    /// let mut evidence = Evidence::success();
    /// for (name, size) in [("a", 1), ("b", 2)] {
    ///     evidence.add(name, size);
    /// }
    /// assert_eq!(evidence.read().data.len(), 2);
    /// ```
    pub fn add(&mut self, name: &str, value: impl Serialize) {
        self.data.push(b',');
        self.data.extend(to_json(name));
        self.data.push(b':');
        self.data.extend(to_json(&value));
    }

    /// The same with raw text that the plugin wants kept.
    ///
    /// ```
    /// # use tollgate_abi::guest::Evidence;
    /// assert_eq!(Evidence::success().with_raw("as it came").read().raw.unwrap(), "as it came");
    /// ```
    #[must_use]
    pub fn with_raw(mut self, raw: impl Into<String>) -> Evidence {
        self.raw = Some(raw.into());
        self
    }

    /// Sets status false and the reason why the plugin could not check, or not to the
    /// end. Without data it is shorter to return the error.
    ///
    /// ```
    /// # use tollgate_abi::guest::{Error, ErrorKind, Evidence};
    /// let late = Error::new(ErrorKind::Timeout, "only half was read");
    /// let read = Evidence::success().with("bytes", 512).with_error(late).read();
    /// assert!(!read.status && read.error.unwrap().is_timeout);
    /// ```
    #[must_use]
    pub fn with_error(mut self, error: Error) -> Evidence {
        self.status = false;
        self.error = Some(error);
        self
    }

    /// As it goes to the host.
    pub(super) fn json(&self) -> Vec<u8> {
        let mut json = Vec::with_capacity(self.data.len() + 64);
        json.extend_from_slice(b"{\"status\":");
        json.extend_from_slice(if self.status { b"true" } else { b"false" });
        json.extend_from_slice(b",\"error\":");
        match &self.error {
            Some(error) => json.extend(to_json(&error.0)),
            None => json.extend_from_slice(b"null"),
        }
        json.extend_from_slice(b",\"data\":{");
        json.extend_from_slice(self.data.get(1..).unwrap_or_default());
        json.extend_from_slice(b"}");
        if let Some(raw) = &self.raw {
            json.extend_from_slice(b",\"raw\":");
            json.extend(to_json(raw));
        }
        json.push(b'}');
        json
    }

    /// Returns the evidence as the host reads it, for tests.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read(&self) -> crate::Evidence {
        crate::from_json(&self.json()).unwrap_or_else(|error| {
            let error = Error::broken(alloc::format!("evidence that the host refuses: {error}"));
            crate::Evidence::failure(error.into())
        })
    }
}

impl From<Error> for Evidence {
    fn from(error: Error) -> Evidence {
        Evidence::failure().with_error(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::ErrorKind;
    use alloc::{collections::BTreeMap, vec};
    use proptest::prelude::*;

    #[test]
    fn the_host_reads_what_was_put_in() {
        let evidence = Evidence::success()
            .with("quote\"d", "<&>\u{2028}")
            .with("list", vec![Some(1.5), None])
            .with("twice", 1)
            .with("twice", 2)
            .with_raw("raw\n");
        let read = evidence.read();
        assert!(read.status && read.error.is_none());
        assert_eq!(read.data["quote\"d"], "<&>\u{2028}");
        assert_eq!(read.data["list"], serde_json::json!([1.5, null]));
        assert_eq!(read.data["twice"], 2);
        assert_eq!(read.raw.as_deref(), Some("raw\n"));
        let failed = evidence
            .with_error(Error::new(ErrorKind::Fs, "gone"))
            .read();
        assert!(!failed.status);
        assert_eq!(failed.error.unwrap(), crate::ErrorDetail::new("fs", "gone"));
        assert_eq!(failed.data.len(), 3);
    }

    #[test]
    fn what_has_no_json_form_is_null() {
        let odd = BTreeMap::from([(vec![1], 1)]);
        assert!(Evidence::success().with("odd", odd).read().data["odd"].is_null());
    }

    proptest! {
        #[test]
        fn any_name_and_any_text_arrive(name: String, text: String, raw: Option<String>) {
            let mut evidence = Evidence::new(false).with(&name, &text);
            evidence.raw = raw.clone();
            let read = evidence.read();
            prop_assert_eq!(&read.data[&name], &text);
            prop_assert_eq!(read.raw, raw);
        }
    }
}
