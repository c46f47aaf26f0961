//! The month-end, stopped where it hurts.
//!
//! Goal: whatever stops a closing, the next one completes it: each document whole, each letter
//! once. Method: the real program, killed as soon as a step shows on disk, or with no room left;
//! then it runs to its end, and `sha256sum` and the mail folder are looked at.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::close::Installation;
use crate::disk::SmallDisk;

fn vigie(installation: &Installation, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    command
        .arg("--config")
        .arg(installation.path("vigie.toml"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(installation: &Installation, arguments: &[&str]) -> (bool, String) {
    let output = vigie(installation, arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// An October whose letters go into a folder.
fn with_letters() -> Installation {
    let mut installation = Installation::with_october();
    std::fs::create_dir(installation.path("lettres")).unwrap();
    installation.edit("[reports]\n", "[mail]\nfolder = \"lettres\"\n\n[reports]\n");
    installation
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The report is whole and one letter brings it.
fn check_complete(installation: &Installation, folder: &Path) {
    let (done, said) = run(installation, &["close", "2025-10"]);
    assert!(done, "{said}");
    let checked = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let (done, said) = run(installation, &["letters", "send"]);
    assert!(
        done && said.contains("1 sent, 0 postponed, 0 given up"),
        "{said}"
    );
    let (_, said) = run(installation, &["letters", "send"]);
    assert!(said.contains("0 sent"), "{said}");
    assert_eq!(names(&installation.path("lettres")).len(), 1);
    let (done, said) = run(installation, &["journal", "verify"]);
    assert!(done, "{said}");
}

#[test]
#[ignore = "starts and kills the program a dozen times: tests/all"]
fn a_closing_that_is_killed_anywhere_is_completed_by_the_next() {
    let installation = with_letters();
    let folder = installation.path("rapports/valfictif/2025-10/particulier-v1");
    let milestones: [PathBuf; 9] = [
        installation.path("vigie.db-wal"),
        folder.clone(),
        folder.join("rapport.html"),
        folder.join("rapport.pdf"),
        folder.join("graphique-calendrier.svg"),
        folder.join("mesures.csv"),
        folder.join("statement.json"),
        folder.join("SHA256SUMS"),
        installation.path("rapports/valfictif/index.html"),
    ];
    for milestone in &milestones {
        let mut child = vigie(&installation, &["close", "2025-10"]).spawn().unwrap();
        while !milestone.exists() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        // SIGKILL.
        let _ = child.kill();
        child.wait().unwrap();
        // What shows under its own name is whole, whenever the program was stopped.
        if folder.join("statement.json").exists() {
            let bytes = std::fs::read(folder.join("statement.json")).unwrap();
            assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
        }
    }
    check_complete(&installation, &folder);
    let leftovers = names(&folder);
    assert_eq!(installation.revisions("2025-10").len(), 1, "{leftovers:?}");
}

#[test]
#[ignore = "needs root, for a small disk: tests/all"]
fn a_full_disk_leaves_no_document_half_written() {
    let installation = with_letters();
    let disk = SmallDisk::new(installation.path("rapports"), "256k");
    let folder = disk.path().join("valfictif/2025-10/particulier-v1");
    let (done, said) = run(&installation, &["close", "2025-10"]);
    assert!(!done, "{said}");
    assert!(said.contains("write the report"), "{said}");
    assert!(said.contains("No space left on device"), "{said}");
    let written = names(&folder);
    assert!(!written.is_empty());
    for name in &written {
        assert!(!name.ends_with(".partial"), "`{name}` takes room");
        assert_ne!(name, "SHA256SUMS", "the report does not pass for whole");
    }
    // No letter brings what is not there.
    let (_, said) = run(&installation, &["letters", "send"]);
    assert!(said.contains("0 sent, 0 postponed"), "{said}");
    let before: Vec<Vec<u8>> = (written.iter())
        .map(|name| std::fs::read(folder.join(name)).unwrap())
        .collect();
    disk.remount("size=64m");
    check_complete(&installation, &folder);
    for (name, bytes) in written.iter().zip(before) {
        assert!(std::fs::read(folder.join(name)).unwrap() == bytes, "{name}");
    }
}
