//! The command line: one file per command.

mod approve;
mod backup;
mod check;
mod close;
mod completions;
mod declare;
mod demo;
mod evidence;
mod explain;
mod export;
mod import;
mod journal;
mod key;
mod letters;
mod man;
mod probe;
mod reload;
mod retain;
mod run;
mod seen;
mod settle;
mod status;
mod trace;
mod usage;
mod vantages;
mod verify;

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Parser, Subcommand};
use tokio::sync::mpsc;

use crate::app::usable::{check_usable, check_usable_at};
use crate::clock::Clock;
use crate::config::{self, Config, Faults};
use crate::sla::window::{TZDATA_VERSION, Timestamp, instant_of_local};
use crate::store::{Store, StoreError};

/// Exit statuses, the same for every command.
pub mod exit {
    /// Done, and all is well.
    pub const OK: u8 = 0;
    /// Done, and the answer is no: a probe failed, a verification found a difference, a month
    /// could not be closed for some partner.
    pub const NEGATIVE: u8 = 1;
    /// Not done: wrong arguments, wrong input, wrong configuration.
    pub const USAGE: u8 = 2;
    /// Not done: the system refused (files, network, database).
    pub const SYSTEM: u8 = 3;
}

/// Watches service endpoints, keeps what it saw, and says each month whether a written
/// availability commitment was kept.
#[derive(Parser)]
#[command(name = "vigie", version = VERSION.as_str(), max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "\
First steps:
  vigie demo             a scene to look at: simulated services, a year of history, reports
  vigie check            reads the configuration and names every fault in it
  vigie probe socle      asks one endpoint once and tells what came of it
  vigie run              the daemon
  vigie close 2025-10    settles a month and writes the reports

The configuration is the file named with --config, else /etc/vigie/vigie.toml if there is one,
else config/vigie.toml.

Exit status: 0 done; 1 done, and the answer is no; 2 wrong arguments, input or configuration;
3 the system refused.")]
struct Args {
    /// The configuration file
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Args),
    Reload(reload::Args),
    Check(check::Args),
    Probe(probe::Args),
    Trace(trace::Args),
    Status(status::Args),
    Close(close::Args),
    Approve(approve::Args),
    Letters(letters::Args),
    Explain(explain::Args),
    Declare(declare::Args),
    Journal(journal::Args),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreArgs),
    Retain(retain::Args),
    Evidence(evidence::Args),
    Import(import::Args),
    Export(export::Args),
    Settle(settle::Args),
    Usage(usage::Args),
    Vantages(vantages::Args),
    Verify(verify::Args),
    Key(key::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Man(man::Args),
}

static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} (tzdata {TZDATA_VERSION})", env!("CARGO_PKG_VERSION")));

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let config = ConfigPlace(args.config);
    let result = match &args.command {
        Command::Run(args) => run::run(args, &config),
        Command::Reload(args) => reload::run(args, &config),
        Command::Check(args) => check::run(args, &config),
        Command::Probe(args) => probe::run(args, &config),
        Command::Trace(args) => trace::run(args, &config),
        Command::Status(args) => status::run(args, &config),
        Command::Close(args) => close::run(args, &config),
        Command::Approve(args) => approve::run(args, &config),
        Command::Letters(args) => letters::run(args, &config),
        Command::Explain(args) => explain::run(args, &config),
        Command::Declare(args) => declare::run(args, &config),
        Command::Journal(args) => journal::run(args, &config),
        Command::Backup(args) => backup::backup(args, &config),
        Command::Restore(args) => backup::restore(args, &config),
        Command::Retain(args) => retain::run(args, &config),
        Command::Evidence(args) => evidence::run(args, &config),
        Command::Import(args) => import::run(args, &config),
        Command::Export(args) => export::run(args, &config),
        Command::Settle(args) => settle::run(args),
        Command::Usage(args) => usage::run(args, &config),
        Command::Vantages(args) => vantages::run(args, &config),
        Command::Verify(args) => verify::run(args),
        Command::Key(args) => key::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    };
    ExitCode::from(result.unwrap_or_else(|failure| {
        eprintln!("{}", failure.text);
        failure.status
    }))
}

/// Why a command was not done.
struct Failure {
    status: u8,
    text: String,
}

impl Failure {
    /// What was given is wrong.
    fn input(error: impl Into<anyhow::Error>) -> Self {
        Self::new(exit::USAGE, &error.into())
    }

    /// The system refused if files or the database are behind it, otherwise what was given is
    /// wrong.
    fn sort(error: impl Into<anyhow::Error>) -> Self {
        let error = error.into();
        let is_refusal = error.chain().any(|cause| {
            cause.is::<std::io::Error>()
                || matches!(
                    cause.downcast_ref(),
                    Some(
                        StoreError::Database { .. }
                            | StoreError::File { .. }
                            | StoreError::Block { .. }
                    )
                )
        });
        let status = if is_refusal {
            exit::SYSTEM
        } else {
            exit::USAGE
        };
        Self::new(status, &error)
    }

    /// The configuration is wrong: where, why, and what would be right.
    fn faults(faults: &Faults) -> Self {
        let shown = if std::io::stderr().is_terminal() {
            faults.colored()
        } else {
            faults.to_string()
        };
        Self {
            status: exit::USAGE,
            text: shown.trim_end().to_owned(),
        }
    }

    /// What the configuration points to cannot be used, or could not be tried.
    fn of_use(error: anyhow::Error) -> Self {
        match error.downcast::<Faults>() {
            Ok(faults) => Self::faults(&faults),
            Err(error) => Self::system(error),
        }
    }

