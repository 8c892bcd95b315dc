//! The log's header and frames.

use serde::{Deserialize, Serialize};

/// The length of the log's header.
pub(super) const HEADER: usize = 32;
/// The length of a frame's header. The page follows it.
pub(super) const FRAME_HEADER: usize = 24;

/// The header's first number; its last bit says in which order of bytes checksums are computed.
const MAGIC: u32 = 0x377f_0682;

/// A place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Which log it is: each time it begins anew it has others.
    pub salts: [u32; 2],
    /// How many frames are before this place.
    pub frame: u32,
    /// The checksum of all of them.
    pub sums: [u32; 2],
}

/// A transaction as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The place after it.
    pub mark: Mark,
    /// How many pages the database has then.
    pub database_pages: u32,
    /// The page's number (four bytes, the first one the highest) and the page, for each that it wrote.
    pub pages: Vec<u8>,
}

/// The header of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) page_size: u32,
    pub(super) start: Mark,
    big_endian: bool,
}

/// The header of a frame.
pub(super) struct Frame {
    pub(super) page: u32,
    /// How many pages the database has after the transaction that this frame ends; 0 within one.
    pub(super) database_pages: u32,
    pub(super) salts: [u32; 2],
    pub(super) sums: [u32; 2],
}

impl Header {
    /// `None` for what is no sound header.
    pub(super) fn parse(bytes: &[u8; HEADER]) -> Option<Self> {
        let word = |place: usize| number(&bytes[place * 4..]);
        let big_endian = word(0) & 1 == 1;
        let sums = checksum(big_endian, [0, 0], &bytes[..24]);
        let sound = word(0) & !1 == MAGIC && sums == [word(6), word(7)] && word(2).is_power_of_two();
        let start = Mark { salts: [word(4), word(5)], frame: 0, sums };
        sound.then_some(Self { page_size: word(2), start, big_endian })
    }

    /// The length of a frame with its page.
    pub(super) fn frame_bytes(&self) -> usize {
        FRAME_HEADER + self.page_size as usize
    }

    /// Where a frame begins, counted from 1.
    pub(super) fn offset(&self, frame: u32) -> u64 {
        HEADER as u64 + u64::from(frame - 1) * self.frame_bytes() as u64
    }

    /// Reads the frame that follows `before`; `None` when it is not one of this log.
    pub(super) fn next(&self, before: Mark, bytes: &[u8]) -> Option<(Frame, Mark)> {
        let frame = Frame::parse(bytes);
        let sums = checksum(self.big_endian, before.sums, &bytes[..8]);
        let sums = checksum(self.big_endian, sums, &bytes[FRAME_HEADER..]);
        let follows = frame.salts == before.salts && frame.sums == sums && frame.page > 0;
        follows.then_some((frame, Mark { salts: before.salts, frame: before.frame + 1, sums }))
    }
}

impl Frame {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let word = |place: usize| number(&bytes[place * 4..]);
        Self { page: word(0), database_pages: word(1), salts: [word(2), word(3)], sums: [word(4), word(5)] }
    }
}

/// The number in the first four bytes.
pub(super) fn number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// Goes on with a checksum over bytes whose number is a multiple of eight.
fn checksum(big_endian: bool, sums: [u32; 2], bytes: &[u8]) -> [u32; 2] {
    let word = |bytes: &[u8]| {
        let word = [bytes[0], bytes[1], bytes[2], bytes[3]];
        if big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    };
    bytes.chunks_exact(8).fold(sums, |[first, second], pair| {
        let first = first.wrapping_add(word(pair)).wrapping_add(second);
        [first, second.wrapping_add(word(&pair[4..])).wrapping_add(first)]
    })
}
