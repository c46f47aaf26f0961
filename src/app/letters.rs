//! From the outbox to the mailer.
//!
//! ```text
//! claim (store) --> read documents --> compose --> send (mailer) --> record (store, journal)
//! ```
//!
//! A crash between any two steps is repaired by the next round: a letter that was claimed and not
//! recorded is due again when the claim has run out. It may then have been sent already, which
//! cannot be known; it goes out once more as the same message, byte for byte.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use super::archive::folder;
use super::watch::Lead;
use crate::clock::Clock;
use crate::config::Config;
use crate::mail::{Dispatch, Mail, Mailer, Sender, masked};
use crate::metrics::{Letters, Metrics};
use crate::report::{Delivery, Document, Letter, LetterText, Report, write_letter};
use crate::sla::catalog::{Catalog, Partner, ServiceId};
use crate::sla::window::{HOUR_MS, MINUTE_MS, Timestamp};
use crate::store::{Attempt, LetterContent, LetterId, Release, SavedLetter, Store, StoreError};

/// How long a claim holds: longer than any mailer takes for one letter.
const CLAIM_MS: i64 = HOUR_MS;
/// How long after the first attempt the second one follows; each further one after twice as long
/// as the one before.
const FIRST_PAUSE_MS: i64 = 5 * MINUTE_MS;
/// The longest pause between two attempts.
const PAUSE_MS_MAX: i64 = 4 * HOUR_MS;
/// How long a letter is tried before it is given up (RFC 5321, 4.5.4.1: four to five days).
const PATIENCE_MS: i64 = 5 * 24 * HOUR_MS;
/// How long a letter rests when the mail server could not be reached, or its documents were not
/// there.
const REPAIR_MS: i64 = 5 * MINUTE_MS;
/// Connections that break in a row before a round ends: then it is not the letters.
const INTERRUPTIONS_MAX: usize = 3;
/// Letters listed at a time.
const BATCH: usize = 100;

/// How often the daemon looks into the outbox.
const ROUND_EVERY: Duration = Duration::from_secs(60);
/// What a link leads to.
const PAGE: &str = "rapport.html";

/// Letters that have been due for longer than this are late.
pub const LATE_MS: i64 = 24 * HOUR_MS;

/// Whom the letters about a statement are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addressees {
    /// Nobody: no letters are configured.
    Off,
    /// Nobody: the provider ended the connection.
    Revoked,
    /// Nobody: the partner has no contact.
    NoContact,
    /// These mailboxes, each once.
    Mailboxes(Vec<String>),
}

/// Whom the letters about a statement to `partner` about `service` are for, as of `now`.
///
/// Every partner that was connected at any moment of the month, also one that left; not one whose
/// connection the provider ended and did not renew, unless the operator wants it so.
pub fn addressees(
    config: &Config,
    partner: &Partner,
    service: &ServiceId,
    now: Timestamp,
) -> Addressees {
    if config.mail.transport.is_none() {
        return Addressees::Off;
    }
    let revoked = partner.memberships.iter().any(|membership| {
        membership.service == *service
            && membership.revoked.is_some_and(|at| at <= now)
            && !membership.windows.contains(now)
    });
    if revoked && !config.mail.revoked_partners {
        return Addressees::Revoked;
    }
    let mut mailboxes: Vec<String> = Vec::new();
    for contact in &partner.contacts {
        if !mailboxes.contains(contact) {
            mailboxes.push(contact.clone());
        }
    }
    if mailboxes.is_empty() {
        return Addressees::NoContact;
    }
    Addressees::Mailboxes(mailboxes)
}

