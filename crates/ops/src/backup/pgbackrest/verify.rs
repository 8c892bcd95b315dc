//! Whether pgBackRest can restore a backup: `pgbackrest verify`, which ends with 0 also when it has found damage, and what
//! that passes over.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{InRepository, Info, Kept, MANIFEST, failed, manifest, must};
use crate::backup::postgres::ServerUser;
use crate::backup::{BackupError, FileFault, FileProblem, files};

/// What it says when it has looked at everything. That it ends with 0 says nothing.
const DONE: &str = "verify command end: completed successfully";

/// Looks at a backup in the repository, and at those that it refers to; `manifest_sha256` is that of pgBackRest's manifest
/// when the backup was made.
pub(in crate::backup) async fn verify(
    of: &InRepository,
    manifest_sha256: &str,
) -> Result<Vec<FileProblem>, BackupError> {
    let user = ServerUser::find(None)?;
    let info = Info::read(&of.stanza, user).await?;
    let Some(kept) = info.kept(&of.label) else {
        return Ok(vec![problem(&of.label, FileFault::Missing, "pgBackRest does not have it any more")]);
    };
    let mut problems = Vec::new();
    if kept.error == Some(true) {
        problems.push(problem(&of.label, FileFault::Changed, "was made of pages that were broken already"));
    }
    problems.extend(own_manifest(of, user, manifest_sha256).await);
    problems.extend(missing_log(of, user, kept).await?);
    let flags = ["--log-level-console=info", "--log-level-stderr=off", "--log-timestamp=n", "verify"];
    let said = must(&of.stanza, user, &flags).await?;
    problems.extend(found(&String::from_utf8_lossy(&said), kept)?);
    Ok(problems)
}

fn problem(file: &str, fault: FileFault, detail: &str) -> FileProblem {
    FileProblem { file: file.to_owned(), fault, detail: detail.to_owned() }
}

async fn own_manifest(of: &InRepository, user: ServerUser, sha256: &str) -> Option<FileProblem> {
    let name = format!("{}/{MANIFEST}", of.label);
    match manifest(&of.stanza, user, &of.label).await {
        Err(_) => Some(problem(&name, FileFault::Missing, "is missing, or cannot be read")),
        Ok(text) if files::hash_bytes(&text) != sha256 => {
            Some(problem(&name, FileFault::Changed, "is not what it was"))
        }
        Ok(_) => None,
    }
}

/// A file of the repository, as `repo-ls` lists it.
#[derive(Deserialize)]
struct Entry {}

/// The segments of the log without which the backup is of no moment.
async fn missing_log(
    of: &InRepository,
    user: ServerUser,
    kept: &Kept,
) -> Result<Vec<FileProblem>, BackupError> {
    let path = format!("archive/{}", of.stanza);
    let listed = must(&of.stanza, user, &["repo-ls", "--recurse", "--output=json", &path]).await?;
    let listed: BTreeMap<String, Entry> = serde_json::from_slice(&listed)
        .map_err(|error| failed(format!("its list of the log is not understood: {error}")))?;
    let archive = format!("-{}", kept.database_id());
    let names = listed.keys().filter(|path| path.split('/').next().is_some_and(|id| id.ends_with(&archive)));
    let names: Vec<&str> = names.filter_map(|path| path.rsplit('/').next()?.get(..24)).collect();
    let lost = holes(&kept.archive.start, &kept.archive.stop, &names);
    Ok(lost.into_iter().map(|name| problem(&name, FileFault::Missing, "of the log is missing")).collect())
}

/// Segments from the first to the last that are not there. A segment's name has 8 digits each of the timeline, the upper
/// half of the position, and the number within that, which begins again with the size of segments.
fn holes(first: &str, last: &str, names: &[&str]) -> Vec<String> {
    let mut lost: Vec<String> =
        [first, last].iter().filter(|name| !names.contains(name)).map(ToString::to_string).collect();
    lost.dedup();
    let mut there: Vec<&str> = names.iter().copied().filter(|name| (first..=last).contains(name)).collect();
    there.sort_unstable();
    there.dedup();
    for pair in there.windows(2) {
        let follows = next(pair[0]).is_none_or(|next| next == pair[1]) || begins_again(pair[0], pair[1]);
        if !follows && lost.is_empty() {
            lost.extend(next(pair[0]));
        }
    }
    lost
}

fn next(name: &str) -> Option<String> {
    let number = u32::from_str_radix(name.get(16..24)?, 16).ok()?.checked_add(1)?;
    Some(format!("{}{number:08X}", &name[..16]))
}

fn begins_again(before: &str, after: &str) -> bool {
    let upper = |name: &str| u64::from_str_radix(name.get(..16)?, 16).ok();
    after.ends_with("00000000") && upper(before).and_then(|upper| upper.checked_add(1)) == upper(after)
}

