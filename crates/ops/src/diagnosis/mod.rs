//! The chapter "diagnosis": what is wrong with the machine that the service runs on. Nothing here asks the service.

mod disk;

pub use disk::{DiskReport, DiskSettings, DiskVerdict, Held, Place, Room, disk};
