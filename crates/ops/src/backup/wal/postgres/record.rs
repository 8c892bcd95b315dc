//! What PostgreSQL's log says: where its records end, and when transactions were committed.
//!
//! The notation is PostgreSQL's own, of `access/xlog_internal.h`, `access/xlogrecord.h` and `access/xact.h`, and the same
//! from 9.5 on: a segment is pages of some size; each begins with a header, and what is left of a record that began
//! before it. A record has a header with its length and its CRC-32C, then headers of its parts, then the parts.

use taskward_core::Timestamp;

use super::segment::{Lsn, Segment};

/// The header of a page.
const PAGE_HEADER: usize = 24;
/// That of the first page of a segment, which also says of which cluster it is.
const SEGMENT_HEADER: usize = 40;
/// The flag of a page that begins with the rest of a record.
const CONTINUES: u16 = 1;
/// The flag of the first page of a segment, whose header is longer.
const LONG: u16 = 2;
/// The flag of a page before which a record was given up, as after a crash.
const GIVEN_UP: u16 = 8;
/// The header of a record.
const RECORD_HEADER: usize = 24;
/// No record is longer.
const RECORD_MAX: usize = 1 << 30;
/// Microseconds from 1970 to 2000, where PostgreSQL's time begins.
const EPOCH: i64 = 946_684_800_000_000;
/// Who writes to the log: the log itself, and transactions.
const LOG: u8 = 0;
const TRANSACTIONS: u8 = 1;

/// A transaction that was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backup) struct Commit {
    /// When, by the server's clock.
    pub(in crate::backup) at: Timestamp,
    /// Where its record begins: a recovery to here, this included, has it.
    pub(in crate::backup) position: Lsn,
}

/// What the first page of a segment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backup) struct Head {
    /// The cluster.
    pub(in crate::backup) system: u64,
    /// Where the segment begins.
    pub(in crate::backup) start: Lsn,
    /// The size of the cluster's segments.
    pub(in crate::backup) size: u64,
}

impl Head {
    /// Reads it; `None` when this is no segment.
    pub(in crate::backup) fn of(bytes: &[u8]) -> Option<Self> {
        let flags = u16::from_le_bytes(field(bytes, 2)?);
        let start = u64::from_le_bytes(field(bytes, 8)?);
        let size = u64::from(u32::from_le_bytes(field(bytes, 32)?));
        let is_first = flags & LONG != 0 && size.is_power_of_two() && start % size == 0;
        is_first
            .then(|| Some(Self { system: u64::from_le_bytes(field(bytes, 24)?), start: Lsn(start), size }))?
    }

    /// Whether a whole segment with this head may have this name.
    pub(in crate::backup) fn fits(&self, segment: Segment, bytes: usize) -> bool {
        self.size == bytes as u64 && segment.start(self.size) == self.start
    }
}

/// Reads a log, a segment after another.
#[derive(Debug, Default)]
pub(in crate::backup) struct Reader {
    /// What there is of a record that began and has not ended, and where it began.
    unfinished: Vec<u8>,
    began: Lsn,
    /// Where the last whole record ends.
    end: Option<Lsn>,
    /// Whether what comes next is known to begin where the last segment ended.
    continues: bool,
    /// Whether the log has ended: what follows is no record.
    ended: bool,
}

impl Reader {
    /// Reads the next segment, and tells of every commit. One that does not begin where the last one ended is read from
    /// its first whole record on. False when the log ends within it.
    pub(in crate::backup) fn read(&mut self, bytes: &[u8], on_commit: &mut dyn FnMut(Commit)) -> bool {
        let Some(head) = Head::of(bytes) else {
            self.ended = true;
            return false;
        };
        let page = field(bytes, 36).map_or(0, u32::from_le_bytes) as usize;
        if !page.is_power_of_two() || page < SEGMENT_HEADER {
            self.ended = true;
            return false;
        }
        let mut pages = Pages { bytes, page, head, at: 0 };
        if !self.continues {
            self.unfinished.clear();
            pages.skip_rest();
        }
        while !self.ended && pages.at < bytes.len() {
            self.step(&mut pages, on_commit);
        }
        self.continues = true;
        !self.ended
    }

    /// Where the last whole record ends; `None` when there was none.
    pub(in crate::backup) fn end(&self) -> Option<Lsn> {
        self.end
    }

    /// Takes a piece of a record, up to the end of its page.
    fn step(&mut self, pages: &mut Pages<'_>, on_commit: &mut dyn FnMut(Commit)) {
        match pages.enter() {
            None => self.ended = true,
            Some(Some(flags)) if flags & GIVEN_UP != 0 => self.unfinished.clear(),
            // A page begins with the rest of a record, and none was begun, or the other way round.
            Some(Some(flags)) => self.ended = (flags & CONTINUES != 0) == self.unfinished.is_empty(),
            Some(None) => {}
        }
        if self.ended {
            return;
        }
        if self.unfinished.is_empty() {
            pages.align();
            if pages.is_at_page() {
                return;
            }
            self.began = pages.position();
        }
        // The length comes first; a record begins at a multiple of eight, so that is never cut.
        let wanted = self.length().unwrap_or(4).saturating_sub(self.unfinished.len());
        self.unfinished.extend_from_slice(pages.take(wanted));
        let Some(length) = self.length() else { return };
        if !(RECORD_HEADER..RECORD_MAX).contains(&length) {
            self.ended = true;
        } else if self.unfinished.len() >= length {
            let record = std::mem::take(&mut self.unfinished);
            self.take_in(&record, pages, on_commit);
        }
    }