/// The damage in what `pgbackrest verify` says, as far as it is the backup's. What it does not say of one file is
/// everybody's.
fn found(said: &str, kept: &Kept) -> Result<Vec<FileProblem>, BackupError> {
    if !said.contains(DONE) {
        return Err(failed("it did not say that it has verified everything".to_owned()));
    }
    let mut problems: Vec<FileProblem> = said.lines().filter_map(damage).collect();
    let is_named = !problems.is_empty();
    problems.retain(|problem| concerns(&problem.file, kept));
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    if !is_named && lines.contains(&"status: error") {
        let rest = lines.iter().skip_while(|line| **line != "status: error").nth(1).copied();
        problems.push(problem("the repository", FileFault::Changed, rest.unwrap_or("is not what it was")));
    }
    Ok(problems)
}

fn damage(line: &str) -> Option<FileProblem> {
    let said = line.split_once("INFO: ")?.1;
    let quoted = |text: &str| text.trim_matches('\'').to_owned();
    if let Some(file) = said.strip_prefix("file missing ") {
        return Some(problem(&quoted(file), FileFault::Missing, "is missing"));
    }
    for (beginning, detail) in [
        ("invalid checksum ", "does not have the checksum it had"),
        ("invalid size ", "does not have the size it had"),
    ] {
        if let Some(file) = said.strip_prefix(beginning) {
            return Some(problem(&quoted(file), FileFault::Changed, detail));
        }
    }
    let (file, why) = said.strip_prefix("invalid result ")?.split_once(": ")?;
    Some(problem(&quoted(file), FileFault::Unreadable, &format!("cannot be read: {why}")))
}

/// Whether a file of the repository is needed to restore the backup, or to go on from there.
fn concerns(file: &str, kept: &Kept) -> bool {
    let mut parts = file.split('/');
    let first = parts.next().unwrap_or_default();
    let is_log = first.contains('-') && first.ends_with(&format!("-{}", kept.database_id()));
    let segment = file.rsplit('/').next().and_then(|name| name.get(..24));
    if is_log {
        return segment.is_none_or(|segment| segment >= kept.archive.start.as_str());
    }
    kept.labels().contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        serde_json::from_str(
            r#"{"label": "20261226-110108F_20261227-110108I", "archive": {"start": "000000010000000000000007",
                "stop": "000000010000000000000009"}, "lsn": null, "reference": ["20261226-110108F"],
                "database": {"id": 1}}"#,
        )
        .expect("a backup")
    }

    #[test]
    fn damage_is_read_although_it_ends_with_0() {
        let said = "P00   INFO: verify command begin 2.45\n\
                    P01   INFO: invalid checksum '20261226-110108F/pg_data/base/5/2602.gz'\n\
                    P01   INFO: file missing '20261225-110108F/pg_data/base/5/2603.gz'\n\
                    P01   INFO: invalid result 15-1/0000000100000000/000000010000000000000008-3a.gz: [29] unexpected eof\n\
                    P00   INFO: stanza: main\n            status: error\n\
                    P00   INFO: verify command end: completed successfully (306ms)\n";
        let problems = found(said, &kept()).expect("read");
        let named: Vec<_> = problems.iter().map(|problem| (problem.fault, problem.file.as_str())).collect();
        let log = "15-1/0000000100000000/000000010000000000000008-3a.gz";
        let base = "20261226-110108F/pg_data/base/5/2602.gz";
        assert_eq!(
            named,
            [(FileFault::Changed, base), (FileFault::Unreadable, log)],
            "another backup's is not ours"
        );
        let whole = "P00   INFO: stanza: main\n   status: error\n     No usable backup.info file\n\
                     P00   INFO: verify command end: completed successfully (3ms)\n";
        assert_eq!(found(whole, &kept()).expect("read")[0].detail, "No usable backup.info file");
        let well = "P00   INFO: verify command end: completed successfully (3ms)\n";
        assert!(found(well, &kept()).expect("read").is_empty());
        assert!(
            found("P00   INFO: verify command begin 2.45\n", &kept()).is_err(),
            "it has not said that it is done"
        );
    }

    #[test]
    fn holes_in_the_log_are_found() {
        let name = |upper: u32, number: u32| format!("00000001{upper:08X}{number:08X}");
        let (first, last) = (name(0, 0xFE), name(1, 1));
        let lost = |names: &[String]| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            holes(&first, &last, &names)
        };
        let all = [name(0, 0xFE), name(0, 0xFF), name(1, 0), name(1, 1)];
        assert!(lost(&all).is_empty());
        assert_eq!(lost(&all[1..]), [name(0, 0xFE)]);
        assert_eq!(
            lost(&[name(0, 0xFE), name(0, 0xFF), name(1, 1)]),
            [name(0, 0x100)],
            "that one, or a later one"
        );
        let only = name(0, 7);
        assert!(holes(&only, &only, &[&only]).is_empty());
        assert_eq!(holes(&only, &only, &[]), [only]);
    }
}
