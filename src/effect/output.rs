//! What an answer holds, by type: an effect has one kind of answer, and whoever asks for it names the
//! type that this holds.

use super::{
    Answer, CommandOutput, DirectoryEntry, DnsRecords, Exchanged, Failure, Handle, HttpResponse,
    SmtpInfo, Stat, TlsInfo,
};
use alloc::{string::String, vec::Vec};
use serde_json::Value;
use tollgate_abi::host::kinds;

/// What an [`Answer`] of one variant holds.
pub(crate) trait Output: Sized {
    /// `None` for an answer of another variant.
    fn of(answer: Answer) -> Option<Self>;
}

/// The time of a clock, in nanoseconds since its zero.
pub(crate) struct Nanoseconds(pub(crate) u64);

/// Bytes written.
pub(crate) struct Written(pub(crate) u64);

macro_rules! outputs {
    ($($answer:pat => $output:expr, $ty:ty;)*) => { $(
        impl Output for $ty {
            fn of(answer: Answer) -> Option<Self> {
                match answer {
                    $answer => Some($output),
                    _ => None,
                }
            }
        }
    )* };
}

outputs! {
    Answer::Opened { handle, stat } => (handle, stat), (Handle, Stat);
    Answer::Stat(stat) => stat, Stat;
    Answer::Bytes(bytes) => bytes, Vec<u8>;
    Answer::Written(written) => Written(written), Written;
    Answer::Entries(entries) => entries, Vec<DirectoryEntry>;
    Answer::Target(target) => target, String;
    Answer::Variable(value) => value, Option<String>;
    Answer::Variables(variables) => variables, Vec<(String, String)>;
    Answer::Exchanged(exchanged) => exchanged, Exchanged;
    Answer::Secured(info) => info, TlsInfo;
    Answer::Fetched(response) => response, HttpResponse;
    Answer::Found(records) => records, DnsRecords;
    Answer::Greeted(info) => info, SmtpInfo;
    Answer::Ran(output) => output, CommandOutput;
    Answer::Time(time) => Nanoseconds(time), Nanoseconds;
    Answer::Json(value) => value, Value;
    Answer::Done => (), ();
}

impl Answer {
    /// What the answer holds, of the type that answers to its effect hold.
    pub(crate) fn take<T: Output>(self) -> Result<T, Failure> {
        T::of(self).ok_or_else(|| {
            let message = "internal error: the World returned the wrong Answer variant";
            Failure::new(kinds::INTERNAL, "", message)
        })
    }
}
