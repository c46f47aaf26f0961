//! The demo: a simulator of both APIs, a synthetic past and a configuration that fits them.
//!
//! Only the `demo` command uses it; nothing here is reachable from the daemon's own path.
//!
//! Past and present share one vantage: with two, each alone in its time, a majority would need
//! both, and every failure would be Unknown. What is synthetic is marked otherwise: by the name
//! of the provider, which every page and report shows, and in each failure of the past (see
//! [`history::MARK`]).

pub mod apis;
pub mod history;
pub mod simulator;

use std::fs::Permissions;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tokio::io::AsyncWriteExt as _;

use crate::clock::Clock;
use simulator::{Scenario, Simulator};

/// What the demo tells before anything else.
pub const NOTICE: &str = "This is a demonstration: services, partners and the thirteen months of \
                          history are fictitious; only the probes of the simulator are real.";

/// What the demo's provider is called in place of [`INSTALLATION`]'s, so that every page and
/// report says what it is.
pub const PROVIDER: &str = "Direction de démonstration (données fictives)";

/// The installation that the demo shows.
const INSTALLATION: &str = include_str!("../../config/vigie.toml");

const CONFIG_FILE: &str = "vigie.toml";
const STORE_FILE: &str = "vigie.db";
const CA_FILE: &str = "ca.pem";
const AUTHORIZATION_FILE: &str = "authorization";

/// Why the demo could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No port on loopback.
    #[error("open a port on 127.0.0.1 for the simulator: {0}")]
    Listen(#[source] io::Error),
    /// A key or a certificate could not be made.
    #[error("make the simulator's certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The certificates cannot be served.
    #[error("serve the simulator's certificate: {0}")]
    Tls(#[from] rustls::Error),
    /// There is a store already: a second past on top of it would contradict the first.
    #[error(
        "set up the demo in `{}`: it holds a `{STORE_FILE}` already; remove it or name another directory",
        directory.display()
    )]
    Occupied {
        /// Where.
        directory: PathBuf,
    },
    /// A file or the directory of the demo could not be written.
    #[error("write `{}`: {source}; name a directory that you may write to", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Everything of a demo but its past.
#[derive(Debug)]
pub struct Demo {
    /// Answers until it is dropped.
    pub simulator: Simulator,
    /// The configuration to run, store and reports beside it.
    pub config_file: PathBuf,
}

/// Starts the simulator and writes what a monitor of it needs into `directory`: configuration,
/// authority, token. Its pages will be served on `listen`.
///
/// # Errors
/// No port, no certificate, or a directory that cannot be written or holds a store already.
pub async fn set_up(
    directory: &Path,
    listen: SocketAddr,
    scenario: Scenario,
    clock: Clock,
) -> Result<Demo, DemoError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| DemoError::Write { path, source }
    };
    tokio::fs::create_dir_all(directory)
        .await
        .map_err(failed(directory))?;
    let store = directory.join(STORE_FILE);
    if tokio::fs::try_exists(&store)
        .await
        .map_err(failed(&store))?
    {
        return Err(DemoError::Occupied {
            directory: directory.to_owned(),
        });
    }
    let simulator = simulator::start(scenario, clock).await?;
    let files = [
        (CA_FILE, simulator.ca_pem.clone()),
        (AUTHORIZATION_FILE, format!("Bearer {}\n", apis::TOKEN)),
        (CONFIG_FILE, config_toml(&simulator, listen)),
    ];
    for (name, content) in files {
        let path = directory.join(name);
        write_private(&path, &content)
            .await
            .map_err(failed(&path))?;
    }
    Ok(Demo {
        simulator,
        config_file: directory.join(CONFIG_FILE),
    })
}

/// Writes a file that only its owner can read: a probe refuses a secret that others can open.
async fn write_private(path: &Path, content: &str) -> io::Result<()> {
    let mut file = tokio::fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .await?;
    // Also where an earlier demo left the file behind.
    file.set_permissions(Permissions::from_mode(0o600)).await?;
    file.write_all(content.as_bytes()).await?;
    file.flush().await
}

/// The realistic installation of `config/vigie.toml`, asking `simulator`, with its pages on
/// `listen` and every file beside the configuration.
///
/// The text is edited rather than written anew, so that its comments stay for those who read it
/// and there is only one installation to keep.
pub fn config_toml(simulator: &Simulator, listen: SocketAddr) -> String {
    let droits_cnam = format!("https://{}", simulator.droits_cnam);
    let edits = [
        (
            "https://api-particulier.example",
            format!("http://{}", simulator.particulier),
        ),
        ("https://droits-cnam.example", droits_cnam.clone()),
        ("Direction de démonstration", PROVIDER.to_owned()),
        ("paris-1", "demo".to_owned()),
        ("127.0.0.1:8430", listen.to_string()),
        ("/var/lib/vigie/vigie.db", STORE_FILE.to_owned()),
        ("/var/lib/vigie/reports", "reports".to_owned()),
        (
            "/etc/vigie/particulier-authorization",
            AUTHORIZATION_FILE.to_owned(),
        ),
    ];
    let mut text =
        "# The demo's configuration, written when it starts: config/vigie.toml with the \
                    simulator's\n# addresses, which change with every start.\n#\n"
            .to_owned();
    for line in INSTALLATION.lines() {
        let mut line = line.to_owned();
        for (original, edited) in &edits {
            line = line.replace(original, edited);
        }
        text.push_str(&line);
        text.push('\n');
        if line.starts_with(&format!("url = \"{droits_cnam}")) {
            text.push_str(&format!("ca_file = \"{CA_FILE}\"\n"));
        }
    }
    text
}

/// A well-mixed number from a number (the finalizer of SplitMix64): the demo's only chance, the
/// same on every machine.
fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
