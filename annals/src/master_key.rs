//! The key that protects all others: given, or made once and kept in the data folder.
//!
//! While it is being changed, the next one or the one before stands beside it in the folder.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, ensure};
use aws_lc_rs::rand;
use base64::{Engine, prelude::BASE64_STANDARD};
use eventlog::MasterKey;
use uuid::Uuid;

use crate::config::{self, Config};

/// The key in use.
const CURRENT: &str = "master.key";
/// The key that a change began to wrap with.
const NEXT: &str = "master.key.next";
/// The key before the one in use, until no process needs it.
const PREVIOUS: &str = "master.key.previous";

/// Gives the keys of this installation: the one that wraps, and what else opens.
pub(crate) fn load(config: &Config) -> anyhow::Result<MasterKey> {
    let folder = &config.data_dir;
    let current = match config.master_key {
        Some(key) => key,
        None => kept_in(folder)?,
    };
    let mut others = config.master_key_previous.clone();
    let kept = if config.master_key.is_some() { &[CURRENT, NEXT][..] } else { &[NEXT, PREVIOUS] };
    for name in kept {
        others.extend(read(&folder.join(name))?);
    }
    others.retain(|other| *other != current);
    Ok(MasterKey::from_bytes(current).beside(others))
}

/// The keys with which a change begins or goes on: the next one wraps.
pub(crate) fn next(config: &Config) -> anyhow::Result<MasterKey> {
    let folder = &config.data_dir;
    if let Some(key) = config.master_key {
        let mut others = config.master_key_previous.clone();
        others.extend(read(&folder.join(CURRENT))?);
        others.retain(|other| *other != key);
        ensure!(
            !others.is_empty(),
            "give the new key as ANNALS_MASTER_KEY and the one in use as ANNALS_MASTER_KEY_PREVIOUS"
        );
        return Ok(MasterKey::from_bytes(key).beside(others));
    }
    let current = kept_in(folder)?;
    if let Some(previous) = read(&folder.join(PREVIOUS))? {
        // The last change came far, and is only to be finished.
        return Ok(MasterKey::from_bytes(current).beside([previous]));
    }
    Ok(MasterKey::from_bytes(kept(&folder.join(NEXT))?).beside([current]))
}

/// Puts the next key in the place of the one in use, once everything is wrapped with it. The one
/// before stays until nobody was started with it.
pub(crate) fn replace(config: &Config, is_finished: bool) -> anyhow::Result<()> {
    if config.master_key.is_some() {
        return Ok(());
    }
    let [current, next, previous] = [CURRENT, NEXT, PREVIOUS].map(|it| config.data_dir.join(it));
    if next.exists() {
        link(&current, &previous)?;
        fs::rename(&next, &current).context("putting the new master key in its place")?;
    }
    if is_finished && previous.exists() {
        fs::remove_file(&previous).context("removing the master key before")?;
    }
    Ok(())
}

fn kept_in(data_dir: &Path) -> anyhow::Result<[u8; 32]> {
    kept(&data_dir.join(CURRENT))
}

/// The key in a file, made there if there is none.
fn kept(file: &Path) -> anyhow::Result<[u8; 32]> {
    if !file.exists() {
        make(file).with_context(|| format!("making {}", file.display()))?;
    }
    read(file)?.with_context(|| format!("{} is gone", file.display()))
}

fn read(file: &Path) -> anyhow::Result<Option<[u8; 32]>> {
    match fs::read_to_string(file) {
        Ok(text) => config::master_key(&text).with_context(|| file.display().to_string()).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", file.display())),
    }
}

/// Writes the key beside its place and links it there, whole and never over another one.
fn make(file: &Path) -> anyhow::Result<()> {
    let draft = file.with_extension(Uuid::new_v4().simple().to_string());
    let mut key = [0; 32];
    rand::fill(&mut key)?;
    let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    writeln!(written, "{}", BASE64_STANDARD.encode(key))?;
    written.sync_all()?;
    let linked = link(&draft, file);
    fs::remove_file(&draft)?;
    linked
}

/// Gives a file a second name; another one of that name stays.
fn link(file: &Path, name: &Path) -> anyhow::Result<()> {
    match fs::hard_link(file, name) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, path::PathBuf};

    use super::*;
    use crate::config::Options;

    fn scratch() -> PathBuf {
        let folder = std::env::temp_dir().join(format!("annals-{}", Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        folder
    }

    fn config_of(folder: &Path) -> Config {
        let mut config = Config::new(Options::default()).unwrap();
        config.data_dir = folder.to_owned();
        config
    }

    #[test]
    fn the_key_is_made_once_and_only_its_owner_reads_it() {
        let folder = scratch();

        let (first, again) = (kept_in(&folder).unwrap(), kept_in(&folder).unwrap());
        let mode = fs::metadata(folder.join(CURRENT)).unwrap().permissions().mode();
        let files = fs::read_dir(&folder).unwrap().count();
        fs::remove_dir_all(&folder).unwrap();

        assert_eq!(first, again);
        assert_ne!(first, [0; 32]);
        assert_eq!((mode & 0o777, files), (0o600, 1));
    }

    #[test]
    fn a_change_of_keys_can_be_begun_again_at_every_step() {
        let folder = scratch();
        let config = config_of(&folder);
        let before = load(&config).unwrap().name();

        let begun = next(&config).unwrap().name();
        let again = next(&config).unwrap().name();
        let meanwhile = load(&config).unwrap().name();
        replace(&config, false).unwrap();
        let replaced = load(&config).unwrap().name();
        let unfinished = next(&config).unwrap().name();
        replace(&config, true).unwrap();
        let files = fs::read_dir(&folder).unwrap().count();
        let anew = next(&config).unwrap().name();
        fs::remove_dir_all(&folder).unwrap();

        assert_ne!(begun, before);
        assert_eq!((&again, &meanwhile), (&begun, &before));
        assert_eq!((&replaced, &unfinished), (&begun, &begun));
        assert_eq!(files, 1);
        assert_ne!(anew, begun);
    }

    #[test]
    fn a_given_key_needs_the_one_before_it() {
        let folder = scratch();
        let mut config = config_of(&folder);
        config.master_key = Some([1; 32]);

        let alone = next(&config).is_err();
        config.master_key_previous = vec![[2; 32]];
        let both = next(&config).unwrap().name();
        fs::remove_dir_all(&folder).unwrap();

        assert!(alone);
        assert_eq!(both, MasterKey::from_bytes([1; 32]).name());
    }
}
