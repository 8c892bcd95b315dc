//! A file of SQLite's log: a line that says where it belongs, and blocks of transactions.
//!
//! A block has a head of [`HEAD`] bytes, transactions that were archived together (deflated), and a SHA-256 of both and of the
//! block before it; the first one's is of the line. So whatever is changed, cut off or exchanged breaks the chain, and the end
//! is known from what comes after: the next file's line, or `archived.json`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use taskward_core::Timestamp;
use taskward_store::sqlite::wal::Committed;

use crate::backup::manifest::problem;
use crate::backup::{FileFault, FileProblem};

/// The length of a block's head.
const HEAD: usize = 60;
/// How a block's head begins.
const MAGIC: [u8; 4] = *b"TWLB";
/// The length of a block's checksum.
const SUM: usize = 32;
/// The longest line at the beginning of a file.
const LINE_MAX: u64 = 4096;
/// The most that one block may hold; more is damage.
const RAW_MAX: u32 = 1 << 31;

/// Which file: the log that goes on without a gap, named by the moment it began at, and the number in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(in crate::backup) struct SegmentId {
    pub(in crate::backup) chain: String,
    pub(in crate::backup) number: u32,
}

impl SegmentId {
    pub(super) fn file_name(&self) -> String {
        format!("{}-{:08}.log", self.chain, self.number)
    }

    /// How operators know the file: from the directory of backups on.
    pub(super) fn shown(&self) -> String {
        format!("wal/sqlite/{}", self.file_name())
    }

    pub(super) fn parse(file_name: &str) -> Option<Self> {
        let (chain, number) = file_name.strip_suffix(".log")?.rsplit_once('-')?;
        let id = Self { chain: chain.to_owned(), number: number.parse().ok()? };
        (id.file_name() == file_name).then_some(id)
    }
}

/// What the first line of a file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) format: u32,
    pub(super) id: SegmentId,
    /// When the file was begun.
    pub(super) began_at: Timestamp,
    /// What came before it.
    pub(super) after: Option<End>,
}

/// How a file ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) id: SegmentId,
    pub(super) bytes: u64,
    /// The checksum of its last block.
    pub(super) sha256: String,
    /// It has everything that was committed by then.
    pub(super) complete_until: Timestamp,
    /// Why the next file does not go on from there; `None` when it does.
    pub(super) gap: Option<String>,
}

/// A transaction in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Logged {
    pub(super) at: Timestamp,
    pub(super) frame: u32,
    pub(super) database_pages: u32,
    pub(super) pages: Vec<u8>,
}

/// Transactions that were archived together.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// The number of the first of them in its chain, from 1.
    pub(super) first: u64,
    pub(super) first_at: Timestamp,
    pub(super) last_at: Timestamp,
    /// Which of SQLite's logs they are from, and the last of their frames in it.
    pub(super) salts: [u32; 2],
    pub(super) last_frame: u32,
    stored: Vec<u8>,
    raw: u32,
    count: u32,
}

/// The bytes of the line, and the checksum that the first block goes on from.
pub(super) fn line(line: &Line) -> io::Result<(Vec<u8>, String)> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    let sum = hex(&Sha256::digest(&bytes));
    Ok((bytes, sum))
}

/// The bytes of a block after the one with the checksum `before`, and its own checksum.
pub(super) fn block(
    before: &str,
    first: u64,
    commits: &[(Timestamp, Committed)],
) -> io::Result<(Vec<u8>, String)> {
    let (Some(head), Some(tail)) = (commits.first(), commits.last()) else { return Ok(Default::default()) };
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    let mut raw = 0;
    for (at, commit) in commits {
        let length = length(commit.pages.len())?;
        encoder.write_all(&at.as_microsecond().to_be_bytes())?;
        for number in [commit.mark.frame, commit.database_pages, length] {
            encoder.write_all(&number.to_be_bytes())?;
        }
        encoder.write_all(&commit.pages)?;
        raw += 20 + commit.pages.len();
    }
    let stored = encoder.finish()?;
    let mut bytes = Vec::with_capacity(HEAD + stored.len() + SUM);
    bytes.extend_from_slice(&MAGIC);
    for number in [length(stored.len())?, length(raw)?, length(commits.len())?] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(&first.to_be_bytes());
    bytes.extend_from_slice(&head.0.as_microsecond().to_be_bytes());
    bytes.extend_from_slice(&tail.0.as_microsecond().to_be_bytes());
    for number in [tail.1.mark.salts[0], tail.1.mark.salts[1], tail.1.mark.frame] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    // Room for what later programs may want to say.
    bytes.resize(HEAD, 0);
    bytes.extend_from_slice(&stored);
    let sum = chained(before, &bytes);
    bytes.extend_from_slice(&sum);
    Ok((bytes, hex(&sum)))
}

/// A file, read block by block.
pub(super) struct Reader {
    pub(super) line: Line,
    file: BufReader<File>,
    id: SegmentId,
    read: u64,
    sum: String,
}

