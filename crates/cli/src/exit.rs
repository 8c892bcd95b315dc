//! The exit codes, the same for every verb.

use std::process::ExitCode;

use serde::Serialize;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It did what it was asked.
    Ok = 0,
    /// It failed; it says what was changed.
    Failed = 1,
    /// Bad usage or input; nothing was touched.
    Usage = 2,
    /// A check says no.
    CheckFailed = 3,
    /// It could not be determined; never a pass.
    Unknown = 4,
    /// A precondition was refused; nothing was touched.
    Refused = 5,
    /// There is no such thing.
    NotFound = 6,
    /// Locked, or in conflict with what is there.
    Conflict = 7,
    /// What it depends on cannot be reached or is too slow; trying again may help.
    Unreachable = 8,
    /// It was not confirmed; nothing was touched.
    NotConfirmed = 9,
    /// It was done, but missed its objective.
    ObjectiveMissed = 10,
    /// Ended by SIGINT.
    Interrupted = 130,
    /// Ended by SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl Serialize for Exit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.code())
    }
}
