//! Module `reglet_host`: one packed JSON document each way. One file for each kind of thing that
//! is asked for.

mod content;
mod custom;
mod dns;
mod env;
mod exec;
mod fs;
mod http;
pub(super) mod log;
mod net;
mod redirect;
mod smtp;
mod timeout;

use super::contain;
use crate::{
    custom::Customs,
    effect::{Answer, Effect},
    guest::{BadRequest, Host, converse, hear},
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

/// Defines every function of the module.
pub(super) fn define(linker: &mut Linker<Host>, customs: &Customs) -> Result<(), wasmi::Error> {
    for function in &customs.functions {
        custom::define(linker, function)?;
    }
    json(linker, import::FS_READ, fs::read)?;
    json(linker, import::FS_STAT, fs::stat)?;
    json(linker, import::FS_LIST, fs::list)?;
    json(linker, import::FS_WRITE, fs::write)?;
    json(linker, import::ENV_GET, env::get)?;
    json(linker, import::NET_CONNECT, net::connect)?;
    json(linker, import::TCP_CONNECT, net::tcp)?;
    json(linker, import::EXEC_RUN, exec::run)?;
    json(linker, import::EXEC_COMMAND, exec::run)?;
    json(linker, import::HTTP_REQUEST, http::request)?;
    json(linker, import::DNS_LOOKUP, dns::lookup)?;
    json(linker, import::SMTP_CONNECT, smtp::connect)?;
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
    Ok(())
}

/// The same functions with their types.
pub(super) fn offered(customs: &Customs) -> Vec<Offered> {
    let packed = |name: &'static str, results: &[ValType]| Offered {
        module: HOST_MODULE.into(),
        name: name.into(),
        ty: FuncType::new([ValType::I64], results.iter().copied()),
    };
    let answering = [
        import::FS_READ,
        import::FS_STAT,
        import::FS_LIST,
        import::FS_WRITE,
        import::ENV_GET,
        import::NET_CONNECT,
        import::TCP_CONNECT,
        import::EXEC_RUN,
        import::EXEC_COMMAND,
        import::HTTP_REQUEST,
        import::DNS_LOOKUP,
        import::SMTP_CONNECT,
    ];
    let mut offered: Vec<Offered> = answering
        .into_iter()
        .map(|name| packed(name, &[ValType::I64]))
        .collect();
    offered.push(packed(import::LOG_MESSAGE, &[]));
    offered.extend(customs.functions.iter().map(custom::offered));
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

/// An operation that was given up before it began fails at once.
fn not_canceled(context: &Context) -> Result<(), ErrorDetail> {
    if context.canceled {
        return Err(ErrorDetail::new(kinds::TIMEOUT, "the request was canceled"));
    }
    Ok(())
}

fn pass(host: &mut Host, effect: &Effect) -> Result<Answer, ErrorDetail> {
    host.gate.pass(effect).map_err(|refusal| refusal.detail())
}

fn config_error(message: impl Into<String>) -> ErrorDetail {
    ErrorDetail::new(kinds::CONFIG, message)
}

/// A world that answers an effect with another effect's answer.
fn unexpected(answer: &Answer) -> ErrorDetail {
    ErrorDetail::new(
        kinds::INTERNAL,
        format!("the world gave another kind of answer: {answer:?}"),
    )
}
