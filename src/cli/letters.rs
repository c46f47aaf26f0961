//! `vigie letters`: where each letter to a partner stands, and what to do about it.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::{Subcommand, ValueEnum};

use super::{ConfigPlace, Failure, exit, open_beside, open_reader, print, runtime, whoami};
use crate::app::letters::{Post, Round, message, send_due};
use crate::clock::Clock;
use crate::config::Config;
use crate::mail::{Dkim, Mailer, Sender};
use crate::sla::catalog::PartnerId;
use crate::store::{LetterFilter, LetterId, LetterState, SavedLetter, Store};

/// List, show, preview, send and resend letters to partners
///
/// Letters are put into the outbox when a month is closed; `vigie run` sends them.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List letters and where they stand
    List(Which),
    /// Show all about one letter
    Show {
        /// Its number, from `vigie letters list`
        id: u32,
    },
    /// Write a letter as an .eml file, which mail programs open
    Preview {
        /// Its number, from `vigie letters list`
        id: u32,
        /// Where to; without it, a file named after the letter, here
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Send what is due now, without waiting for the daemon
    Send,
    /// Print the DNS record that lets receivers check the signature of letters (DKIM)
    DkimRecord,
    /// Put letters that were sent or given up back into the outbox
    Resend {
        /// Their numbers, from `vigie letters list`
        #[arg(required_unless_present = "failed")]
        ids: Vec<u32>,
        /// Those that were given up, of this month
        #[arg(long, value_name = "MONTH", conflicts_with = "ids")]
        failed: Option<String>,
    },
}

#[derive(clap::Args)]
struct Which {
    /// One month only, for example 2025-10
    #[arg(long)]
    month: Option<String>,
    /// One partner only
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// In one state only
    #[arg(long, value_enum)]
    state: Option<State>,
}

#[derive(Clone, Copy, ValueEnum)]
enum State {
    Unwritten,
    Held,
    Due,
    Sent,
    Failed,
    Superseded,
}

impl From<State> for LetterState {
    fn from(state: State) -> Self {
        match state {
            State::Unwritten => Self::Unwritten,
            State::Held => Self::Held,
            State::Due => Self::Due,
            State::Sent => Self::Sent,
            State::Failed => Self::Failed,
            State::Superseded => Self::Superseded,
        }
    }
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    match &args.command {
        Command::List(which) => list(&config, which),
        Command::Show { id } => {
            let store = open_reader(&config)?;
            print(describe(&find(&store, *id)?))?;
            Ok(exit::OK)
        }
        Command::Preview { id, output } => preview(&config, *id, output.as_ref()),
        Command::Send => send(&config),
        Command::DkimRecord => dkim_record(&config),
        Command::Resend { ids, failed } => resend(&config, ids, failed.as_deref()),
    }
}

fn list(config: &Config, which: &Which) -> Result<u8, Failure> {
    let partner = match &which.partner {
        None => None,
        Some(id) => Some(
            PartnerId::new(id)
                .ok_or_else(|| Failure::input(anyhow!("read partner `{id}`: it is not an id")))?,
        ),
    };
    let filter = LetterFilter {
        state: which.state.map(LetterState::from),
        month: which.month.clone(),
        partner,
        service: None,
    };
    let letters = open_reader(config)?
        .letters(&filter)
        .map_err(Failure::system)?;
    if letters.is_empty() {
        print("no letters\n")?;
    }
    for letter in letters {
        let since = letter.since.to_utc().format("%Y-%m-%d %H:%MZ");
        let answer = letter.last_answer.as_deref().unwrap_or_default();
        let line = format!(
            "{:>6}  {:<10} {since}  {:<28} {:<28} {:<32} {answer}",
            letter.id.0,
            letter.state.code(),
            letter.partner.as_str(),
            letter.number(),
            letter.recipient,
        );
        print(format!("{}\n", line.trim_end()))?;
    }
    Ok(exit::OK)
}