/// Writes the letters of a saved statement whose documents stand on disk; those that are written
/// already stay as they are.
///
/// # Errors
/// The store refuses.
pub(super) fn write_letters(
    config: &Config,
    store: &mut Store,
    report: &Report<'_>,
    revision: u32,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (partner, service) = (&report.partner.id, &report.service.id);
    let letters = store.unwritten_letters(partner, service, report.month, revision)?;
    if letters.is_empty() {
        return Ok(());
    }
    let link = config.mail.base_url.as_ref().map(|base| {
        let month = report.month;
        format!("{base}/{partner}/{month}/{service}-v{revision}/{PAGE}")
    });
    let text = write_letter(
        report,
        &Delivery {
            attached: !config.mail.attach.is_empty(),
            link: link.as_deref(),
            signature: config.mail.signature.as_deref(),
        },
    );
    let content = LetterContent {
        subject: text.subject,
        text: text.plain,
        html: text.html,
        documents: config.mail.attach.clone(),
    };
    let release = if config.mail.review {
        Release::AfterApproval
    } else {
        Release::Now
    };
    for letter in letters {
        store.write_letter(letter.id, &content, release, now)?;
    }
    Ok(())
}

/// What sending needs, beside what the outbox holds of a letter.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    /// Who is who.
    pub catalog: &'a Catalog,
    /// In whose name letters are sent.
    pub sender: &'a Sender,
    /// The folder under which each partner's months are written.
    pub reports: &'a Path,
    /// Who sends, for the journal.
    pub who: &'a str,
}

/// What came of a round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Letters that the mail server has taken over.
    pub sent: usize,
    /// Letters that are to be tried again.
    pub postponed: usize,
    /// Letters that were given up.
    pub failed: usize,
    /// Why the round ended before its last letter, if it did.
    pub stopped: Option<String>,
}

