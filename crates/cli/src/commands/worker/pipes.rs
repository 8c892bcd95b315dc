//! What goes into a command and what comes out of it, in bounded memory.

use std::collections::VecDeque;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;

/// The beginning of an output.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) bytes: Vec<u8>,
    /// There was more.
    pub(super) overflowed: bool,
    max: usize,
}

impl Head {
    pub(super) fn new(max: usize) -> Self {
        Self { bytes: Vec::new(), overflowed: false, max }
    }

    /// Reads to the end; a command must not hang because nobody reads what it prints.
    pub(super) async fn fill(&mut self, output: Option<impl AsyncRead + Unpin>) {
        each_chunk(output, |chunk| {
            let room = self.max.saturating_sub(self.bytes.len());
            self.overflowed |= chunk.len() > room;
            self.bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        })
        .await;
    }
}

/// The end of an output.
#[derive(Debug)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
    max: usize,
}

impl Tail {
    pub(super) fn new(max: usize) -> Self {
        Self { bytes: VecDeque::new(), max }
    }

    /// Reads to the end.
    pub(super) async fn fill(&mut self, output: Option<impl AsyncRead + Unpin>) {
        each_chunk(output, |chunk| {
            self.bytes.extend(chunk);
            let surplus = self.bytes.len().saturating_sub(self.max);
            self.bytes.drain(..surplus);
        })
        .await;
    }

    /// The text, whole characters only.
    pub(super) fn text(&self) -> String {
        let bytes: Vec<_> = self.bytes.iter().copied().skip_while(|byte| byte & 0xc0 == 0x80).collect();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }
}

async fn each_chunk(output: Option<impl AsyncRead + Unpin>, mut take: impl FnMut(&[u8])) {
    let Some(mut output) = output else { return };
    let mut chunk = vec![0; CHUNK];
    loop {
        match output.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => take(&chunk[..read]),
        }
    }
}

/// Writes the input. A command that does not read it is in its right.
pub(super) async fn feed(input: Option<tokio::process::ChildStdin>, bytes: Vec<u8>) {
    if let Some(mut input) = input {
        let _ = input.write_all(&bytes).await;
        let _ = input.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_head_is_bounded_and_says_so() {
        let mut head = Head::new(4);
        head.fill(Some(&b"12345"[..])).await;
        assert_eq!((head.bytes.as_slice(), head.overflowed), (&b"1234"[..], true));
        let mut head = Head::new(5);
        head.fill(Some(&b"12345"[..])).await;
        assert_eq!((head.bytes.len(), head.overflowed), (5, false));
    }

    #[tokio::test]
    async fn a_tail_keeps_the_end_in_whole_characters() {
        let mut tail = Tail::new(5);
        tail.fill(Some("xxxüyz \n".as_bytes())).await;
        assert_eq!(tail.text(), "yz");
        let mut tail = Tail::new(6);
        tail.fill(Some("xxxüyz \n".as_bytes())).await;
        assert_eq!(tail.text(), "üyz");
    }
}
