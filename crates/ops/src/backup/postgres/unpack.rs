//! The archives of a base backup, unpacked to a data directory.

use std::fs;
use std::io::{self, PipeWriter, Write};
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;
use tokio::task::spawn_blocking;

use super::ServerUser;
use crate::backup::engine::archive::{self, BASE, Compression, WAL};
use crate::backup::files::{self, FlushBehind, HashedFile};
use crate::backup::verify::{absent, compared};
use crate::backup::{BackupError, Listener, Manifest, Progress};

/// How much may be on its way to `tar`: what an unprivileged user may have, and enough for both to work at once.
const PIPE_BYTES: usize = 1 << 20;

/// Unpacks a base backup to a new data directory, and makes sure that its archives are what the manifest says: they are
/// hashed as they are read, so that they are read once. They are opened by this process, and need not be readable by the
/// server's user. What was written is mostly flushed when this ends, and not all of it.
pub(in crate::backup) async fn extract(
    (dir, manifest): (&Path, &Manifest),
    data: &Path,
    user: ServerUser,
    listener: &Listener,
) -> Result<(), BackupError> {
    user.make_dir(data)?;
    let mut unpacked = 0;
    for (name, to) in [(BASE, data), (WAL, &data.join("pg_wal"))] {
        let file = manifest.files.iter().find(|file| archive::is_named(&file.name, name));
        let damaged = |problem| BackupError::Damaged { id: manifest.id.clone(), problems: vec![problem] };
        let file = file.ok_or_else(|| damaged(absent(name)))?;
        let (heard, before, total) = (listener.clone(), unpacked, manifest.bytes());
        let seen = move |done| heard(Progress::Bytes { done: before + done, total });
        let Unpacked { hashed, written } = unpack(&dir.join(&file.name), to, user, seen).await?;
        // What is damaged can often not be unpacked either.
        match compared(file, hashed) {
            Some(problem) => return Err(damaged(problem)),
            None => written?,
        }
        unpacked += file.bytes;
    }
    // A backup of a standby is brought to life as a server of its own.
    for name in ["standby.signal", "recovery.signal", "postmaster.pid", "postmaster.opts"] {
        // Mostly they are not there.
        let _ = fs::remove_file(data.join(name));
    }
    Ok(())
}

/// How the reading of an archive went, and what became of its content.
struct Unpacked {
    hashed: io::Result<(u64, String)>,
    written: Result<(), BackupError>,
}

/// Unpacks one archive. `seen` hears how many bytes of it were read so far.
async fn unpack(
    archive: &Path,
    to: &Path,
    user: ServerUser,
    seen: impl Fn(u64) + Send + 'static,
) -> Result<Unpacked, BackupError> {
    let failed =
        |why: String| BackupError::Program { program: format!("unpacking {}", archive.display()), why };
    let (unpacked, pipe) = io::pipe().map_err(|error| failed(error.to_string()))?;
    // A smaller one is only slower.
    let _ = rustix::pipe::fcntl_setpipe_size(&pipe, PIPE_BYTES);
    let mut command = Command::new("tar");
    // It writes as much at once as it reads: 256 KiB, not 10.
    command.args(["--extract", "--file=-", "--blocking-factor=512", "--directory"]).arg(to).current_dir("/");
    command.stdin(unpacked).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    user.apply(&mut command);
    let child = command.spawn().map_err(|error| failed(error.to_string()))?;
    // It holds our end for reading too: with that open, an end of tar would not be noticed.
    drop(command);
    let (from, on) = (archive.to_owned(), to.to_owned());
    let feed = spawn_blocking(move || feed(&from, pipe, &on, &seen));
    let output = child.wait_with_output().await.map_err(|error| failed(error.to_string()))?;
    let (hashed, fed) = feed.await.map_err(|error| failed(error.to_string()))?;
    let written = if output.status.success() {
        fed.map_err(|error| failed(error.to_string()))
    } else {
        Err(failed(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")))
    };
    Ok(Unpacked { hashed, written })
}

/// Reads an archive to its end, whatever is in it, and sends what that is down a pipe, while the file system that takes it
/// at the other end is flushed.
fn feed(
    archive: &Path,
    pipe: PipeWriter,
    to: &Path,
    seen: &dyn Fn(u64),
) -> (io::Result<(u64, String)>, io::Result<()>) {
    let mut read = 0;
    let mut seen = |bytes| {
        read += bytes;
        seen(read);
    };
    let mut file = match HashedFile::open(archive, &mut seen) {
        Ok(file) => file,
        Err(error) => return (Err(error), Ok(())),
    };
    let fed = files::flushing(
        || files::sync_all(to),
        |behind| Compression::of(archive).unpack(&mut file, &mut Fed { pipe, behind }),
    );
    (file.finish(), fed)
}

/// A pipe whose other end writes to a file system.
struct Fed<'a> {
    pipe: PipeWriter,
    behind: &'a mut FlushBehind,
}

impl Write for Fed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.pipe.write(bytes)?;
        self.behind.wrote(written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.flush()
    }
}