impl Reader {
    /// Opens a file, and makes sure that it is the one its name says.
    pub(super) fn open(dir: &Path, id: &SegmentId) -> Result<Self, FileProblem> {
        let failed = |error: &io::Error| problem(&id.shown(), error);
        let mut file = BufReader::new(File::open(dir.join(id.file_name())).map_err(|error| failed(&error))?);
        let mut bytes = Vec::new();
        file.by_ref().take(LINE_MAX).read_until(b'\n', &mut bytes).map_err(|error| failed(&error))?;
        let line = serde_json::from_slice::<Line>(&bytes).ok().filter(|_| bytes.ends_with(b"\n"));
        let Some(line) = line else { return Err(changed(id, "does not begin as a file of the log does")) };
        if line.id != *id || line.format != 1 {
            return Err(changed(id, &format!("is {}", line.id.shown())));
        }
        let sum = hex(&Sha256::digest(&bytes));
        Ok(Self { line, file, id: id.clone(), read: bytes.len() as u64, sum })
    }

    /// The next block; `None` at the place where the file ends. What is behind that was never said to be archived.
    pub(super) fn next(&mut self, end: Option<&End>) -> Result<Option<Block>, FileProblem> {
        if let Some(end) = end
            && self.read >= end.bytes
        {
            return if self.read == end.bytes && self.sum == end.sha256 {
                Ok(None)
            } else {
                Err(changed(&self.id, "is not what was archived"))
            };
        }
        match self.block() {
            Ok(Some(block)) => Ok(Some(block)),
            // Where the end is not known, whole blocks count.
            Ok(None) if end.is_none() => Ok(None),
            Ok(None) => {
                let bytes = end.map_or(0, |end| end.bytes);
                Err(changed(&self.id, &format!("has {} sound bytes, not {bytes}", self.read)))
            }
            Err(error) => Err(problem(&self.id.shown(), &error)),
        }
    }

    /// A whole block that goes on from the one before; `None` when there is none.
    fn block(&mut self) -> io::Result<Option<Block>> {
        let mut bytes = vec![0; HEAD];
        if !fill(&mut self.file, &mut bytes)? || bytes[..4] != MAGIC {
            return Ok(None);
        }
        let word = |place: usize| bytes[place..].iter().take(4).fold(0, |n: u32, b| n << 8 | u32::from(*b));
        let long = |place: usize| u64::from(word(place)) << 32 | u64::from(word(place + 4));
        let time = |place: usize| Timestamp::from_microsecond(long(place).cast_signed()).ok();
        let (stored, raw, count) = (word(4), word(8), word(12));
        let (Some(first_at), Some(last_at)) = (time(24), time(32)) else { return Ok(None) };
        let (first, salts, last_frame) = (long(16), [word(40), word(44)], word(48));
        if stored > RAW_MAX || raw > RAW_MAX {
            return Ok(None);
        }
        bytes.resize(HEAD + stored as usize, 0);
        let mut sum = [0; SUM];
        if !fill(&mut self.file, &mut bytes[HEAD..])? || !fill(&mut self.file, &mut sum)? {
            return Ok(None);
        }
        if chained(&self.sum, &bytes) != sum {
            return Ok(None);
        }
        self.sum = hex(&sum);
        self.read += (bytes.len() + SUM) as u64;
        let stored = bytes.split_off(HEAD);
        Ok(Some(Block { first, first_at, last_at, salts, last_frame, stored, raw, count }))
    }

    /// How many bytes were read.
    pub(super) fn bytes(&self) -> u64 {
        self.read
    }
}

impl Block {
    /// How many transactions it has.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The transactions in it.
    pub(super) fn commits(&self, id: &SegmentId) -> Result<Vec<Logged>, FileProblem> {
        let mut from = DeflateDecoder::new(&self.stored[..]).take(u64::from(self.raw));
        let mut logged = || -> io::Result<Logged> {
            let (mut at, mut numbers) = ([0; 8], [[0; 4]; 3]);
            from.read_exact(&mut at)?;
            for number in &mut numbers {
                from.read_exact(number)?;
            }
            let [frame, database_pages, length] = numbers.map(u32::from_be_bytes);
            let mut pages = vec![0; length as usize];
            from.read_exact(&mut pages)?;
            let at = Timestamp::from_microsecond(i64::from_be_bytes(at)).map_err(io::Error::other)?;
            Ok(Logged { at, frame, database_pages, pages })
        };
        (0..self.count).map(|_| logged()).collect::<io::Result<_>>().map_err(|error| {
            // Its checksum is right: it was written like this.
            changed(id, &format!("has a block that cannot be unpacked: {error}"))
        })
    }
}

pub(super) fn changed(id: &SegmentId, detail: &str) -> FileProblem {
    FileProblem { file: id.shown(), fault: FileFault::Changed, detail: detail.to_owned() }
}

/// Reads as many bytes as there is room for; `false` when there are not so many.
fn fill(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}

fn chained(before: &str, bytes: &[u8]) -> [u8; SUM] {
    let mut hasher = Sha256::new();
    hasher.update(before.as_bytes());
    hasher.update(bytes);
    hasher.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn length(bytes: usize) -> io::Result<u32> {
    u32::try_from(bytes).ok().filter(|bytes| *bytes <= RAW_MAX).ok_or_else(|| {
        io::Error::new(io::ErrorKind::FileTooLarge, "a transaction is larger than the log can hold")
    })
}
