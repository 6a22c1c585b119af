//! grows
