//! How old the API key is, where that can be known.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rustix::fs::statfs;
use taskward_config::{Loaded, Origin};

use crate::clock;

/// File systems that are memory, by their magic numbers: tmpfs and ramfs.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// The age of the file that the key is read from. Nobody knows that of a variable. A file in memory, such as a
/// credential of systemd's or a secret of a container engine's, is written anew when the service starts, so that it says
/// nothing about the key.
pub(super) fn known(loaded: &Loaded) -> Option<Duration> {
    let key = loaded.values.iter().find(|value| value.key == "server.api_key")?;
    match &key.origin {
        Origin::Secret { path } if !is_in_memory(path)? => age(path),
        _ => None,
    }
}

fn is_in_memory(path: &Path) -> Option<bool> {
    let magic = statfs(path).ok()?.f_type as u64 & 0xffff_ffff;
    Some(IN_MEMORY.contains(&magic))
}

/// None for a file from the future: then one of the clocks is wrong.
fn age(path: &Path) -> Option<Duration> {
    let written = Timestamp::try_from(path.metadata().ok()?.modified().ok()?).ok()?;
    clock::now().duration_since(written).try_into().ok()
}
