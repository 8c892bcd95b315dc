//! Secrets of the command line: the API key of a client, from `API_KEY_FILE` or `API_KEY`, and other files with one.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use taskward_client::SecretString;

use crate::error::CliError;

/// No secret is larger than this.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// The key, when one is set. The file wins over the variable, as everywhere in the configuration; an empty
/// variable counts as unset.
pub(crate) fn api_key() -> Result<Option<SecretString>, CliError> {
    if let Some(path) = std::env::var_os("API_KEY_FILE").filter(|path| !path.is_empty()) {
        return read(&PathBuf::from(path)).map(Some);
    }
    match std::env::var("API_KEY") {
        Ok(key) if !key.is_empty() => Ok(Some(key.into())),
        Ok(_) | Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(CliError::usage("invalid_key", "API_KEY is not UTF-8 text"))
        }
    }
}

fn read(path: &Path) -> Result<SecretString, CliError> {
    read_line("API_KEY_FILE", "a key", path).map(SecretString::from)
}

/// Reads a secret from a file that only its owner, or a group, may read. `source` and `what` say in an error where the
/// file was named, and what for.
pub(crate) fn read_line(source: &str, what: &str, path: &Path) -> Result<String, CliError> {
    let refused = |why: String| {
        let message = format!("{source}: {} is not used as {what}", path.display());
        CliError::usage("secret_file_refused", message).why(why)
    };
    let file = File::open(path).map_err(|error| refused(error.to_string()).next(next_ls(path)))?;
    let metadata = file.metadata().map_err(|error| refused(error.to_string()))?;
    if !metadata.is_file() {
        return Err(refused("it is not a regular file".to_owned()).next(next_ls(path)));
    }
    if metadata.mode() & 0o007 != 0 {
        let next = format!("chmod 600 {}", quoted(path));
        return Err(refused("everybody on this machine may read or change it".to_owned()).next(next));
    }
    let mut text = String::new();
    let read = file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text);
    let length = read.map_err(|error| refused(error.to_string()))?;
    let secret = text.trim_end_matches(['\n', '\r']);
    match secret {
        _ if u64::try_from(length).unwrap_or(u64::MAX) > SECRET_BYTES_MAX => {
            Err(refused("it is larger than 64 KiB".to_owned()).next(next_ls(path)))
        }
        "" => Err(refused("it is empty".to_owned()).next(next_ls(path))),
        secret => Ok(secret.to_owned()),
    }
}

fn next_ls(path: &Path) -> String {
    format!("ls -l {}", quoted(path))
}

/// A path as a shell takes it.
pub(crate) fn quoted(path: &Path) -> String {
    crate::input::shell_quoted(&path.display().to_string())
}
