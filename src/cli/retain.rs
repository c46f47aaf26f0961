//! `vigie retain`: remove what is past its retention.

use super::{ConfigPlace, Failure, exit, open_beside, open_reader, print, whoami};
use crate::app::retain::{
    contacts_past_retention, documents_past_retention, limits, remove_documents,
};
use crate::clock::Clock;
use crate::sla::window::Timestamp;

/// Remove what is past its retention, as `[retention]` says; the daemon does so once a day
///
/// What stays can still be verified, and the journal says what went. Statements and reports are
/// always kept.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Tell what would go, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    let now = Clock::System.now();
    let (limits, removed, documents) = if args.dry_run {
        let store = open_reader(&config)?;
        let limits = limits(&config, &store, now).map_err(Failure::system)?;
        let removed = store.retained(&limits).map_err(Failure::system)?;
        let documents = documents_past_retention(&config, &store, &limits);
        (limits, removed, documents.map_err(Failure::system)?)
    } else {
        let mut store = open_beside(&config)?;
        let limits = limits(&config, &store, now).map_err(Failure::system)?;
        let removed = store
            .remove(&limits, &whoami(), now)
            .map_err(Failure::system)?;
        let documents =
            documents_past_retention(&config, &store, &limits).map_err(Failure::system)?;
        remove_documents(&mut store, &documents, &whoami(), now).map_err(Failure::system)?;
        (limits, removed, documents)
    };
    let verb = if args.dry_run { "would go" } else { "went" };
    print(format!(
        "evidence{}: {} observations in {} blocks, {} traces, {} records of missed ticks {verb}\n\
         evidence beside the reports: {} documents {verb}; the partners' folders keep theirs\n\
         journal{}: {} entries {verb}\n\
         letters to partners who left: {} {verb}\n",
        from_before(limits.evidence_before),
        removed.n_observations,
        removed.n_blocks,
        removed.n_traces,
        removed.n_missed,
        documents.len(),
        from_before(limits.journal_before),
        removed.n_journal_entries,
        removed.n_letters,
    ))?;
    for partner in contacts_past_retention(&config, now) {
        print(format!(
            "partner `{partner}` left long ago: remove its `contacts` from the configuration\n"
        ))?;
    }
    Ok(exit::OK)
}

fn from_before(limit: Timestamp) -> String {
    if limit == Timestamp::MIN {
        return ", kept for ever".to_owned();
    }
    format!(" from before {limit}")
}
