//! The small codecs of the ABI package: what one half writes, the other reads, and no text at all
//! is read as two things.

use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;
use tollgate::abi::{
    Evidence, PluginInfo, PtrLen, base64, from_json, host, rfc3339, sha256, to_json,
};

/// Every codec on the same bytes.
pub fn codecs(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    base64_is_one_to_one(data, &text);
    moments_keep_their_meaning(data, &text);
    ranges_keep_their_halves(data);
    let hex = sha256::hex(&sha256::digest(data));
    assert!(hex.len() == 64 && hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
    // The last byte says which shape, the others are the document.
    if let Some((shape, document)) = data.split_last() {
        let read = SHAPES[usize::from(*shape) % SHAPES.len()];
        read(document);
    }
}

macro_rules! shapes {
    (
        answering { $(
            $(#[$doc:meta])*
            $constant:ident $name:ident($request:ident) -> $reply:ident $(partial_if $flag:ident)? { $($about:tt)* }
        )* }
        aliases { $($aliases:tt)* }
        silent { $(
            $(#[$silent_doc:meta])*
            $silent_constant:ident $silent:ident($silent_request:ident) { $($silent_about:tt)* }
        )* }
    ) => {
        pub const SHAPES: &[fn(&[u8])] = &[
            wire::<Evidence>,
            $( wire::<host::$request>, wire::<host::$reply>, )*
            $( wire::<host::$silent_request>, )*
            info,
        ];
    };
}

tollgate::abi::host_functions!(shapes);

/// What was read is written, read again the same, and written again the same.
fn wire<T: Serialize + DeserializeOwned + PartialEq + Debug>(document: &[u8]) {
    let Ok(value) = from_json::<T>(document) else {
        return;
    };
    let written = to_json(&value);
    let again: T = from_json(&written).expect("what was written is read");
    assert_eq!(again, value);
    assert_eq!(to_json(&again), written);
}

fn info(document: &[u8]) {
    if let Ok(value) = from_json::<serde_json::Value>(document) {
        let _ = PluginInfo::from_value(&value);
    }
}

fn base64_is_one_to_one(data: &[u8], text: &str) {
    let encoded = base64::encode(data);
    assert_eq!(base64::decode(&encoded).as_deref(), Ok(data));
    match base64::decode(text) {
        // Padding and spare bits are strict, so each sequence of bytes has one text.
        Ok(decoded) => assert_eq!(base64::encode(&decoded), text),
        Err(bad) => assert!(bad.at <= text.len()),
    }
}

fn moments_keep_their_meaning(data: &[u8], text: &str) {
    let number = |from: usize| {
        let mut bytes = [0; 8];
        for (to, byte) in bytes.iter_mut().zip(data.iter().skip(from)) {
            *to = *byte;
        }
        i64::from_le_bytes(bytes)
    };
    if let Ok(moment) = rfc3339::parse(text) {
        assert!(moment.nanos < 1_000_000_000);
        // An offset can lead a year out of the four digits that the format has.
        let written = rfc3339::format(moment);
        if written.len() > 4 && (0..=9999).contains(&year(moment.seconds)) {
            assert_eq!(rfc3339::parse(&written), Ok(moment), "{written}");
        }
    }
    // Any numbers at all are formatted without a panic.
    let nanos = u32::try_from(number(8).unsigned_abs() % (1 << 32)).unwrap_or(0);
    let moment = rfc3339::Moment {
        seconds: number(0),
        nanos,
    };
    let written = rfc3339::format(moment);
    if nanos < 1_000_000_000 && (0..=9999).contains(&year(moment.seconds)) {
        assert_eq!(rfc3339::parse(&written), Ok(moment), "{written}");
    }
}

/// The year of a moment by the plainest of ways: counting days.
fn year(seconds: i64) -> i64 {
    let mut days = seconds.div_euclid(86_400);
    // Whole eras of 400 years first, so that counting ends.
    let eras = days.div_euclid(146_097);
    days = days.rem_euclid(146_097);
    let mut year = 1970 + eras * 400;
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = if leap { 366 } else { 365 };
        if days < length {
            return year;
        }
        days -= length;
        year += 1;
    }
}

fn ranges_keep_their_halves(data: &[u8]) {
    let mut bytes = [0; 8];
    for (to, byte) in bytes.iter_mut().zip(data) {
        *to = *byte;
    }
    let packed = u64::from_le_bytes(bytes);
    match PtrLen::unpack(packed) {
        Ok(range) => {
            assert_eq!(range.pack(), packed);
            assert_eq!(u64::from(range.ptr()), packed >> 32);
            assert_eq!(u64::from(range.len()), packed & 0xFFFF_FFFF);
            assert_eq!(PtrLen::new(range.ptr(), range.len()), Ok(range));
        }
        Err(null) => assert!(packed >> 32 == 0 && u64::from(null.len) == packed && packed > 0),
    }
}
