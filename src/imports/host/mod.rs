//! Module `reglet_host`: one packed JSON document each way. One file for each family of functions.

mod content;
mod denial;
mod dns;
mod env;
mod exec;
mod fs;
mod http;
mod log;
mod net;
mod smtp;
mod timeout;

use super::{
    contain,
    imported::Imported,
    json_calls::{decode, pass},
};
use crate::{
    guest::{Host, call_host_function, read_request},
    module::Offered,
};
use alloc::string::String;
use serde::{Serialize, de::DeserializeOwned};
use tollgate_abi::{
    ErrorDetail,
    functions::FUNCTIONS,
    host::{self as shapes, Context, kinds},
    host_functions,
    names::{HOST_MODULE, import},
    to_json,
};
use wasmi::{Caller, FuncType, ValType};

// One implementation for each row of the table of host functions, by the name of the row.
use denial::last as last_denial;
use dns::lookup as dns_lookup;
use env::get as env_get;
use exec::run as exec_run;
use fs::{list as fs_list, read as fs_read, stat as fs_stat, write as fs_write};
use http::request as http_request;
use log::message as log_message;
use net::{connect as net_connect, tcp as tcp_connect};
use smtp::connect as smtp_connect;

/// A reply that can hold an error instead.
trait JsonReply: Serialize + Default {
    fn failed(error: ErrorDetail) -> Self;
}

/// Makes `define_table`, which defines every row of the table of host functions. A reply that can be
/// partial implements [`JsonReply`] beside its function.
macro_rules! define {
    (
        answering { $(
            $(#[$doc:meta])*
            $constant:ident $name:ident($request:ident) -> $reply:ident $(partial_if $flag:ident)? { $($about:tt)* }
        )* }
        aliases { $(
            $(#[$alias_doc:meta])*
            $alias_constant:ident $alias:ident($alias_request:ident) -> $alias_reply:ident = $of:ident { $($alias_about:tt)* }
        )* }
        silent { $(
            $(#[$silent_doc:meta])*
            $silent_constant:ident $silent:ident($silent_request:ident) { $($silent_about:tt)* }
        )* }
    ) => {
        $( define!(@failed $reply $($flag)?); )*

        fn define_table(linker: &mut Imported<'_>) -> Result<(), wasmi::Error> {
            $( json::<shapes::$request, shapes::$reply>(linker, import::$constant, $name)?; )*
            $( json::<shapes::$alias_request, shapes::$alias_reply>(linker, import::$alias_constant, $of)?; )*
            $( silent::<shapes::$silent_request>(linker, import::$silent_constant, $silent, log::unreadable)?; )*
            Ok(())
        }
    };
    (@failed $reply:ident) => {
        impl JsonReply for shapes::$reply {
            fn failed(error: ErrorDetail) -> Self {
                Self { error: Some(error), ..Self::default() }
            }
        }
    };
    (@failed $reply:ident $flag:ident) => {};
}

host_functions!(define);

/// Defines every function of the module.
pub(super) fn define(linker: &mut Imported<'_>) -> Result<(), wasmi::Error> {
    define_table(linker)
}

/// The same functions with their types.
pub(super) fn offered() -> impl Iterator<Item = Offered> {
    FUNCTIONS.iter().map(|function| Offered {
        module: HOST_MODULE.into(),
        name: function.name.into(),
        ty: FuncType::new([ValType::I64], function.reply.map(|_| ValType::I64)),
        listed: true,
    })
}

/// Defines a host function that takes one JSON document and returns nothing. `unreadable` is given the
/// error of a request that cannot be read, and the request.
fn silent<Request: DeserializeOwned + 'static>(
    linker: &mut Imported<'_>,
    name: &'static str,
    function: fn(&mut Host, Request),
    unreadable: fn(&mut Host, &ErrorDetail, &[u8]),
) -> Result<(), wasmi::Error> {
    linker.func_wrap(
        HOST_MODULE,
        name,
        move |mut caller: Caller<'_, Host>, packed: i64| {
            contain(|| {
                read_request(&mut caller, packed, |host, request| {
                    let bytes = request.as_ref().copied().unwrap_or_default();
                    match decode(name, request) {
                        Ok(request) => function(host, request),
                        Err(error) => unreadable(host, &error, bytes),
                    }
                })
            })
        },
    )?;
    Ok(())
}

/// Defines a host function that takes one JSON document and answers with another.
fn json<Request, Reply>(
    linker: &mut Imported<'_>,
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

/// An operation that was given up before it began fails at once.
fn not_canceled(context: &Context) -> Result<(), ErrorDetail> {
    if context.canceled {
        return Err(ErrorDetail::new(kinds::TIMEOUT, "the request was canceled"));
    }
    Ok(())
}

fn config_error(message: impl Into<String>) -> ErrorDetail {
    ErrorDetail::new(kinds::CONFIG, message)
}
