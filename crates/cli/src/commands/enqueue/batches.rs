//! Payloads in batches of a bounded size, read ahead by a bounded number.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use taskward_client::Json;
use tokio::sync::mpsc;

use super::lines::{BadLine, Form, Payloads};
use crate::error::CliError;
use crate::input;
use crate::secret::quoted;

/// Tasks in one request.
const BATCH_TASKS: usize = 1_000;
/// Bytes of payload in one request, unless a single one is larger.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Batches that wait to be sent.
const READ_AHEAD: usize = 2;
/// How many bad lines of a file are listed.
pub(super) const LISTED_MAX: usize = 20;

/// Some payloads with the numbers of their lines.
#[derive(Debug)]
pub(super) struct Batch {
    /// Its number, from 0. The same input always makes the same batches.
    pub(super) index: u64,
    pub(super) payloads: Vec<(u64, Json)>,
}

/// Reads a whole file before anything is sent, and counts its tasks. A pipe cannot be read twice: `None`.
///
/// # Errors
/// Bad usage, naming the lines that cannot be used.
pub(super) fn check(path: &Path, form: Form) -> Result<Option<u64>, CliError> {
    if path == Path::new("-") {
        return Ok(None);
    }
    let file = input::open(path)?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(None);
    }
    let (mut good, mut bad) = (0, Vec::new());
    for payload in Payloads::new(BufReader::new(file), form) {
        match payload {
            Ok(_) => good += 1,
            Err(line) => bad.push(line),
        }
        if bad.len() >= LISTED_MAX {
            break;
        }
    }
    if bad.is_empty() { Ok(Some(good)) } else { Err(refused(path, &bad)) }
}

/// Input that cannot be used, found before anything was sent.
pub(super) fn refused(path: &Path, bad: &[BadLine]) -> CliError {
    let name = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
    let lines = bad.iter().map(|bad| format!("line {}: {}", bad.line, bad.message)).collect::<Vec<_>>();
    let error = CliError::usage("bad_lines", format!("{name} has lines that cannot be used"))
        .why(lines.join("; "))
        .detail("bad_lines", bad);
    match bad.first() {
        Some(first) if name != "stdin" => error.next(format!("sed -n {}p {}", first.line, quoted(path))),
        _ => error,
    }
}

/// Reads batches in a thread of its own, which a read that never ends cannot keep the program with. The
/// last item is the bad line at which the input ends, if there is one.
pub(super) fn read(path: &Path, form: Form) -> Result<mpsc::Receiver<Result<Batch, BadLine>>, CliError> {
    let input: Box<dyn BufRead + Send> = if path == Path::new("-") {
        Box::new(BufReader::new(io::stdin()))
    } else {
        Box::new(BufReader::new(
            File::open(path).map_err(|_| CliError::usage("input_file", "the file is gone"))?,
        ))
    };
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    std::thread::spawn(move || {
        // Ends early when nobody receives any more.
        let _ = send_all(Payloads::new(input, form), &sender);
    });
    Ok(receiver)
}

fn send_all(
    payloads: impl Iterator<Item = Result<(u64, Json), BadLine>>,
    sender: &mpsc::Sender<Result<Batch, BadLine>>,
) -> Result<(), mpsc::error::SendError<Result<Batch, BadLine>>> {
    let mut batch = Batch { index: 0, payloads: Vec::new() };
    let mut bytes = 0;
    for payload in payloads {
        let (line, payload) = match payload {
            Ok(payload) => payload,
            Err(bad) => {
                // What came before it is sent only when something was sent already: see `many`.
                if batch.index > 0 && !batch.payloads.is_empty() {
                    sender.blocking_send(Ok(batch))?;
                }
                return sender.blocking_send(Err(bad));
            }
        };
        let length = payload.get().len();
        if batch.payloads.len() == BATCH_TASKS || (bytes + length > BATCH_BYTES && !batch.payloads.is_empty())
        {
            let next = Batch { index: batch.index + 1, payloads: Vec::new() };
            sender.blocking_send(Ok(std::mem::replace(&mut batch, next)))?;
            bytes = 0;
        }
        bytes += length;
        batch.payloads.push((line, payload));
    }
    if batch.payloads.is_empty() { Ok(()) } else { sender.blocking_send(Ok(batch)) }
}
