//! Where a transcript is written: anything that implements the standard library's `Write`, or a type of the
//! embedder's.

use alloc::string::String;
#[cfg(not(feature = "std"))]
use alloc::vec::Vec;

/// Where a transcript goes, line by line. With the feature `std`, everything that implements `std::io::Write` is one.
pub trait Sink {
    /// Why a line cannot be written.
    type Error;

    /// Writes a line, which ends with a line break.
    ///
    /// # Errors
    ///
    /// The run stops, and the error is returned to who records.
    fn write_line(&mut self, line: &[u8]) -> Result<(), Self::Error>;

    /// Ends the transcript, after the last line.
    ///
    /// # Errors
    ///
    /// It is returned to who records.
    fn finish(&mut self) -> Result<(), Self::Error>;

    /// The error for a run that no sink can hold: its config is no JSON.
    fn unrecordable(problem: String) -> Self::Error;
}

#[cfg(feature = "std")]
impl<W: std::io::Write> Sink for W {
    type Error = std::io::Error;

    fn write_line(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.write_all(line)
    }

    fn finish(&mut self) -> std::io::Result<()> {
        self.flush()
    }

    fn unrecordable(problem: String) -> std::io::Error {
        std::io::Error::other(problem)
    }
}

/// The whole transcript. Its only error is a run that cannot be recorded.
#[cfg(not(feature = "std"))]
impl Sink for Vec<u8> {
    type Error = String;

    fn write_line(&mut self, line: &[u8]) -> Result<(), String> {
        self.extend_from_slice(line);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn unrecordable(problem: String) -> String {
        problem
    }
}
