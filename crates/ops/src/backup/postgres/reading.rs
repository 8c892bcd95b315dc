//! How far a program has read a file: Linux says it of every file that is open.

use std::fs;
use std::path::{Path, PathBuf};

/// A process, and a file that it reads.
pub(in crate::backup) struct Reading {
    file: PathBuf,
    process: PathBuf,
    /// The file's size.
    pub(in crate::backup) total: u64,
}

impl Reading {
    /// `None` when there is no such file.
    pub(in crate::backup) fn of(file: &Path, process: u32) -> Option<Self> {
        let (file, process) = (file.canonicalize().ok()?, Path::new("/proc").join(process.to_string()));
        let total = fs::metadata(&file).ok()?.len();
        Some(Self { file, process, total })
    }

    /// The bytes that it has read; `None` while it does not have the file open, or when that may not be known.
    pub(in crate::backup) fn done(&self) -> Option<u64> {
        let mut open = fs::read_dir(self.process.join("fd")).ok()?.flatten();
        let is_file = |link: &Path| fs::read_link(link).is_ok_and(|to| to == self.file);
        let name = open.find(|entry| is_file(&entry.path()))?.file_name();
        let said = fs::read_to_string(self.process.join("fdinfo").join(name)).ok()?;
        said.lines().find_map(|line| line.strip_prefix("pos:")?.trim().parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_file_is_read_as_far_as_it_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        fs::write(&path, [0; 1000]).expect("written");
        let reading = Reading::of(&path, std::process::id()).expect("a file");
        assert_eq!((reading.done(), reading.total), (None, 1000), "it is not open");
        let mut file = fs::File::open(&path).expect("opened");
        file.read_exact(&mut [0; 600]).expect("read");
        assert_eq!(reading.done(), Some(600));
        assert!(Reading::of(&dir.path().join("none"), std::process::id()).is_none());
    }
}