    fn take_in(&mut self, record: &[u8], pages: &mut Pages<'_>, on_commit: &mut dyn FnMut(Commit)) {
        if !is_sound(record) {
            self.ended = true;
            return;
        }
        if is_switch(record) {
            // Nothing follows in this segment.
            pages.at = pages.bytes.len();
        }
        pages.align();
        self.end = Some(pages.position());
        if let Some(at) = committed(record) {
            on_commit(Commit { at, position: self.began });
        }
    }

    fn length(&self) -> Option<usize> {
        field(&self.unfinished, 0).map(|length| u32::from_le_bytes(length) as usize)
    }
}

/// A segment, and where in it we are.
struct Pages<'a> {
    bytes: &'a [u8],
    page: usize,
    head: Head,
    at: usize,
}

impl<'a> Pages<'a> {
    fn is_at_page(&self) -> bool {
        self.at.is_multiple_of(self.page)
    }

    fn position(&self) -> Lsn {
        Lsn(self.head.start.0 + self.at as u64)
    }

    fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }

    /// Skips the header of a page, and says its flags; `Some(None)` within a page, `None` where the next page is none of
    /// this log.
    fn enter(&mut self) -> Option<Option<u16>> {
        if !self.is_at_page() {
            return Some(None);
        }
        let flags = u16::from_le_bytes(field(self.bytes, self.at + 2)?);
        let address = u64::from_le_bytes(field(self.bytes, self.at + 8)?);
        if Lsn(address) != self.position() {
            return None;
        }
        self.at += if self.at == 0 { SEGMENT_HEADER } else { PAGE_HEADER };
        Some(Some(flags))
    }

    /// Skips the rest of a record that began before this segment.
    fn skip_rest(&mut self) {
        let mut rest = if self.continues() { self.rest() } else { return };
        while rest > 0 && self.at < self.bytes.len() && self.enter().is_some() {
            rest -= self.take(rest).len();
        }
    }

    fn continues(&self) -> bool {
        field(self.bytes, 2).is_some_and(|flags| u16::from_le_bytes(flags) & CONTINUES != 0)
    }

    fn rest(&self) -> usize {
        field(self.bytes, 16).map_or(0, |rest| u32::from_le_bytes(rest) as usize)
    }

    /// At most so many bytes, none of another page.
    fn take(&mut self, wanted: usize) -> &'a [u8] {
        let page_end = (self.at / self.page + 1) * self.page;
        let end = page_end.min(self.bytes.len()).min(self.at.saturating_add(wanted));
        let taken = &self.bytes[self.at..end];
        self.at = end;
        taken
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// The checksum is of all but the header's last field, which holds it, the header last.
fn is_sound(record: &[u8]) -> bool {
    let (header, body) = record.split_at(RECORD_HEADER);
    let expected = field(header, 20).map(u32::from_le_bytes);
    expected == Some(!crc32c(crc32c(u32::MAX, body), &header[..20]))
}

fn crc32c(start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |crc, byte| CASTAGNOLI[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8))
}

const CASTAGNOLI: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let (mut value, mut bit) = (at as u32, 0);
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0x82f6_3b78 } else { value >> 1 };
            bit += 1;
        }
        table[at] = value;
        at += 1;
    }
    table
};

/// Whether the rest of the segment is left empty.
fn is_switch(record: &[u8]) -> bool {
    record[17] == LOG && record[16] & 0xf0 == 0x40
}

/// When a transaction was committed, if this record is of that.
fn committed(record: &[u8]) -> Option<Timestamp> {
    let operation = record[16] & 0x70;
    // A commit, or that of a prepared transaction.
    if record[17] != TRANSACTIONS || !matches!(operation, 0x00 | 0x30) {
        return None;
    }
    let mut at = RECORD_HEADER;
    loop {
        at += match *record.get(at)? {
            // What the transaction came from, and what it is a part of.
            253 => 3,
            252 => 5,
            // The record's own data, last of all: short, or long.
            255 => break at += 2,
            254 => break at += 5,
            _ => return None,
        };
    }
    let microseconds = i64::from_le_bytes(field(record, at)?).checked_add(EPOCH)?;
    Timestamp::from_microsecond(microseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_castagnoli() {
        assert_eq!(!crc32c(u32::MAX, b"123456789"), 0xe306_9283);
    }

    #[test]
    fn what_is_no_log_ends_it() {
        for bytes in [vec![], vec![0; 1 << 20], vec![0xff; 1 << 20], b"PK".to_vec()] {
            let mut reader = Reader::default();
            assert!(!reader.read(&bytes, &mut |_| panic!("no commit")));
            assert_eq!(reader.end(), None);
        }
    }
}
