//! A disk that can be full.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A small file system of its own, unmounted when dropped.
#[derive(Debug)]
pub struct Disk(TempDir);

impl Disk {
    /// Of so many MiB.
    ///
    /// # Panics
    /// Without root's rights, or `sudo` without a password.
    pub fn mount(size: u32) -> Self {
        let dir = TempDir::with_prefix("taskward-disk-").expect("a directory");
        let mounted = as_root("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}m,mode=0777"), "taskward"])
            .arg(dir.path())
            .output();
        let mounted = mounted.expect("run mount");
        assert!(
            mounted.status.success(),
            "this test fills a disk, and mounts a small tmpfs for it, which needs root or sudo without a password: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        Self(dir)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the room there is.
    ///
    /// # Panics
    /// As [`Disk::fill_but`].
    pub fn fill(&self) {
        self.fill_but(0);
    }

    /// Takes all the room but so many bytes.
    ///
    /// # Panics
    /// When nothing can be created on it, or there is less room.
    pub fn fill_but(&self, left: u64) {
        let mut file =
            OpenOptions::new().create(true).append(true).open(self.path().join("filler")).expect("a file");
        for size in [1 << 20, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        let filled = file.metadata().expect("the file is there").len();
        file.set_len(filled.checked_sub(left).expect("so much room")).expect("room is given back");
    }

    /// Gives it back.
    ///
    /// # Panics
    /// When it was not filled.
    pub fn free(&self) {
        fs::remove_file(self.path().join("filler")).expect("the file is there");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = as_root("umount").arg("--lazy").arg(self.path()).status();
    }
}

fn as_root(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["--non-interactive", program]);
    command
}
