//! The index pages of the archive: what a partner finds in its folder.
//!
//! They are written anew from what stands on disk, so that a crash costs nothing, and they name
//! no folder that is not whole.

use std::cmp::Reverse;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context as _;

use super::archive::{CHECKSUMS, put};
use crate::config::Config;
use crate::exchange::read_figures;
use crate::report::{Index, Shelved, write_index};
use crate::sla::catalog::Partner;
use crate::sla::window::Month;

/// Writes the index of a partner's folder, and of the folder of one month in it.
///
/// # Errors
/// The folder cannot be read or written.
pub(super) fn write_indexes(config: &Config, partner: &Partner, month: &str) -> anyhow::Result<()> {
    let folder = config.reports.directory.join(partner.id.as_str());
    if !folder.exists() {
        return Ok(());
    }
    let shown = folder.display();
    let editions =
        shelved(config, &folder).with_context(|| format!("read the folder `{shown}`"))?;
    let write = |folder: &Path, editions: &[Shelved]| {
        let index = Index {
            language: partner.language,
            publisher: &config.catalog.provider.name,
            partner: &partner.name,
            editions,
        };
        let document = write_index(&index, &config.reports.look);
        put(folder, &document.name, &document.bytes)
            .with_context(|| format!("write the index of `{}`", folder.display()))
    };
    write(&folder, &editions)?;
    let of_month: Vec<Shelved> = editions
        .into_iter()
        .filter(|edition| edition.month.to_string() == month)
        .map(|edition| Shelved {
            folder: edition
                .folder
                .split_once('/')
                .map_or(String::new(), |(_, edition)| edition.to_owned()),
            ..edition
        })
        .collect();
    let folder = folder.join(month);
    if folder.exists() {
        write(&folder, &of_month)?;
    }
    Ok(())
}

/// The whole editions in a partner's folder, the newest first. Provisional pictures are none.
fn shelved(config: &Config, folder: &Path) -> io::Result<Vec<Shelved>> {
    let mut found = Vec::new();
    for month in names(folder)? {
        let editions = folder.join(&month);
        if !editions.is_dir() {
            continue;
        }
        for edition in names(&editions)? {
            found.extend(shelved_in(
                config,
                &editions.join(&edition),
                &month,
                &edition,
            ));
        }
    }
    found.sort_by_key(|(edition, service, revision)| {
        (
            Reverse(edition.month.to_string()),
            service.clone(),
            Reverse(*revision),
        )
    });
    let last = found.clone();
    Ok(found
        .into_iter()
        .map(|(mut edition, service, revision)| {
            edition.replaced = last.iter().any(|(other, of, later)| {
                other.month == edition.month && *of == service && *later > revision
            });
            edition
        })
        .collect())
}

/// An edition with the id of its service and its revision; nothing if its folder is not one, or
/// not whole.
fn shelved_in(
    config: &Config,
    folder: &Path,
    month: &str,
    edition: &str,
) -> Option<(Shelved, String, u32)> {
    let (id, revision) = edition.rsplit_once("-v")?;
    let revision = revision.parse().ok()?;
    let service = config
        .catalog
        .services
        .iter()
        .find(|service| service.id.as_str() == id);
    let zone = service.map_or(chrono_tz::UTC, |service| service.zone());
    let month = Month::parse(month, zone).ok()?;
    let checksums = fs::read_to_string(folder.join(CHECKSUMS)).ok()?;
    let figures = read_figures(&fs::read(folder.join("statement.json")).ok()?).ok()?;
    let shelved = Shelved {
        number: format!("{month}-{edition}"),
        month,
        service: service.map_or_else(|| id.to_owned(), |service| service.name.clone()),
        verdict: figures.verdict,
        lower: figures.tally.availability().map(|rates| rates.lower),
        replaced: false,
        folder: format!("{month}/{edition}/"),
        files: checksums
            .lines()
            .filter_map(|line| Some(line.split_once("  ")?.1.to_owned()))
            .collect(),
    };
    Some((shelved, id.to_owned(), revision))
}

/// What stands in a folder, in order.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()?;
    names.sort();
    Ok(names)
}
