//! `taskward db move --to URL [--from URL]`.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{HumanCount, HumanDuration};
use secrecy::ExposeSecret;
use taskward_config::redact;
use taskward_ops::database::{self, Transfer};
use taskward_store::transfer::{MoveError, MoveOptions, MoveProgress, Side, Stage};

use super::Ended;
use crate::context::Context;
use crate::database::no_database;
use crate::error::{CliError, MoveSides};
use crate::exit::Exit;
use crate::progress::Progress;
use crate::{secret, signals};

/// From where to where.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 moved, and the same on both sides, 1 it failed or the sides differ, 2 one side \
is not SQLite or the other not PostgreSQL, 5 a service uses one of them, or the target is not empty, 6 there is no \
source, 8 one of them cannot be reached, 130 interrupted. After 8 and 130 the same command goes on where it was."
)]
pub(crate) struct MoveArgs {
    /// The target, as a URL, or as @FILE with a file that has the URL in it.
    #[arg(long, value_name = "URL")]
    to: String,
    /// The source, likewise [default: the database of the configuration].
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// Say whether it would work, and how much there is to move; do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Moves.
pub(super) async fn run(args: &MoveArgs, context: &Context) -> Ended {
    let (from, connect_timeout) = match &args.from {
        Some(from) => (url("--from", from)?, Duration::from_secs(5)),
        None => {
            let database = context.config()?.config.database;
            (database.url.expose_secret().to_owned(), database.connect_timeout)
        }
    };
    let to = url("--to", &args.to)?;
    let sides = MoveSides { from: redact::url(&from), to: redact::url(&to) };
    let progress = Progress::message();
    let options = MoveOptions { connect_timeout, observe: observer(&progress) };
    let shutdown = signals::listen(|| ())?;
    let what = Transfer {
        from: &from,
        from_name: sides.from.clone(),
        to: &to,
        to_name: sides.to.clone(),
        dry_run: args.dry_run,
    };
    let moved = tokio::select! {
        moved = database::transfer(what, &options) => Some(moved),
        () = shutdown.requested.cancelled() => None,
    };
    progress.end();
    let Some(moved) = moved else {
        let signal = shutdown.signal().unwrap_or(Exit::Interrupted);
        let error = CliError::new(signal, "interrupted", "interrupted before everything was moved");
        return Err(if args.dry_run { error } else { error.state(MoveSides::PART) });
    };
    let report = moved.map_err(|error| match (&error, missing_file(&from)) {
        (MoveError::Store(Side::Source, _), Some(path)) => no_database(path),
        _ => CliError::from_move(&error, &sides),
    })?;
    context.output.result(&report, || report.to_string())?;
    Ok(Exit::Ok)
}

/// The file that a URL names, if that is not there.
fn missing_file(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    Some(Path::new(path.strip_prefix("//").unwrap_or(path))).filter(|path| !path.exists())
}

/// A URL, or what a file has for one: on a command line everybody on the machine can read it.
fn url(flag: &str, text: &str) -> Result<String, CliError> {
    match text.strip_prefix('@') {
        Some("") => Err(CliError::usage("invalid_database_url", format!("{flag}: @ names no file"))
            .next("taskward db move --help")),
        Some(path) => secret::read_line(flag, "a database URL", path.as_ref()),
        None => Ok(text.to_owned()),
    }
}

/// Shows how far it is: rows, their rate, and how long it may take from here.
fn observer(progress: &Progress) -> Arc<dyn Fn(MoveProgress) + Send + Sync> {
    let (progress, began) = (progress.clone(), Mutex::new(None));
    Arc::new(move |at: MoveProgress| {
        if progress.is_hidden() {
            return;
        }
        let mut began = began.lock().unwrap_or_else(PoisonError::into_inner);
        let (stage, since, first) = *began.get_or_insert((at.stage, Instant::now(), at.rows));
        if stage != at.stage {
            *began = Some((at.stage, Instant::now(), at.rows));
        }
        progress.say(text(&at, at.rows.saturating_sub(first), since.elapsed()));
    })
}

fn text(at: &MoveProgress, done: u64, elapsed: Duration) -> String {
    let stage = match at.stage {
        Stage::Copying => "copying",
        Stage::Comparing => "comparing",
    };
    let (rows, total) = (HumanCount(at.rows), HumanCount(at.total));
    let text = format!("{stage} {}: {rows} of {total} rows", at.table);
    let (seconds, left) = (elapsed.as_secs(), at.total.saturating_sub(at.rows));
    if seconds == 0 || done == 0 {
        return text;
    }
    let rate = (done / seconds).max(1);
    format!("{text}  {}/s  ETA {}", HumanCount(rate), HumanDuration(Duration::from_secs(left / rate)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_has_a_rate_and_a_time_left() {
        let at = MoveProgress { stage: Stage::Copying, table: "tasks".to_owned(), rows: 3000, total: 5000 };
        assert_eq!(text(&at, 2000, Duration::ZERO), "copying tasks: 3,000 of 5,000 rows");
        let told = text(&at, 2000, Duration::from_secs(2));
        assert_eq!(told, "copying tasks: 3,000 of 5,000 rows  1,000/s  ETA 2 seconds");
    }
}
