//! Recording into a file.

use super::{Recording, whole_file::WholeFile};
use crate::{
    error::Error,
    plugin::{Call, Observation, Plugin},
};
use std::{
    io::{self, LineWriter},
    path::Path,
};

impl Plugin {
    /// As [`observe_recorded`](Plugin::observe_recorded), into a file.
    ///
    /// While the plugin runs, lines go to a new file in the same directory, `run.jsonl.partial` for
    /// `run.jsonl` (or `run.jsonl.partial.2` and so on). The complete transcript is renamed to
    /// `run.jsonl`, so an interrupted recording replaces nothing and keeps its lines under the other
    /// name. Symbolic links are followed. A target that is not a regular file, or that this process
    /// has open, such as `/dev/stdout`, is appended to directly.
    ///
    /// # Errors
    ///
    /// The file cannot be written; the error names the file with the lines recorded so far. The
    /// inner result is that of the run.
    pub fn record<'a>(
        &self,
        call: impl Into<Call<'a>>,
        path: impl AsRef<Path>,
    ) -> io::Result<Result<Observation, Error>> {
        let ready = match self.ready_to_record(call.into()) {
            Ok(ready) => ready,
            Err(error) => return Ok(Err(error)),
        };
        let (target, file) = WholeFile::create(path.as_ref())?;
        let recorded = self.record_ready(ready, LineWriter::new(file));
        let finished = recorded.and_then(|Recording { outcome, sink }| {
            drop(sink);
            target.complete()?;
            Ok(outcome)
        });
        finished.map_err(|error| target.explain(&error))
    }
}
