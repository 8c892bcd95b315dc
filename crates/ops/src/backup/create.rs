//! `taskward backup create`: a new copy of the database, complete or not there at all.

use std::fs;
use std::path::Path;

use serde::Serialize;
use taskward_core::Timestamp;
use tokio::task::spawn_blocking;

use super::engine::{self, Source};
use super::{BackupError, BackupSettings, Catalogue, Clock, Engine, Listener, Manifest, Progress, files};

/// What kind of backup.
#[derive(Debug, Clone, Default)]
pub struct CreateOptions {
    /// What somebody calls it.
    pub label: Option<String>,
    /// PostgreSQL: a logical dump of the one database instead of a copy of the whole cluster.
    pub dump: bool,
    /// The version of the program that makes it.
    pub program: String,
}

/// What a backup would be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// How it would be made.
    pub engine: Engine,
    /// What it would be a copy of; holds no secret.
    pub database: String,
    /// Where it would go.
    pub dir: String,
    /// How large the database is, in bytes. What is copied of PostgreSQL is compressed.
    pub data_bytes: u64,
    /// How much room there is, in bytes.
    pub free_bytes: u64,
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Created {
    /// Where it is.
    pub path: String,
    /// How long that took, in milliseconds.
    pub took_ms: u64,
    /// What it says of itself.
    pub manifest: Manifest,
}

/// Finds out whether a backup can be made, and writes nothing that stays.
///
/// # Errors
/// Every precondition of [`create`] that is not met.
pub async fn plan(settings: &BackupSettings, options: &CreateOptions) -> Result<Plan, BackupError> {
    let source = Source::find(settings, options.dump).await?;
    let free_bytes = destination(settings, &source)?;
    Ok(Plan {
        engine: source.engine(),
        database: settings.database_name.clone(),
        dir: settings.dir.display().to_string(),
        data_bytes: source.data_bytes(),
        free_bytes,
    })
}

/// Makes a backup while the service goes on. It gets its name when all of it is on the disk; when it fails, what there
/// is of it is removed.
///
/// # Errors
/// Before anything is written: [`BackupError::Destination`], [`BackupError::Locked`], [`BackupError::NoDatabase`],
/// [`BackupError::ProgramMissing`], [`BackupError::ProgramVersion`], [`BackupError::Replication`]. Later:
/// [`BackupError::Store`], [`BackupError::Program`], [`BackupError::Differs`], [`BackupError::Io`].
pub async fn create(
    settings: &BackupSettings,
    options: CreateOptions,
    clock: Clock,
    listener: &Listener,
) -> Result<Created, BackupError> {
    let source = Source::find(settings, options.dump).await?;
    destination(settings, &source)?;
    files::make_dir(&settings.dir).map_err(BackupError::io("cannot make", &settings.dir))?;
    let catalogue = Catalogue::new(&settings.dir);
    let _lock = catalogue.lock()?;
    let id = catalogue.new_id(clock.now());
    let partial = catalogue.partial_path(&id);
    files::make_dir(&partial).map_err(BackupError::io("cannot make", &partial))?;
    match write(settings, &source, options, (&id, &partial), clock, listener).await {
        Ok(manifest) => {
            let path = catalogue.path(&id);
            let put = fs::rename(&partial, &path).and_then(|()| files::sync(&settings.dir));
            put.map_err(BackupError::io("cannot put into place", &path))?;
            let took_ms = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
            Ok(Created { path: path.display().to_string(), took_ms, manifest })
        }
        Err(error) => {
            // What stays of it is listed as partial, and pruned.
            let _ = fs::remove_dir_all(&partial);
            Err(error)
        }
    }
}