fn describe(letter: &SavedLetter) -> String {
    let mut lines = vec![
        ("letter", letter.id.to_string()),
        ("statement", letter.number()),
        ("partner", letter.partner.to_string()),
        ("mailbox", letter.recipient.clone()),
        (
            "state",
            format!("{} since {}", letter.state.code(), letter.since),
        ),
        ("attempts", letter.n_attempts.to_string()),
    ];
    if let Some(at) = letter.last_attempt {
        lines.push(("last attempt", at.to_string()));
    }
    if let Some(at) = letter.next_attempt {
        lines.push(("next attempt", format!("not before {at}")));
    }
    if let Some(answer) = &letter.last_answer {
        lines.push(("last answer", answer.clone()));
    }
    let mut text: String = lines
        .into_iter()
        .map(|(name, value)| format!("{name:<14}{value}\n"))
        .collect();
    if let Some(content) = &letter.content {
        text.push_str(&format!(
            "{:<14}{}\n{:<14}{}\n\n{}",
            "documents",
            content.documents.join(", "),
            "subject",
            content.subject,
            content.text
        ));
    }
    text
}

fn preview(config: &Config, id: u32, output: Option<&PathBuf>) -> Result<u8, Failure> {
    let letter = find(&open_reader(config)?, id)?;
    let sender = Sender::from_config(&config.mail).map_err(Failure::input)?;
    let mail =
        message(post(config, &sender, ""), &letter, Clock::System.now()).map_err(Failure::input)?;
    let path = output.cloned().unwrap_or_else(|| mail.file_name().into());
    std::fs::write(&path, mail.bytes())
        .with_context(|| format!("write `{}`", path.display()))
        .map_err(Failure::system)?;
    print(format!("{}\n", path.display()))?;
    Ok(exit::OK)
}

fn send(config: &Config) -> Result<u8, Failure> {
    let sender = Sender::from_config(&config.mail).map_err(Failure::input)?;
    let mut mailer = Mailer::new(&config.mail)
        .map_err(Failure::input)?
        .ok_or_else(|| {
            Failure::input(anyhow!(
                "send letters: neither `relay` nor `folder` is set in [mail]"
            ))
        })?;
    let mut store = open_beside(config)?;
    let who = whoami();
    let Round {
        sent,
        postponed,
        failed,
        stopped,
    } = runtime()?
        .block_on(send_due(
            &mut store,
            &mut mailer,
            post(config, &sender, &who),
            &Clock::System,
            &|| true,
        ))
        .map_err(Failure::system)?;
    print(format!(
        "{sent} sent, {postponed} postponed, {failed} given up\n"
    ))?;
    if let Some(reason) = stopped {
        return Err(Failure::system(anyhow!("{reason}")));
    }
    Ok(if postponed + failed == 0 {
        exit::OK
    } else {
        exit::NEGATIVE
    })
}

fn dkim_record(config: &Config) -> Result<u8, Failure> {
    let dkim = config.mail.dkim.as_ref().ok_or_else(|| {
        Failure::input(anyhow!(
            "print the record of the key that signs letters: `dkim` is not set in [mail]"
        ))
    })?;
    let dkim = Dkim::from_config(dkim).map_err(Failure::input)?;
    print(format!("{}\n", dkim.record().map_err(Failure::input)?))?;
    Ok(exit::OK)
}

fn resend(config: &Config, ids: &[u32], failed: Option<&str>) -> Result<u8, Failure> {
    let mut store = open_beside(config)?;
    let ids: Vec<LetterId> = match failed {
        None => ids.iter().copied().map(LetterId).collect(),
        Some(month) => {
            let filter = LetterFilter {
                state: Some(LetterState::Failed),
                month: Some(month.to_owned()),
                ..LetterFilter::default()
            };
            let failed = store.letters(&filter).map_err(Failure::system)?;
            failed.into_iter().map(|letter| letter.id).collect()
        }
    };
    let who = whoami();
    let mut status = exit::OK;
    for id in ids {
        let letter = find(&store, id.0)?;
        let requeued = store
            .requeue_letter(id, &who, Clock::System.now())
            .map_err(Failure::system)?;
        if requeued {
            print(format!("letter {id} is due again\n"))?;
        } else {
            status = exit::NEGATIVE;
            let state = letter.state.code();
            print(format!(
                "letter {id} is {state}: only one that was sent or given up can be sent again\n"
            ))?;
        }
    }
    Ok(status)
}

fn find(store: &Store, id: u32) -> Result<SavedLetter, Failure> {
    store
        .letter(LetterId(id))
        .map_err(Failure::system)?
        .ok_or_else(|| {
            Failure::input(anyhow!(
                "find letter {id}: there is none of this number: see `vigie letters list`"
            ))
        })
}

fn post<'a>(config: &'a Config, sender: &'a Sender, who: &'a str) -> Post<'a> {
    Post {
        catalog: &config.catalog,
        sender,
        reports: &config.reports.directory,
        who,
    }
}