/// Why a saved letter cannot be put together.
#[derive(Debug, thiserror::Error)]
enum Unready {
    #[error("the {what} `{id}` is no longer in the configuration: put it back")]
    Unknown { what: &'static str, id: String },
    #[error("letter {0} is not written yet: close its month again")]
    Unwritten(LetterId),
    #[error("read document `{}`: {source}: close the month again, it writes the document", path.display())]
    Document {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Mail(#[from] crate::mail::MailError),
}

/// Sends every letter that may be tried now, as long as `go_on` says so. Blocks on the store
/// between letters: run it where that does no harm.
///
/// # Errors
/// The store refuses; what was sent until then is recorded.
pub async fn send_due(
    store: &mut Store,
    mailer: &mut Mailer,
    post: Post<'_>,
    clock: &Clock,
    go_on: &(dyn Fn() -> bool + Sync),
) -> Result<Round, StoreError> {
    let mut round = Round::default();
    let mut interruptions = 0;
    let outcome = 'round: loop {
        let due = match store.due_letters(clock.now(), BATCH) {
            Ok(due) if due.is_empty() => break Ok(()),
            Ok(due) => due,
            Err(error) => break Err(error),
        };
        for id in due {
            if !go_on() {
                break 'round Ok(());
            }
            match send(store, mailer, post, clock, id).await {
                Ok(None) => {}
                Ok(Some(Outcome::Sent)) => {
                    round.sent += 1;
                    interruptions = 0;
                }
                Ok(Some(Outcome::Postponed)) => {
                    round.postponed += 1;
                    interruptions = 0;
                }
                Ok(Some(Outcome::Failed)) => {
                    round.failed += 1;
                    interruptions = 0;
                }
                Ok(Some(Outcome::Interrupted(reason))) => {
                    round.postponed += 1;
                    interruptions += 1;
                    if interruptions == INTERRUPTIONS_MAX {
                        round.stopped = Some(reason);
                        break 'round Ok(());
                    }
                }
                Ok(Some(Outcome::Unavailable(reason))) => {
                    round.postponed += 1;
                    round.stopped = Some(reason);
                    break 'round Ok(());
                }
                Err(error) => break 'round Err(error),
            }
        }
    };
    mailer.close().await;
    if let Some(reason) = &round.stopped {
        warn!(reason, "letters wait: failed to {reason}");
    }
    outcome.map(|()| round)
}

/// The message of a letter, as it would be sent or was sent.
///
/// # Errors
/// The letter is not written, a document of it is not there, or its partner or service is no
/// longer in the configuration.
pub fn message(post: Post<'_>, letter: &SavedLetter, now: Timestamp) -> anyhow::Result<Mail> {
    Ok(compose(post, letter, now)?)
}

/// The daemon's postman: sends what is due, minute by minute, until it is told to stop.
///
/// A failure is logged and tried again with the next minute.
pub(super) async fn deliver(
    config: Arc<Config>,
    mut mailer: Mailer,
    sender: Sender,
    clock: Clock,
    metrics: Arc<Metrics>,
    mut lead: watch::Receiver<Lead>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let leads = *lead.borrow_and_update();
        let work = spawn_blocking({
            let (config, sender, clock) = (Arc::clone(&config), sender.clone(), clock.clone());
            let (metrics, stop) = (Arc::clone(&metrics), stopped.clone());
            let runtime = tokio::runtime::Handle::current();
            move || {
                let go_on = || !*stop.borrow();
                let round =
                    runtime.block_on(round(&config, &mut mailer, &sender, &clock, leads, &go_on));
                (mailer, round.map(|counts| metrics.letters(&counts)))
            }
        });
        mailer = match work.await {
            Ok((mailer, Ok(()))) => mailer,
            Ok((mailer, Err(failure))) => {
                error!("failed to send letters: failed to {failure}; trying again in a minute");
                mailer
            }
            Err(failure) => {
                error!("failed to send letters: {failure}; no more are sent until a restart");
                return;
            }
        };
        tokio::select! {
            () = tokio::time::sleep(ROUND_EVERY) => {}
            // Whoever leads from now on need not wait.
            Ok(()) = lead.changed() => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

async fn round(
    config: &Config,
    mailer: &mut Mailer,
    sender: &Sender,
    clock: &Clock,
    lead: Lead,
    go_on: &(dyn Fn() -> bool + Sync),
) -> Result<Letters, StoreError> {
    let mut store = Store::open_beside(&config.store)?.led_by(lead.fence());
    let post = Post {
        catalog: &config.catalog,
        sender,
        reports: &config.reports.directory,
        who: "vigie run",
    };
    if lead.acts() {
        send_due(&mut store, mailer, post, clock, go_on).await?;
    }
    let counts = store.outbox_counts(clock.now(), LATE_MS)?;
    Ok(Letters {
        unwritten: counts.unwritten,
        held: counts.held,
        due: counts.due,
        late: counts.late,
        sent: counts.sent,
        failed: counts.failed,
    })
}

/// What came of one letter.
enum Outcome {
    Sent,
    Postponed,
    Failed,
    Interrupted(String),
    Unavailable(String),
}

/// Sends one letter, if it is still to be sent.
async fn send(
    store: &mut Store,
    mailer: &mut Mailer,
    post: Post<'_>,
    clock: &Clock,
    id: LetterId,
) -> Result<Option<Outcome>, StoreError> {
    let now = clock.now();
    let Some(letter) = store.claim_letter(id, now, now.plus_ms(CLAIM_MS))? else {
        return Ok(None);
    };
    let (dispatch, message_id, sha256) = match compose(post, &letter, now) {
        Ok(mail) => (
            mailer.send(&mail).await,
            mail.message_id().to_owned(),
            mail.sha256(),
        ),
        Err(Unready::Mail(error)) => {
            let answer = error.to_string();
            (Dispatch::Refused { answer }, String::new(), [0; 32])
        }
        Err(unready) => {
            warn!(letter.id = %id, "letter {id} waits: {unready}");
            let attempt = Attempt::Unable {
                reason: unready.to_string(),
                next: clock.now().plus_ms(REPAIR_MS),
            };
            store.record_attempt(id, &attempt, post.who, clock.now())?;
            return Ok(Some(Outcome::Postponed));
        }
    };

    let now = clock.now();
    let to = masked(&letter.recipient);
    let next = now.plus_ms(pause_ms(letter.n_attempts));
    let given_up = letter
        .dated
        .is_some_and(|dated| next.since(dated) > PATIENCE_MS);
    let (attempt, outcome) = match dispatch {
        Dispatch::Sent { answer } => {
            info!(message.id = message_id, "sent letter {id} to {to}");
            let attempt = Attempt::Sent {
                answer,
                message_id,
                message_sha256: sha256,
            };
            (attempt, Outcome::Sent)
        }
        Dispatch::Refused { answer } => {
            warn!(message.id = message_id, "letter {id} to {to} was refused");
            (Attempt::Failed { answer }, Outcome::Failed)
        }
        Dispatch::Deferred { answer } if given_up => {
            warn!(message.id = message_id, "gave letter {id} to {to} up");
            (Attempt::Failed { answer }, Outcome::Failed)
        }
        Dispatch::Deferred { answer } => {
            info!(message.id = message_id, "letter {id} to {to} was deferred");
            let attempt = Attempt::Later {
                answer,
                next,
                may_have_arrived: false,
            };
            (attempt, Outcome::Postponed)
        }
        Dispatch::Interrupted { reason } => {
            warn!(
                message.id = message_id,
                "letter {id} to {to} may have arrived: {reason}"
            );
            let attempt = if given_up {
                Attempt::Failed {
                    answer: reason.clone(),
                }
            } else {
                Attempt::Later {
                    answer: reason.clone(),
                    next,
                    may_have_arrived: true,
                }
            };
            (attempt, Outcome::Interrupted(reason))
        }
        // Never given up: it is ours to repair, and the letter is late for all to see.
        Dispatch::Unavailable { reason } => {
            let attempt = Attempt::Unable {
                reason: reason.clone(),
                next: now.plus_ms(REPAIR_MS),
            };
            (attempt, Outcome::Unavailable(reason))
        }
    };
    store.record_attempt(id, &attempt, post.who, now)?;
    Ok(Some(outcome))
}

/// How long to wait after attempt number `n`, counted from 1.
fn pause_ms(n: u32) -> i64 {
    // Twelve doublings are beyond the longest pause already.
    let doublings = n.saturating_sub(1).min(12);
    (FIRST_PAUSE_MS << doublings).min(PAUSE_MS_MAX)
}

fn compose(post: Post<'_>, letter: &SavedLetter, now: Timestamp) -> Result<Mail, Unready> {
    let Some(content) = &letter.content else {
        return Err(Unready::Unwritten(letter.id));
    };
    let partner = post
        .catalog
        .partner(letter.partner.as_str())
        .ok_or_else(|| Unready::Unknown {
            what: "partner",
            id: letter.partner.to_string(),
        })?;
    let number = letter.number();
    let folder = folder(post.reports, &letter.partner, letter.month, &number);
    let documents = read_documents(&folder, &number, content)?;
    let composed = Letter {
        number,
        partner: letter.partner.clone(),
        to_name: partner.name.clone(),
        to_address: letter.recipient.clone(),
        language: partner.language,
        text: LetterText {
            subject: content.subject.clone(),
            plain: content.text.clone(),
            html: content.html.clone(),
        },
        documents,
    };
    Ok(Mail::compose(
        &composed,
        post.sender,
        letter.dated.unwrap_or(now),
    )?)
}

fn read_documents(
    folder: &Path,
    number: &str,
    content: &LetterContent,
) -> Result<Vec<Document>, Unready> {
    let read = |name: &String| {
        let path = folder.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Document {
                media_type: media_type(name),
                name: attached_name(name, number),
                bytes,
            }),
            Err(source) => Err(Unready::Document { path, source }),
        }
    };
    content.documents.iter().map(read).collect()
}

/// `rapport-2025-10-particulier-v1.pdf`: whoever keeps what is attached keeps it apart from that of
/// other months.
fn attached_name(name: &str, number: &str) -> String {
    match name.split_once('.') {
        Some((stem, extension)) => format!("{stem}-{number}.{extension}"),
        None => format!("{name}-{number}"),
    }
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("pdf") => "application/pdf",
        Some("csv") => "text/csv; charset=utf-8",
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
