//! What is written is read back, and no bytes at all make the decoders panic.

use proptest::prelude::*;
use serde_json::{Map, Value};
use tollgate_abi::{
    ErrorDetail, Evidence, PtrLen, base64, from_json,
    host::{FsReadReply, FsReadRequest, FsStatReply},
    rfc3339, to_json,
};

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map(any::<String>(), json(), 0..4)
        .prop_map(|map| map.into_iter().collect())
}

fn error_detail() -> impl Strategy<Value = ErrorDetail> {
    let leaf = (
        any::<(String, String, String)>(),
        any::<(bool, bool, Option<String>)>(),
        prop::option::of(object()),
    )
        .prop_map(
            |((message, kind, code), (is_timeout, is_not_found, stack), details)| ErrorDetail {
                message,
                kind,
                code,
                is_timeout,
                is_not_found,
                wrapped: None,
                details,
                stack,
            },
        );
    leaf.prop_recursive(3, 4, 1, |inner| {
        (inner.clone(), inner).prop_map(|(outer, inner)| ErrorDetail {
            wrapped: Some(inner.into()),
            ..outer
        })
    })
}

proptest! {
    #[test]
    fn evidence(
        status: bool,
        error in prop::option::of(error_detail()),
        data in object(),
        raw: Option<String>,
    ) {
        let evidence = Evidence { status, error, data, raw, ..Evidence::default() };
        prop_assert_eq!(from_json::<Evidence>(&to_json(&evidence)).unwrap(), evidence);
    }

    #[test]
    fn requests_and_replies(
        path: String,
        numbers: (u64, u64, u32),
        flag: bool,
        error in prop::option::of(error_detail()),
    ) {
        let request = FsReadRequest {
            path: path.clone(), offset: numbers.0, limit: numbers.1, ..FsReadRequest::default()
        };
        prop_assert_eq!(from_json::<FsReadRequest>(&to_json(&request)).unwrap(), request);
        let reply = FsReadReply {
            content: path.clone(), size: numbers.0, truncated: flag, error: error.clone(),
            ..FsReadReply::default()
        };
        prop_assert_eq!(from_json::<FsReadReply>(&to_json(&reply)).unwrap(), reply);
        let reply = FsStatReply {
            target: Some(path), mode: numbers.2, error, ..FsStatReply::default()
        };
        prop_assert_eq!(from_json::<FsStatReply>(&to_json(&reply)).unwrap(), reply);
    }

    #[test]
    fn packed_values(packed: u64) {
        match PtrLen::unpack(packed) {
            Ok(range) => prop_assert_eq!(range.pack(), packed),
            Err(error) => prop_assert_eq!(u64::from(error.len), packed),
        }
    }

    #[test]
    fn base64_of_any_bytes(bytes: Vec<u8>, text: String) {
        prop_assert_eq!(base64::decode(&base64::encode(&bytes)), Ok(bytes));
        // There is one text for each content, so what is read is written the same.
        if let Ok(bytes) = base64::decode(&text) {
            prop_assert_eq!(base64::encode(&bytes), text);
        }
    }

    #[test]
    fn moments(seconds in -62_167_219_200i64..253_402_300_800, nanos in 0u32..1_000_000_000) {
        let moment = rfc3339::Moment { seconds, nanos };
        prop_assert_eq!(rfc3339::parse(&rfc3339::format(moment)), Ok(moment));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, text in "[{}\\[\\]\":,0-9.eTZ\\-a-z\\\\]{0,60}") {
        for input in [bytes.as_slice(), text.as_bytes()] {
            if let Ok(evidence) = from_json::<Evidence>(input) {
                let canonical = to_json(&evidence);
                let again: Evidence = from_json(&canonical).unwrap();
                prop_assert_eq!(to_json(&again), canonical);
            }
            let _ = from_json::<FsReadRequest>(input).is_ok();
            let _ = rfc3339::parse(&String::from_utf8_lossy(input)).is_ok();
        }
    }
}
