//! The functions that plugins may import: they decode guest bytes into effects and encode the
//! replies, and know nothing about policy or the operating system.

mod fs;
mod log;

use crate::{
    guest::{BadRequest, Host, Stop, converse, hear},
    module::Offered,
};
use serde::{Serialize, de::DeserializeOwned};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tollgate_abi::{
    ErrorDetail, from_json,
    host::{Context, kinds},
    names::{HOST_MODULE, import},
    to_json,
};
use wasmi::{Caller, FuncType, Linker, ValType};

/// A linker with every function that this host offers.
pub(crate) fn linker(engine: &wasmi::Engine) -> Result<Linker<Host>, wasmi::Error> {
    let mut linker = Linker::new(engine);
    json(&mut linker, import::FS_READ, fs::read)?;
    json(&mut linker, import::FS_STAT, fs::stat)?;
    linker.func_wrap(
        HOST_MODULE,
        import::LOG_MESSAGE,
        |mut caller: Caller<'_, Host>, packed: i64| {
            contain(|| {
                hear(&mut caller, packed, |host, request| {
                    if let Ok(message) = decode(import::LOG_MESSAGE, request) {
                        log::message(host, message);
                    }
                })
            })
        },
    )?;
    Ok(linker)
}

/// The same functions with their types, for the contract check.
pub(crate) fn offered() -> Vec<Offered> {
    let packed = |name, results: &[ValType]| Offered {
        module: HOST_MODULE,
        name,
        ty: FuncType::new([ValType::I64], results.iter().copied()),
    };
    vec![
        packed(import::FS_READ, &[ValType::I64]),
        packed(import::FS_STAT, &[ValType::I64]),
        packed(import::LOG_MESSAGE, &[]),
    ]
}

/// A reply that can say that there is none.
trait JsonReply: Serialize + Default {
    fn failed(error: ErrorDetail) -> Self;
}

macro_rules! json_reply {
    ($($reply:ty),* $(,)?) => {
        $(impl JsonReply for $reply {
            fn failed(error: ErrorDetail) -> Self {
                Self { error: Some(error), ..Self::default() }
            }
        })*
    };
}

json_reply!(
    tollgate_abi::host::FsReadReply,
    tollgate_abi::host::FsStatReply
);

/// Defines a host function that takes one JSON document and answers with another.
fn json<Request, Reply>(
    linker: &mut Linker<Host>,
    name: &'static str,
    function: fn(&mut Host, Request) -> Result<Reply, ErrorDetail>,
) -> Result<(), wasmi::Error>
where
    Request: DeserializeOwned + 'static,
    Reply: JsonReply + 'static,
{
    linker.func_wrap(
        HOST_MODULE,
        name,
        move |mut caller: Caller<'_, Host>, packed: i64| {
            contain(|| {
                let range = converse(&mut caller, packed, |host, request| {
                    let reply = decode(name, request).and_then(|request| function(host, request));
                    to_json(&reply.unwrap_or_else(Reply::failed))
                })?;
                Ok(range.pack().cast_signed())
            })
        },
    )?;
    Ok(())
}

fn decode<Request: DeserializeOwned>(
    name: &str,
    request: Result<&[u8], BadRequest>,
) -> Result<Request, ErrorDetail> {
    match request {
        Ok(bytes) => from_json(bytes).map_err(|error| {
            ErrorDetail::new(
                kinds::INTERNAL,
                format!("failed to unmarshal {name} request: {error}"),
            )
        }),
        Err(BadRequest::OutOfBounds) => Err(ErrorDetail::new(
            kinds::INTERNAL,
            format!("failed to read {name} request from guest memory: the range is outside it"),
        )),
        Err(BadRequest::TooLarge { limit }) => Err(ErrorDetail::new(
            kinds::CONFIG,
            format!("{name} request is larger than the limit of {limit} bytes"),
        )),
    }
}

/// A panic must not reach the engine, whose frames cannot be unwound: the process would abort.
fn contain<T>(function: impl FnOnce() -> Result<T, Stop>) -> Result<T, wasmi::Error> {
    let outcome = catch_unwind(AssertUnwindSafe(function)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Err(crate::error::Fault::Host(format!("a host function panicked: {text}")).into())
    });
    Ok(outcome?)
}

/// An operation that was given up before it began fails at once.
fn not_canceled(context: &Context) -> Result<(), ErrorDetail> {
    if context.canceled {
        return Err(ErrorDetail::new(kinds::TIMEOUT, "the request was canceled"));
    }
    Ok(())
}
