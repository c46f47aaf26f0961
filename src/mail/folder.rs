//! Mails as files.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use super::{Dispatch, Mail};

/// Writes `mail` to `<folder>/<id>.eml`, whole or not at all. The same mail again replaces itself.
pub(super) fn put(folder: &Path, mail: &Mail) -> Dispatch {
    let path = folder.join(mail.file_name());
    match write_whole(folder, &path, mail.bytes()) {
        Ok(()) => Dispatch::Sent {
            answer: format!("written to {}", path.display()),
        },
        Err(error) => Dispatch::Unavailable {
            reason: format!("write `{}`: {error}", path.display()),
        },
    }
}

fn write_whole(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("eml.part");
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    File::open(folder)?.sync_all()
}