async fn write(
    settings: &BackupSettings,
    source: &Source,
    options: CreateOptions,
    (id, dir): (&str, &Path),
    clock: Clock,
    listener: &Listener,
) -> Result<Manifest, BackupError> {
    let point_at: Timestamp = clock.now();
    let mut copied = source.copy(settings, id, dir, listener).await?;
    listener(Progress::Stage("checksums and counts"));
    let (own_dir, hashed, told) = (dir.to_owned(), copied.hashed.take(), listener.clone());
    // Flushing waits for the disk and counting for the processor, so neither waits for the other.
    let entries = engine::join(spawn_blocking(move || engine::entries(&own_dir, hashed, &told)));
    let (entries, counted) = tokio::try_join!(entries, source.count(settings, id, dir, copied))?;
    let manifest = Manifest {
        format: Manifest::FORMAT,
        id: id.to_owned(),
        label: options.label,
        engine: source.engine(),
        program: options.program,
        schema: counted.schema,
        database: settings.database_name.clone(),
        server_major: source.facts().map(|facts| facts.major),
        server_role: source.facts().map(|facts| (facts.user.clone(), facts.database.clone())),
        point_at,
        finished_at: clock.now(),
        in_repository: counted.in_repository,
        position: counted.position,
        log: counted.log,
        data_bytes: source.data_bytes(),
        files: entries,
        rows: counted.rows,
    };
    manifest.write(dir)?;
    files::sync(dir).map_err(BackupError::io("cannot flush", dir))?;
    Ok(manifest)
}

/// Whether the directory of backups can take this one; answers how much room it has.
fn destination(settings: &BackupSettings, source: &Source) -> Result<u64, BackupError> {
    let refused = |why: String| BackupError::Destination { dir: settings.dir.clone(), why };
    if let Some(data) = source.data_directory()
        && is_within(&absolute(&settings.dir), &absolute(&data), source.engine())
    {
        let why = format!(
            "it is within {}, the database's own directory: both would be lost together",
            data.display()
        );
        return Err(refused(why));
    }
    let free = usable(&settings.dir)?;
    let needed = match source.engine() {
        Engine::Sqlite => source.data_bytes(),
        // Compression at least halves a cluster; what is not so is found while it is written.
        Engine::PostgresBase | Engine::PostgresDump => source.data_bytes() / 2,
        // It has a place of its own.
        Engine::PgBackRest => 0,
    };
    if free < needed {
        return Err(refused(format!(
            "it has {} MiB left, and {} MiB are needed",
            free >> 20,
            needed.div_ceil(1 << 20)
        )));
    }
    Ok(free)
}

/// Whether backups in `dir` would be lost with the database's own directory. A SQLite file in the working directory has none:
/// whatever somebody works with is below that.
fn is_within(dir: &Path, data: &Path, engine: Engine) -> bool {
    let shared =
        engine == Engine::Sqlite && std::env::current_dir().is_ok_and(|current| absolute(&current) == data);
    if shared { dir == data } else { dir.starts_with(data) }
}

/// Whether a directory can be written to, or made; answers how much room it has.
pub(super) fn usable(dir: &Path) -> Result<u64, BackupError> {
    let refused = |why: String| BackupError::Destination { dir: dir.to_owned(), why };
    let there = dir.ancestors().find(|above| above.exists() || above.as_os_str().is_empty());
    let there = match there {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    if !there.is_dir() {
        return Err(refused(format!("{} is not a directory", there.display())));
    }
    // Permissions alone do not say it: a file system may be mounted so that it cannot be written to.
    let probe = there.join(format!(".taskward-{}", std::process::id()));
    let written = files::write(&probe, b"probe");
    // It is there only if it was written.
    let _ = fs::remove_file(&probe);
    written.map_err(|error| refused(format!("{} cannot be written to: {error}", there.display())))?;
    files::free(there).map_err(|error| refused(error.to_string()))
}

/// A path without links and dots, as far as it exists.
fn absolute(path: &Path) -> std::path::PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    match there {
        Some((above, real)) => match path.strip_prefix(above) {
            Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
            _ => real,
        },
        None => path,
    }
}
