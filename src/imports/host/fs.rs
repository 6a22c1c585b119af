//! Files by JSON: `fs_read` and `fs_stat`.

use super::{config_error, not_canceled, pass, unexpected};
use crate::{
    effect::{Answer, Effect, FileKind, OpenOptions, Stat},
    guest::Host,
    imports::path,
};
use tollgate_abi::{
    ErrorDetail, base64,
    host::{FsReadReply, FsReadRequest, FsStatReply, FsStatRequest, kinds},
    rfc3339,
};

pub(super) fn read(host: &mut Host, request: FsReadRequest) -> Result<FsReadReply, ErrorDetail> {
    not_canceled(&request.context)?;
    let as_text = match request.encoding.as_str() {
        "" | "base64" => false,
        "utf-8" | "UTF-8" | "utf8" => true,
        other => {
            return Err(config_error(format!(
                "unknown encoding {other:?}: ask for \"base64\" or \"utf-8\""
            )));
        }
    };
    let most = u64::from(host.limits.reply_bytes);
    let limit = if request.limit == 0 {
        most
    } else {
        request.limit.min(most)
    };
    let path = absolute(host, &request.path)?;

    let (handle, stat) = match pass(host, &open_to_read(&path))? {
        Answer::Opened { handle, stat } => (handle, stat),
        other => return Err(unexpected(&other)),
    };
    let read = pass(
        host,
        &Effect::ReadAt {
            handle,
            offset: request.offset,
            limit,
        },
    );
    pass(host, &Effect::Close { handle })?;
    let bytes = match read? {
        Answer::Bytes(bytes) => bytes,
        other => return Err(unexpected(&other)),
    };

    let end = request.offset.saturating_add(bytes.len() as u64);
    let content = if as_text {
        String::from_utf8(bytes).map_err(|error| {
            let at = request
                .offset
                .saturating_add(error.utf8_error().valid_up_to() as u64);
            ErrorDetail::new(
                kinds::VALIDATION,
                format!("{path} is not UTF-8 (from byte {at}); ask for \"base64\""),
            )
        })?
    } else {
        base64::encode(&bytes)
    };
    Ok(FsReadReply {
        content,
        encoding: if as_text { "utf-8" } else { "base64" }.into(),
        size: stat.size,
        truncated: end < stat.size,
        error: None,
    })
}

fn open_to_read(path: &str) -> Effect {
    let options = OpenOptions {
        read: true,
        ..OpenOptions::default()
    };
    Effect::Open {
        path: path.to_owned(),
        options,
    }
}

pub(super) fn stat(host: &mut Host, request: FsStatRequest) -> Result<FsStatReply, ErrorDetail> {
    not_canceled(&request.context)?;
    let path = absolute(host, &request.path)?;
    match pass(
        host,
        &Effect::Stat {
            path,
            follow: !request.no_follow,
        },
    )? {
        Answer::Stat(stat) => Ok(stat_reply(stat)),
        other => Err(unexpected(&other)),
    }
}

fn stat_reply(stat: Stat) -> FsStatReply {
    let kind = match stat.kind {
        FileKind::File => "file",
        FileKind::Directory => "directory",
        FileKind::Symlink => "symlink",
        FileKind::Other => "other",
    };
    FsStatReply {
        kind: kind.into(),
        size: stat.size,
        mode: stat.mode,
        uid: stat.uid,
        gid: stat.gid,
        modified: rfc3339::format(stat.modified),
        target: stat.target,
        error: None,
    }
}

/// The path as effects carry it: absolute, without `.`, `..` and `//`, as Go programs clean it
/// before they ask.
fn absolute(host: &Host, path: &str) -> Result<String, ErrorDetail> {
    if path.is_empty() {
        return Err(config_error("path cannot be empty"));
    }
    if path.contains('\0') {
        return Err(config_error("path contains a NUL byte"));
    }
    Ok(path::clean(host.gate.working_directory(), path))
}
