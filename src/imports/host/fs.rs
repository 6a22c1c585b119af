//! Files by JSON: `fs_read`, `fs_stat`, `fs_list` and `fs_write`.

use super::{config_error, content::Encoding, not_canceled, pass};
use crate::{
    effect::{
        DirectoryEntry, Effect, FileKind, Handle, OpenOptions, Stat, WriteMode, Written,
        absolute_from_real, without_end,
    },
    guest::Host,
    imports::price_of_listing,
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use tollgate_abi::{
    ErrorDetail,
    host::{
        FsEntry, FsListReply, FsListRequest, FsReadReply, FsReadRequest, FsStatReply,
        FsStatRequest, FsWriteReply, FsWriteRequest,
    },
    rfc3339,
};

pub(super) fn read(host: &mut Host, request: FsReadRequest) -> Result<FsReadReply, ErrorDetail> {
    not_canceled(&request.context)?;
    let encoding = Encoding::parse(&request.encoding)?;
    let most = u64::from(host.limits.reply_bytes);
    let limit = if request.limit == 0 {
        most
    } else {
        request.limit.min(most)
    };
    let path = absolute(host, &request.path)?;

    let (handle, stat): (Handle, Stat) = pass(host, &open_to_read(&path))?;
    let read = host.gate.pass_for_json(&Effect::ReadAt {
        handle,
        offset: request.offset,
        limit,
    });
    host.gate.pass_for_json(&Effect::Close { handle })?;
    let bytes: Vec<u8> = read?.take()?;

    let read = bytes.len() as u64;
    let end = request.offset.saturating_add(read);
    let content = encoding.write(bytes, &path, request.offset);
    Ok(FsReadReply {
        content: content.inspect_err(|_| host.owed = host.owed.saturating_add(read))?,
        encoding: encoding.name(),
        size: stat.size,
        truncated: end < stat.size,
        error: None,
    })
}

pub(super) fn list(host: &mut Host, request: FsListRequest) -> Result<FsListReply, ErrorDetail> {
    not_canceled(&request.context)?;
    let path = absolute(host, &request.path)?;
    let options = OpenOptions {
        read: true,
        directory: true,
        ..OpenOptions::default()
    };
    let (handle, _): (Handle, Stat) = pass(host, &Effect::Open { path, options })?;
    let listed = host.gate.pass(&Effect::List { handle });
    host.owed = host.owed.saturating_add(price_of_listing(&listed));
    host.gate.pass_for_json(&Effect::Close { handle })?;
    let entries: Vec<DirectoryEntry> = listed?.take()?;
    // A name costs about its own length in JSON, and 40 bytes around it.
    let mut room = u64::from(host.limits.reply_bytes);
    let total = entries.len();
    let returned: Vec<FsEntry> = entries
        .into_iter()
        .take_while(|entry| {
            let size = entry.name.len() as u64 + 40;
            let fits = room >= size;
            room = room.saturating_sub(size);
            fits
        })
        .map(|entry| FsEntry {
            name: entry.name,
            kind: kind_word(entry.kind).into(),
        })
        .collect();
    // Those that are returned are paid for with the reply.
    let names: u64 = returned.iter().map(|entry| entry.name.len() as u64).sum();
    host.owed = host.owed.saturating_sub(names);
    Ok(FsListReply {
        truncated: returned.len() < total,
        entries: returned,
        error: None,
    })
}

pub(super) fn write(host: &mut Host, request: FsWriteRequest) -> Result<FsWriteReply, ErrorDetail> {
    not_canceled(&request.context)?;
    let encoding = Encoding::parse(&request.encoding)?;
    let mode = match request.mode.as_str() {
        "" | "replace" => WriteMode::Replace,
        "append" => WriteMode::Append,
        "create" => WriteMode::CreateNew,
        other => {
            return Err(config_error(format!(
                "unknown mode {other:?}: ask for \"replace\", \"append\" or \"create\""
            )));
        }
    };
    let path = absolute(host, &request.path)?;
    let content = encoding.read(request.content, "content")?;
    let effect = Effect::WriteFile {
        path,
        content,
        mode,
    };
    let Written(written) = pass(host, &effect)?;
    Ok(FsWriteReply {
        written,
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
    let effect = Effect::Stat {
        path,
        follow: !request.no_follow,
    };
    Ok(stat_reply(pass(host, &effect)?))
}

fn stat_reply(stat: Stat) -> FsStatReply {
    FsStatReply {
        kind: kind_word(stat.kind).into(),
        size: stat.size,
        mode: stat.mode,
        uid: stat.uid,
        gid: stat.gid,
        modified: rfc3339::format(stat.modified),
        target: stat.target,
        error: None,
    }
}

fn kind_word(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "file",
        FileKind::Directory => "directory",
        FileKind::Symlink => "symlink",
        // The protocol has one word for all of them.
        FileKind::BlockDevice | FileKind::CharacterDevice | FileKind::Socket | FileKind::Other => {
            "other"
        }
    }
}

/// The path as effects carry it. A slash at its end is ignored, as by Go programs, which clean a path
/// before they use it.
fn absolute(host: &Host, path: &str) -> Result<String, ErrorDetail> {
    if path.is_empty() {
        return Err(config_error("path cannot be empty"));
    }
    if path.contains('\0') {
        return Err(config_error("path contains a NUL byte"));
    }
    let path = absolute_from_real(host.gate.working_directory(), path);
    Ok(without_end(&path).to_owned())
}
