//! What tests of several crates stand on. Nothing here is part of the product.

pub mod disk;
pub mod postgres;
pub mod runbook;
pub mod smtp;
