//! Why the initialised state of a plugin cannot be copied to other instances.

use crate::printable::counted;

/// Why the initialised state of a plugin cannot be copied, so that each call initialises anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unforkable {
    /// A data segment that code may copy and drop.
    #[error("it has passive data segments, and the host cannot read which were dropped")]
    PassiveSegments,
    /// Code uses data segments.
    #[error("it contains memory.init or data.drop, so its data segments are state")]
    UsesData,
    /// Code changes tables.
    #[error("it contains instructions that change tables, whose entries cannot be copied")]
    WritesTables,
    /// There are several memories.
    #[error("it has several memories")]
    SeveralMemories,
    /// Some of its state is imported.
    #[error("it imports a memory, a table or a global")]
    ImportsState,
    /// A variable that holds a reference, which cannot be copied to another instance.
    #[error("one of its variable globals holds a reference")]
    ReferenceGlobal,
    /// Copying them would take longer than initialisation.
    #[error("it has {}, more than {limit}", counted(.globals, "variable global"))]
    ManyGlobals {
        /// How many it has.
        globals: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The offset of a data segment is computed.
    #[error("the offset of a data segment is computed")]
    ComputedData,
    /// A data segment reaches out of the memory, so no instance starts.
    #[error("a data segment reaches past the end of the memory")]
    DataOutside,
    /// A section is malformed.
    #[error("its sections cannot be read")]
    Unreadable,
    /// A copy of its state does not fit into the machine's memory.
    #[error("the host ran out of memory for a copy of its state")]
    HostOutOfMemory,
    /// Files are open.
    #[error("it has files open, which instances cannot share")]
    OpenFiles,
    /// It was stopped in its last call, and is not used any more.
    #[error("its last call was stopped, so it is not used any more")]
    Stopped,
}
