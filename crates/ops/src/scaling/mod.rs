//! The chapter "scaling": how much does the service carry.

pub mod bench;
