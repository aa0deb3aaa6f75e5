//! The data folder: who may enter, who holds it, where its sockets are.

use std::{
    fs::{self, DirBuilder, File},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use uuid::Uuid;

/// The whole path of a socket has 107 bytes at most.
const LONGEST_SOCKET_FOLDER: usize = 107 - "/.s.PGSQL.5432".len();

/// The data folder of this program.
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    /// Opens the folder, made if need be, for its owner only.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let private = |path: &Path| DirBuilder::new().recursive(true).mode(0o700).create(path);
        private(path).and_then(|()| private(&path.join("log"))).with_context(|| {
            format!("making the data folder {} (ANNALS_DATA_DIR)", path.display())
        })?;
        let path = path.canonicalize()?;
        let lock = File::options().create(true).append(true).open(path.join("lock"))?;
        Ok(Self { path, lock })
    }

    /// Makes this program the only one that runs servers in the folder.
    pub(super) fn lock(&self) -> anyhow::Result<()> {
        ensure!(
            self.try_lock()?,
            "another annals is running in {}; give this one its own ANNALS_DATA_DIR",
            self.path.display()
        );
        Ok(())
    }

    /// Like `lock`; says whether it worked. The lock ends with this value, or with the process.
    pub(super) fn try_lock(&self) -> anyhow::Result<bool> {
        match self.lock.try_lock() {
            Ok(()) => Ok(true),
            Err(fs::TryLockError::WouldBlock) => Ok(false),
            Err(fs::TryLockError::Error(error)) => Err(error).context("locking the data folder"),
        }
    }

    /// The folder itself.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A folder in it for its owner only, made if need be.
    pub(super) fn private(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.path.join(name);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("making {}", folder.display()))?;
        Ok(folder)
    }

    /// Where a server's output goes.
    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.path.join("log").join(format!("{name}.log"))
    }

    /// A private folder whose path is short enough for sockets: `run` in here, or one under /tmp whose
    /// name is remembered here.
    pub(super) fn sockets(&self) -> anyhow::Result<PathBuf> {
        let inside = self.path.join("run");
        if inside.as_os_str().as_bytes().len() <= LONGEST_SOCKET_FOLDER {
            return self.private("run");
        }
        if let Some(known) = self.remembered_sockets().filter(|known| self.owns(known)) {
            return Ok(known);
        }
        let new = Path::new("/tmp").join(format!("annals-{}", Uuid::new_v4().simple()));
        DirBuilder::new().mode(0o700).create(&new)?;
        fs::write(self.path.join("run.path"), new.as_os_str().as_bytes())?;
        Ok(new)
    }

    /// Removes what lies outside of the folder; everything has ended.
    pub(super) fn leave(self) {
        if let Some(known) = self.remembered_sockets().filter(|known| self.owns(known)) {
            drop(fs::remove_dir(known));
        }
    }

    fn remembered_sockets(&self) -> Option<PathBuf> {
        fs::read_to_string(self.path.join("run.path")).ok().map(PathBuf::from)
    }

    /// Nobody else may have put a folder of that name there in the meantime.
    fn owns(&self, folder: &Path) -> bool {
        let owner = fs::metadata(&self.path).map(|ours| ours.uid());
        fs::symlink_metadata(folder).is_ok_and(|found| {
            let is_private = found.permissions().mode() % 0o100 == 0;
            found.is_dir() && is_private && owner.is_ok_and(|owner| owner == found.uid())
        })
    }
}
