//! `taskward log show`.

use std::cell::RefCell;
use std::path::Path;

use clap::Args;
use jiff::Timestamp;
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use taskward_ops::logs::{self, Entry, Filter, Shown};

use super::options::{Range, Which, ended, failed, line, no_data};
use crate::commands::Ended;
use crate::context::Context;

/// Which entries.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    range: Range,
    #[command(flatten)]
    which: Which,
}

/// Prints the entries of a range, as they are read.
pub(super) fn run(args: &ShowArgs, context: &Context) -> Ended {
    let path = args.which.path(context)?;
    let filter = args.which.within(&args.range)?;
    let mut shown = logs::show(&path, &filter).map_err(|error| failed(&error))?;
    let first = shown.next();
    if shown.in_range() == 0 && shown.damages().is_empty() {
        return Err(no_data(&path));
    }
    if !context.output.is_text() {
        return document(&path, &filter, first, shown, context);
    }
    if first.is_none() {
        context.output.note(format!("no entry of {} in this range is like that", shown.in_range()));
    }
    if let Some(first) = first {
        context.output.line(&line(&first))?;
    }
    for entry in shown.by_ref() {
        context.output.line(&line(&entry))?;
    }
    Ok(ended(shown.damages(), context))
}

/// The one document, written while the log is read: it may be larger than the memory.
fn document(path: &Path, filter: &Filter, first: Option<Entry>, shown: Shown, context: &Context) -> Ended {
    let (since, until) = (filter.since, filter.until);
    let reading = RefCell::new(Reading { first, shown });
    let document =
        Document { file: path, since, until, entries: Entries(&reading), damages: Damages(&reading) };
    context.output.raw(|out| {
        serde_json::to_writer_pretty(&mut *out, &document)?;
        std::io::Write::write_all(out, b"\n")
    })?;
    Ok(ended(reading.into_inner().shown.damages(), context))
}

/// A log that is being read.
struct Reading {
    first: Option<Entry>,
    shown: Shown,
}

#[derive(Serialize)]
struct Document<'a> {
    file: &'a Path,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    entries: Entries<'a>,
    /// After the entries: what was damaged is known once they were read.
    damages: Damages<'a>,
}

struct Entries<'a>(&'a RefCell<Reading>);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Reading { first, shown } = &mut *self.0.borrow_mut();
        let mut list = serializer.serialize_seq(None)?;
        for entry in first.take().into_iter().chain(shown) {
            list.serialize_element(&entry)?;
        }
        list.end()
    }
}

struct Damages<'a>(&'a RefCell<Reading>);

impl Serialize for Damages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.borrow().shown.damages().serialize(serializer)
    }
}
