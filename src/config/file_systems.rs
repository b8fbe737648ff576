//! File systems whose files have no stored contents. Reading such a file runs code of the kernel, may take away what it
//! returns, and returns text that other users can choose, although root owns the file.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{StatFs, fstatfs, statfs};

/// File systems that no configuration file is read from: the number that `statfs` returns, and the name.
const GENERATED: [(u32, &str); 36] = [
    (0x9fa0, "proc"),
    (0x9fa1, "openpromfs"),
    (0x9fa2, "usbdevfs"),
    (0x6265_6572, "sysfs"),
    (0x0027_e0eb, "cgroup"),
    (0x6367_7270, "cgroup2"),
    (0x0765_5821, "resctrl"),
    (0x6462_6720, "debugfs"),
    (0x7472_6163, "tracefs"),
    (0x7363_6673, "securityfs"),
    (0xf97c_ff8c, "selinuxfs"),
    (0x4341_5d53, "smackfs"),
    (0x6265_6570, "configfs"),
    (0x5049_5045, "pipefs"),
    (0x534f_434b, "sockfs"),
    (0x6e73_6673, "nsfs"),
    (0x5049_4446, "pidfs"),
    (0x0904_1934, "anon_inodefs"),
    (0x1cd1, "devpts"),
    (0x1373, "devfs"),
    (0x6264_6576, "bdev"),
    (0x454d_444d, "devmem"),
    (0x444d_4142, "dmabuf"),
    (0x5345_434d, "secretmem"),
    (0xcafe_4a11, "bpf"),
    (0xde5e_81e4, "efivarfs"),
    (0x6165_676c, "pstore"),
    (0x1980_0202, "mqueue"),
    (0x4249_4e4d, "binfmt_misc"),
    (0x6759_6969, "rpc_pipefs"),
    (0x6e66_7364, "nfsd"),
    (0x6573_5543, "fusectl"),
    (0x6c6f_6f70, "binderfs"),
    (0xabba_1974, "xenfs"),
    (0x0187, "autofs"),
    (0x23c9_b64e, "spufs"),
];

/// Checks that a file is on a file system with stored contents.
///
/// # Errors
/// Returns an error that names the file system, or that of the system call.
pub(crate) fn require_stored(path: &Path) -> io::Result<()> {
    refuse_generated(&statfs(path)?)
}

/// Like [`require_stored`], for an open file.
///
/// # Errors
/// Returns an error that names the file system, or that of the system call.
pub(crate) fn require_stored_open(file: &File) -> io::Result<()> {
    refuse_generated(&fstatfs(file)?)
}

fn refuse_generated(stat: &StatFs) -> io::Result<()> {
    // The numbers have 32 bits, which some systems extend with a sign.
    let number = stat.f_type as u32;
    match GENERATED.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => Err(generated(&format!("is on the file system {name}, whose contents are generated"))),
        None => Ok(()),
    }
}

/// Returns the error for a file whose contents are generated when it is read.
pub(crate) fn generated(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn require_stored_refuses_generated_file_systems() {
        let folder = tempfile::tempdir().unwrap();
        assert!(require_stored(folder.path()).is_ok());
        let error = require_stored(Path::new("/proc/self/environ")).unwrap_err();
        assert_eq!(error.to_string(), "is on the file system proc, whose contents are generated");
        assert!(require_stored(Path::new("/sys/kernel")).is_err());
        assert!(require_stored_open(&File::open("/proc/version").unwrap()).is_err());
    }
}
