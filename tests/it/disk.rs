//! A small file system of its own, which goes away with the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one on a new folder at `path`; `size` as `mount` takes it.
    pub(crate) fn new(path: PathBuf, size: &str) -> Self {
        fs::create_dir_all(&path).unwrap();
        let disk = Self(path);
        disk.mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "vigie-test"]);
        disk
    }

    /// Mounts it again with other options.
    pub(crate) fn remount(&self, options: &str) {
        self.mount(&["-o", &format!("remount,{options}")]);
    }

    fn mount(&self, args: &[&str]) {
        let done = Command::new("mount").args(args).arg(&self.0).status();
        assert!(done.unwrap().success(), "mount {args:?} (it needs root)");
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Takes all the room that is left; removing the file gives it back.
    pub(crate) fn fill(&self) -> PathBuf {
        let filler = self.0.join("filler");
        let full = fs::write(&filler, vec![1; 64 << 20]).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        filler
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
