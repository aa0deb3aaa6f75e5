//! The key that protects all others: given, or made once and kept in the data folder.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::Context;
use aws_lc_rs::rand;
use base64::{Engine, prelude::BASE64_STANDARD};
use uuid::Uuid;

use crate::config::{self, Config};

/// Gives the key of this installation.
pub(crate) fn load(config: &Config) -> anyhow::Result<[u8; 32]> {
    match config.master_key {
        Some(key) => Ok(key),
        None => kept_in(&config.data_dir),
    }
}

fn kept_in(data_dir: &Path) -> anyhow::Result<[u8; 32]> {
    let file = data_dir.join("master.key");
    if !file.exists() {
        make(&file).with_context(|| format!("making {}", file.display()))?;
    }
    let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    config::master_key(&text).with_context(|| file.display().to_string())
}

/// Writes the key beside its place and links it there, whole and never over another one.
fn make(file: &Path) -> anyhow::Result<()> {
    let draft = file.with_extension(Uuid::new_v4().simple().to_string());
    let mut key = [0; 32];
    rand::fill(&mut key)?;
    let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    writeln!(written, "{}", BASE64_STANDARD.encode(key))?;
    written.sync_all()?;
    let linked = fs::hard_link(&draft, file);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_only_its_owner_reads_it() {
        let folder = std::env::temp_dir().join(format!("annals-{}", Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();

        let (first, again) = (kept_in(&folder).unwrap(), kept_in(&folder).unwrap());
        let mode = fs::metadata(folder.join("master.key")).unwrap().permissions().mode();
        let files = fs::read_dir(&folder).unwrap().count();
        fs::remove_dir_all(&folder).unwrap();

        assert_eq!(first, again);
        assert_ne!(first, [0; 32]);
        assert_eq!((mode & 0o777, files), (0o600, 1));
    }
}
