//! Functions that an embedder offers to plugins, and the embedder's rules for their requests. They
//! pass the same gate as every other function.

use crate::{effect::Failure, limits::Interrupt, printable::Printable};
use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use core::{
    any::{Any, TypeId},
    fmt,
    time::Duration,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tollgate_abi::{ErrorDetail, host::kinds};

/// Which plugin calls a host function of the embedder's, and how long it may take.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HostCall<'a> {
    /// The plugin that calls.
    pub plugin: &'a str,
    /// The time left for the call, if it has a deadline.
    pub remaining: Option<Duration>,
    interrupt: &'a Interrupt,
}

impl<'a> HostCall<'a> {
    pub(crate) fn new(plugin: &'a str, interrupt: &'a Interrupt) -> HostCall<'a> {
        HostCall {
            plugin,
            remaining: interrupt.remaining(),
            interrupt,
        }
    }

    /// Whether the call is cancelled. A host function that takes long checks this: whatever it
    /// returns then, the guest is stopped before it reads it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.interrupt.is_cancelled()
    }
}

/// The error that an embedder's host function returns to the guest.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", Printable(.0))]
#[expect(clippy::exhaustive_structs, reason = "host functions construct it")]
pub struct HostError(pub ErrorDetail);

impl HostError {
    /// An error of class `kind`, such as `internal` or a word of your own.
    #[must_use]
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> HostError {
        HostError(ErrorDetail::new(kind, message))
    }
}

/// What a plugin requests of a kind of the embedder's.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CustomRequest<'a> {
    /// The name of the function that was called.
    pub function: &'a str,
    /// Its request.
    pub request: &'a Value,
}

type Matcher = Arc<dyn Fn(&str, CustomRequest<'_>) -> bool + Send + Sync>;
type Body = Arc<dyn Fn(&Value, &HostCall<'_>) -> Result<Value, HostError> + Send + Sync>;

/// One function.
#[derive(Clone)]
pub(crate) struct Custom {
    pub(crate) module: String,
    pub(crate) name: String,
    /// The kind of capability that calling it needs.
    pub(crate) kind: String,
    full_name: String,
    body: Body,
}

/// All that an embedder added.
#[derive(Clone, Default)]
pub(crate) struct HostFunctions {
    pub(crate) functions: Vec<Custom>,
    matchers: BTreeMap<String, Matcher>,
}

impl HostFunctions {
    pub(crate) fn add<Request, Reply>(
        &mut self,
        module: &str,
        name: &str,
        kind: &str,
        function: impl Fn(Request, &HostCall<'_>) -> Result<Reply, HostError> + Send + Sync + 'static,
    ) where
        Request: DeserializeOwned + 'static,
        Reply: Serialize + 'static,
    {
        let body = move |request: &Value, call: &HostCall<'_>| {
            let request = read(request).map_err(|error| {
                HostError::new(
                    kinds::CONFIG,
                    format!("the request has the wrong shape: {error}"),
                )
            })?;
            write(function(request, call)?).map_err(|error| {
                HostError::new(
                    kinds::INTERNAL,
                    format!("the reply has no JSON form: {error}"),
                )
            })
        };
        self.functions.push(Custom {
            module: module.to_owned(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            full_name: format!("{module}.{name}"),
            body: Arc::new(body),
        });
    }

    pub(crate) fn judge_by(
        &mut self,
        kind: &str,
        matcher: impl Fn(&str, CustomRequest<'_>) -> bool + Send + Sync + 'static,
    ) {
        self.matchers.insert(kind.to_owned(), Arc::new(matcher));
    }

    /// The kinds that have a function or a rule here.
    pub(crate) fn kinds(&self) -> Vec<&str> {
        let functions = self.functions.iter().map(|function| function.kind.as_str());
        functions
            .chain(self.matchers.keys().map(String::as_str))
            .collect()
    }

    /// Whether the embedder's rule for a kind allows a request; `None` without a rule.
    pub(crate) fn covers(
        &self,
        kind: &str,
        pattern: &str,
        request: CustomRequest<'_>,
    ) -> Option<bool> {
        self.matchers
            .get(kind)
            .map(|matcher| matcher(pattern, request))
    }

    /// Calls a function, as `module.name`.
    pub(crate) fn call(
        &self,
        function: &str,
        request: &Value,
        call: &HostCall<'_>,
    ) -> Result<Value, Failure> {
        let found = self
            .functions
            .iter()
            .find(|custom| custom.full_name() == function);
        let found = found.ok_or_else(|| {
            Failure::new(
                kinds::INTERNAL,
                "",
                format!("there is no function {function}"),
            )
        })?;
        (found.body)(request, call)
            .map_err(|HostError(detail)| Failure::new(detail.kind, detail.code, detail.message))
    }
}

/// Reads a request. A function that takes any JSON gets a copy, which is not parsed again.
fn read<Request: DeserializeOwned + 'static>(request: &Value) -> serde_json::Result<Request> {
    let wanted = TypeId::of::<Request>() == TypeId::of::<Value>();
    match take_as(&mut wanted.then(|| request.clone())) {
        Some(request) => Ok(request),
        None => Request::deserialize(request),
    }
}

/// Writes a reply. What is JSON already stays as it is.
fn write<Reply: Serialize + 'static>(reply: Reply) -> serde_json::Result<Value> {
    let mut reply = Some(reply);
    match take_as(&mut reply) {
        Some(reply) => Ok(reply),
        None => serde_json::to_value(reply),
    }
}

/// Takes a value, if it has the type that is wanted.
fn take_as<Have: 'static, Want: 'static>(value: &mut Option<Have>) -> Option<Want> {
    let value: &mut dyn Any = value;
    value.downcast_mut::<Option<Want>>()?.take()
}

impl Custom {
    /// `module.name`.
    pub(crate) fn full_name(&self) -> &str {
        &self.full_name
    }
}

impl fmt::Debug for HostFunctions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.functions.iter().map(Custom::full_name).collect();
        f.debug_struct("HostFunctions")
            .field("functions", &names)
            .finish_non_exhaustive()
    }
}
