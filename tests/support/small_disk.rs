//! A small disk of its own, which can be filled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A tmpfs that is unmounted when the value is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    folder: PathBuf,
    kib: usize,
}

impl SmallDisk {
    /// Mounts a tmpfs of this size; `None` without the permission to.
    pub fn mount(folder: &Path, kib: usize) -> Option<Self> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={kib}k,mode=0755"), "tmpfs"]).arg(folder);
        let is_mounted = command.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        is_mounted.then(|| Self { folder: folder.to_owned(), kib })
    }

    /// Fills the disk.
    pub fn fill(&self) {
        let full = fs::write(self.filler(), vec![0_u8; self.kib << 10]);
        assert!(full.is_err(), "the disk is full");
    }

    /// Frees what [`Self::fill`] has filled.
    pub fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}
