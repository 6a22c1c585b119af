//! Module `reglet_host`: one packed JSON document each way. One file for each family of functions.

mod content;
mod custom;
mod dns;
mod env;
mod exec;
mod fs;
mod http;
mod log;
mod net;
mod smtp;
mod timeout;

use super::contain;
use crate::{
    effect::{Effect, Output},
    gate::HostFunctions,
    guest::{BadRequest, Host, call_host_function, read_request},
    module::Offered,
};
use serde::{Serialize, de::DeserializeOwned};
use tollgate_abi::{
    ErrorDetail, from_json,
    host::{
        Context, DnsLookupReply, EnvGetReply, FsListReply, FsReadReply, FsStatReply, FsWriteReply,
        HttpReply, NetConnectReply, SmtpConnectReply, TcpConnectReply, kinds,
    },
    names::{HOST_MODULE, import},
    to_json,
};
use wasmi::{Caller, FuncType, Linker, ValType};

/// Defines a function under its name.
type Define = fn(&mut Linker<Host>, &'static str) -> Result<(), wasmi::Error>;

/// The functions that answer.
const ANSWERING: &[(&str, Define)] = &[
    (import::FS_READ, |linker, name| json(linker, name, fs::read)),
    (import::FS_STAT, |linker, name| json(linker, name, fs::stat)),
    (import::FS_LIST, |linker, name| json(linker, name, fs::list)),
    (import::FS_WRITE, |linker, name| {
        json(linker, name, fs::write)
    }),
    (import::ENV_GET, |linker, name| json(linker, name, env::get)),
    (import::NET_CONNECT, |linker, name| {
        json(linker, name, net::connect)
    }),
    (import::TCP_CONNECT, |linker, name| {
        json(linker, name, net::tcp)
    }),
    (import::EXEC_RUN, |linker, name| {
        json(linker, name, exec::run)
    }),
    (import::EXEC_COMMAND, |linker, name| {
        json(linker, name, exec::run)
    }),
    (import::HTTP_REQUEST, |linker, name| {
        json(linker, name, http::request)
    }),
    (import::DNS_LOOKUP, |linker, name| {
        json(linker, name, dns::lookup)
    }),
    (import::SMTP_CONNECT, |linker, name| {
        json(linker, name, smtp::connect)
    }),
];

/// Defines every function of the module.
pub(super) fn define(
    linker: &mut Linker<Host>,
    host_functions: &HostFunctions,
) -> Result<(), wasmi::Error> {
    for function in &host_functions.functions {
        custom::define(linker, function)?;
    }
    for (name, define) in ANSWERING {
        define(linker, name)?;
    }
    linker.func_wrap(
        HOST_MODULE,
        import::LOG_MESSAGE,
        |mut caller: Caller<'_, Host>, packed: i64| {
            contain(|| {
                read_request(&mut caller, packed, |host, request| {
                    if let Ok(message) = decode(import::LOG_MESSAGE, request) {
                        log::message(host, message);
                    }
                })
            })
        },
    )?;
    Ok(())
}

/// The same functions with their types.
pub(super) fn offered(host_functions: &HostFunctions) -> Vec<Offered> {
    let packed = |name: &'static str, results: &[ValType]| Offered {
        module: HOST_MODULE.into(),
        name: name.into(),
        ty: FuncType::new([ValType::I64], results.iter().copied()),
    };
    let answering = ANSWERING.iter();
    let mut offered: Vec<Offered> = answering
        .map(|(name, _)| packed(name, &[ValType::I64]))
        .collect();
    offered.push(packed(import::LOG_MESSAGE, &[]));
    offered.extend(host_functions.functions.iter().map(custom::offered));
    offered
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
    FsReadReply,
    FsStatReply,
    FsListReply,
    FsWriteReply,
    EnvGetReply,
    NetConnectReply,
    TcpConnectReply,
    HttpReply,
    DnsLookupReply,
    SmtpConnectReply,
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
                let range = call_host_function(&mut caller, packed, |host, request| {
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

/// An operation that was given up before it began fails at once.
fn not_canceled(context: &Context) -> Result<(), ErrorDetail> {
    if context.canceled {
        return Err(ErrorDetail::new(kinds::TIMEOUT, "the request was canceled"));
    }
    Ok(())
}

/// Lets an effect happen, and takes what its answer holds.
fn pass<T: Output>(host: &mut Host, effect: &Effect) -> Result<T, ErrorDetail> {
    Ok(host.gate.pass_for_json(effect)?.take()?)
}

fn config_error(message: impl Into<String>) -> ErrorDetail {
    ErrorDetail::new(kinds::CONFIG, message)
}
