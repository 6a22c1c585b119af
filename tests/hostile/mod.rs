//! The corpus of attacks, and how each is run: in a process of its own, under limits that the
//! kernel keeps, so that one that succeeds takes down nothing but itself and is seen.

#![allow(dead_code)] // each test uses its own part of this

pub mod bombs;
pub mod child;
pub mod claims;
pub mod corpus;
pub mod talk;
