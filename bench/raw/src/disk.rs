//! The disk: one page written and synced after the other.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::Run;

const PAGE: usize = 8192;
/// As large as a segment of PostgreSQL's log, and like it written over from the start.
const PAGES: usize = 2048;

pub(crate) fn measure(run: &Run, folder: &Path) -> Result<(usize, Duration)> {
    let path = folder.join("disk");
    let mut file = File::create(&path)?;
    file.write_all(&vec![1; PAGE * PAGES])?;
    file.sync_all()?;
    let page = [2; PAGE];
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < run.time {
        file.seek(SeekFrom::Start(((count % PAGES) * PAGE) as u64))?;
        file.write_all(&page)?;
        file.sync_data()?;
        count += 1;
    }
    let time = start.elapsed();
    std::fs::remove_file(path)?;
    Ok((count, time))
}
