//! `backup_manifest`: what PostgreSQL says of its own backup.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::backup::Position;

/// The part of it that tells which of the log belongs to the backup.
#[derive(Debug, Deserialize)]
pub(in crate::backup) struct ServerManifest {
    #[serde(rename = "WAL-Ranges")]
    ranges: Vec<Range>,
}

#[derive(Debug, Deserialize)]
struct Range {
    #[serde(rename = "Timeline")]
    timeline: u32,
    #[serde(rename = "Start-LSN")]
    start: String,
    #[serde(rename = "End-LSN")]
    end: String,
}

impl ServerManifest {
    /// Reads it in a backup's directory; `None` where it is not there, or not understood.
    pub(in crate::backup) fn read(dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(dir.join("backup_manifest")).ok()?).ok()
    }

    /// The part of the log that the copy needs.
    pub(in crate::backup) fn position(&self) -> Option<Position> {
        let (first, last) = (self.ranges.first()?, self.ranges.last()?);
        Some(Position { start: first.start.clone(), end: last.end.clone() })
    }

    /// Where the copy is complete: a timeline, and a position in it.
    pub(in crate::backup) fn completion(&self) -> Option<(u32, &str)> {
        self.ranges.last().map(|last| (last.timeline, last.end.as_str()))
    }
}
