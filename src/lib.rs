//! tollgate
pub mod capability;
