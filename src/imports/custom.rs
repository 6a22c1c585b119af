//! Functions of the embedder's, in the dialect of `host`: packed JSON each way.

use super::{
    Imported, contain,
    json_calls::{decode, pass},
};
use crate::{
    effect::Effect,
    gate::Custom,
    guest::{Host, call_host_function},
    module::Offered,
};
use alloc::borrow::ToOwned;
use serde_json::json;
use tollgate_abi::to_json;
use wasmi::{Caller, FuncType, ValType};

pub(super) fn define(linker: &mut Imported<'_>, custom: &Custom) -> Result<(), wasmi::Error> {
    let (kind, name) = (custom.kind.clone(), custom.name.clone());
    let full_name = custom.full_name().to_owned();
    linker.func_wrap(
        &custom.module,
        &custom.name,
        move |mut caller: Caller<'_, Host>, packed: i64| {
            contain(|| {
                let range = call_host_function(&mut caller, packed, |host, request| {
                    let answer = decode(&name, request).and_then(|request| {
                        let (kind, function) = (kind.clone(), full_name.clone());
                        pass(
                            host,
                            &Effect::Custom {
                                kind,
                                function,
                                request,
                            },
                        )
                    });
                    to_json(&answer.unwrap_or_else(|error| json!({ "error": error })))
                })?;
                Ok(range.pack().cast_signed())
            })
        },
    )?;
    Ok(())
}

pub(super) fn offered(custom: &Custom) -> Offered {
    Offered {
        module: custom.module.clone().into(),
        name: custom.name.clone().into(),
        ty: FuncType::new([ValType::I64], [ValType::I64]),
        listed: true,
    }
}