    /// The system refused.
    fn system(error: impl Into<anyhow::Error>) -> Self {
        Self::new(exit::SYSTEM, &error.into())
    }

    fn new(status: u8, error: &anyhow::Error) -> Self {
        // Some messages tell their cause themselves: each is told once.
        let text = error.chain().fold(String::new(), |text, cause| {
            let cause = cause.to_string();
            match (text.is_empty(), text.contains(&cause)) {
                (true, _) => cause,
                (false, true) => text,
                (false, false) => format!("{text}: {cause}"),
            }
        });
        Self {
            status,
            text: format!("vigie: failed to {text}"),
        }
    }
}

/// Where the configuration is, if it was said.
struct ConfigPlace(Option<PathBuf>);

impl ConfigPlace {
    fn path(&self) -> PathBuf {
        config::find(self.0.as_deref())
    }

    /// The checked configuration; its faults are shown all at once.
    fn load(&self) -> Result<Config, Failure> {
        self.load_with(config::Overrides::default())
    }

    /// The same, with what the command line says in place of the file.
    fn load_with(&self, overrides: config::Overrides) -> Result<Config, Failure> {
        let path = self.path();
        config::load_with(&path, overrides).map_err(|error| match error {
            config::ConfigError::Faults(faults) => Failure::faults(&faults),
            error => Failure::input(error),
        })
    }

    /// Checks that all that the configuration points to can be used; its faults are shown all at
    /// once.
    fn check_usable(&self, config: &Config) -> Result<(), Failure> {
        check_usable(config, &self.path()).map_err(Failure::of_use)
    }

    /// The same, and that nothing which proves who we are will be refused for its dates.
    fn check_usable_now(&self, config: &Config) -> Result<(), Failure> {
        check_usable_at(config, &self.path(), Clock::System.now()).map_err(Failure::of_use)
    }
}

fn open_reader(config: &Config) -> Result<Store, Failure> {
    Store::open_reader(&config.store).map_err(Failure::system)
}

fn open_beside(config: &Config) -> Result<Store, Failure> {
    Store::open_beside(&config.store).map_err(Failure::system)
}

/// Who is at the keyboard, for the journal: the account that the system runs us as, and not what
/// the environment claims; with `sudo`, also who asked.
fn whoami() -> String {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(uid) = std::fs::metadata("/proc/self").map(|process| process.uid()) else {
        return "unknown".to_owned();
    };
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let account = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string()).then(|| name.to_owned())
    });
    let account = account.unwrap_or_else(|| format!("uid {uid}"));
    match std::env::var("SUDO_USER") {
        Ok(asked) if uid == 0 && !asked.is_empty() => format!("{account} (sudo: {asked})"),
        _ => account,
    }
}

/// The runtime of commands that wait for the network.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::system(anyhow::Error::new(error).context("start the asynchronous runtime"))
        })
}

/// Runs a daemon to its end. Work that it left on other threads (a closing can take minutes) is not
/// waited for: it can be done again.
fn run_daemon<T>(daemon: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime()?;
    let ended = runtime.block_on(daemon);
    runtime.shutdown_background();
    ended
}

/// Logs on standard error: text for people on a terminal, JSON otherwise. `VIGIE_LOG` chooses
/// what is logged (`info` by default, `vigie=debug`).
fn start_logging() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("VIGIE_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,refinery_core=warn"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second start, in a test, keeps the first one's way.
    let _ = if std::io::stderr().is_terminal() {
        logs.with_target(false).try_init()
    } else {
        logs.json().try_init()
    };
}

/// Sends `file` whenever the process is asked to reload (SIGHUP).
fn asked_to_reload(file: PathBuf) -> mpsc::Receiver<PathBuf> {
    use tokio::signal::unix::{SignalKind, signal};
    let (wishes, asked) = mpsc::channel(1);
    match signal(SignalKind::hangup()) {
        Ok(mut hangup) => {
            tokio::spawn(async move {
                while hangup.recv().await.is_some() {
                    // One that waits is enough: it reads what is there when its turn comes.
                    if let Err(mpsc::error::TrySendError::Closed(_)) = wishes.try_send(file.clone())
                    {
                        return;
                    }
                }
            });
        }
        Err(failure) => tracing::warn!("failed to listen to SIGHUP: {failure}"),
    }
    asked
}

/// Ends when the process is asked to end (SIGTERM, SIGINT).
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        // Without handlers the signals end the process at once, which loses nothing committed.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}

/// The bytes of a file, or of standard input for `-`.
fn read_input(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| {
        Failure::input(anyhow::Error::new(error).context(format!("read `{}`", path.display())))
    })
}

/// Writes to standard output; a reader that went away (`| head`) is no failure.
fn print(bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::system(
            anyhow::Error::new(error).context("write to standard output"),
        )),
        _ => Ok(()),
    }
}

/// An instant with its offset, a wall-clock time of `zone` that is shown once, or the midnight at
/// which a day of it begins.
fn instant(text: &str, zone: chrono_tz::Tz) -> anyhow::Result<Timestamp> {
    let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
        .iter()
        .find_map(|form| chrono::NaiveDateTime::parse_from_str(text, form).ok());
    if let Some(local) = local {
        return Ok(instant_of_local(local, zone)?);
    }
    if let Ok(date) = text.parse::<chrono::NaiveDate>() {
        return Ok(instant_of_local(
            date.and_time(chrono::NaiveTime::MIN),
            zone,
        )?);
    }
    match chrono::DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z") {
        Ok(instant) => Ok(Timestamp::try_from(instant)?),
        Err(_) => Ok(text.parse()?),
    }
}
