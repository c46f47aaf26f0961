//! `vigie probe`: ask once, and tell what came of it.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::seen::{describe, is_slow, outcome, probe_json};
use super::{ConfigPlace, Failure, exit, print, runtime};
use crate::app::load::unknown;
use crate::clock::Clock;
use crate::probe::Prober;
use crate::sla::catalog::{Endpoint, EndpointId, HostPort, HttpProbe, Url, VantageId};
use crate::sla::explanation::Explanation;
use crate::sla::observation::{Finding, Outcome};
use crate::sla::window::Timestamp;

/// How long an address that no configuration knows may take.
const TIMEOUT_MS: i64 = 10_000;
/// How many redirects of it are followed.
const REDIRECTS_MAX: usize = 10;

/// Ask an endpoint once and tell what came of it
///
/// Shows the connections that were made, the certificates, how long each stage took, and every
/// assertion with what was found. Nothing is stored. Exit status 0 if it answered as expected, 1 if
/// it failed or nothing can be said of it; with --all, 0 only if all of them answered so.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The endpoint's id, as in the configuration; or an http or https address, which needs none
    #[arg(required_unless_present = "all", value_name = "ENDPOINT|URL")]
    endpoint: Option<String>,
    /// Ask every endpoint once, and tell each in a line
    #[arg(long, conflicts_with = "endpoint")]
    all: bool,
    /// Print what came of it as JSON: an object, or a list with --all
    #[arg(long)]
    json: bool,
}

/// Whom to ask, and with what.
struct Asked {
    endpoints: Vec<Arc<Endpoint>>,
    vantage: VantageId,
    controls: Vec<HostPort>,
    concurrency_max: usize,
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let asked = match &args.endpoint {
        Some(text) if text.contains("://") => address(text)?,
        // No id of an endpoint has one of these.
        Some(text) if text.contains(['.', ':', '/']) => {
            return Err(Failure::input(anyhow::anyhow!(
                "find endpoint `{text}`: this is no id; for an address, write `http://{text}` or `https://{text}`"
            )));
        }
        Some(id) => configured(Some(id), place)?,
        None => configured(None, place)?,
    };
    let prober = Prober::new(asked.vantage.clone())
        .map_err(Failure::system)?
        .with_controls(asked.controls.clone());
    let mut unready = Vec::new();
    for endpoint in &asked.endpoints {
        match prober.prepare(endpoint) {
            Err(error) if !args.all => return Err(Failure::input(error)),
            // The others are asked all the same.
            prepared => unready.push(prepared.err()),
        }
    }
    let seen = runtime()?.block_on(ask(&prober, &asked));
    let (mut n_answered, mut n_slow, mut n_unasked) = (0, 0, 0);
    let mut all_json = Vec::new();
    let lengths = asked.endpoints.iter().map(|one| one.id.as_str().len());
    let width = lengths.max().unwrap_or_default();
    let asked_and_seen = asked.endpoints.iter().zip(&unready).zip(&seen);
    for ((endpoint, unready), (at, finding, explanation)) in asked_and_seen {
        let answered = matches!(finding.observation.outcome, Outcome::Answered { .. });
        n_answered += usize::from(answered);
        n_slow += usize::from(is_slow(endpoint, finding.observation.outcome));
        n_unasked += usize::from(unready.is_some());
        if args.json {
            all_json.push(probe_json(endpoint, finding, explanation));
        } else if args.all {
            let mark = if answered { "✓" } else { "✗" };
            let told = match unready {
                Some(error) => format!("not asked: could not {error}"),
                None => outcome(endpoint, finding),
            };
            print(format!("{mark} {:<width$}  {told}\n", endpoint.id.as_str()))?;
        } else {
            let told = describe(endpoint, *at, finding, explanation);
            print(format!("{}  {}\n{told}", endpoint.id, endpoint.probe))?;
        }
    }
    let n_endpoints = seen.len();
    if args.json {
        let json = match (args.all, all_json.pop()) {
            (false, Some(only)) => only,
            (_, last) => all_json.into_iter().chain(last).collect(),
        };
        print(format!("{json:#}\n"))?;
    } else if args.all {
        let mut sum = format!("{n_answered} of {n_endpoints} answered as expected");
        if n_slow > 0 {
            sum.push_str(&format!(", {n_slow} of them slower than its objective"));
        }
        if n_unasked > 0 {
            sum.push_str(&format!("; {n_unasked} could not be asked"));
        }
        print(format!("{sum}\n"))?;
    }
    Ok(if n_answered == n_endpoints {
        exit::OK
    } else {
        exit::NEGATIVE
    })
}

/// An address that no configuration need know: a `GET` that expects 200 at the end of its redirects.
fn address(text: &str) -> Result<Asked, Failure> {
    let refused = |why: &str| {
        Failure::input(anyhow::anyhow!(
            "read the address: {why}; write one like `https://api.example/ping`"
        ))
    };
    let parsed = url::Url::parse(text).map_err(|error| refused(&error.to_string()))?;
    let tls = match parsed.scheme() {
        "https" => true,
        "http" => false,
        other => return Err(refused(&format!("`{other}` is neither http nor https"))),
    };
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(refused("it holds a user or a password"));
    }
    let host = match parsed.host() {
        Some(url::Host::Domain(name)) => name.to_owned(),
        Some(url::Host::Ipv4(address)) => address.to_string(),
        Some(url::Host::Ipv6(address)) => address.to_string(),
        None => return Err(refused("it names no host")),
    };
    let path = match parsed.query() {
        Some(query) => format!("{}?{query}", parsed.path()),
        None => parsed.path().to_owned(),
    };
    let port = parsed.port_or_known_default();
    let probe = HttpProbe {
        redirects_max: REDIRECTS_MAX,
        ..HttpProbe::get(Url {
            tls,
            port: port.ok_or_else(|| refused("it names no port"))?,
            path,
            host: host.clone(),
        })
    };
    let id = EndpointId::new(&host).ok_or_else(|| refused("its host is too long"))?;
    Ok(Asked {
        endpoints: vec![Arc::new(Endpoint {
            id,
            label: host,
            data_provider: None,
            contractual: false,
            retired: false,
            vantages: Vec::new(),
            probe: probe.into(),
            interval_ms: 2 * TIMEOUT_MS,
            timeout_ms: TIMEOUT_MS,
            validity_ms: 6 * TIMEOUT_MS,
            latency_objective_ms: None,
            confirmation: None,
        })],
        vantage: VantageId::new("here").ok_or_else(|| refused("no name for this place"))?,
        controls: Vec::new(),
        concurrency_max: 1,
    })
}

/// One endpoint of the configuration, or all of them.
fn configured(id: Option<&str>, place: &ConfigPlace) -> Result<Asked, Failure> {
    let config = place.load()?;
    let known = || config.catalog.endpoints().map(|(_, endpoint)| endpoint);
    let endpoints = match id {
        Some(id) => {
            let found = config.catalog.endpoint(id).ok_or_else(|| {
                let ids = known().map(|endpoint| &endpoint.id);
                Failure::input(anyhow::Error::msg(unknown("endpoint", id, ids)))
            })?;
            vec![Arc::new(found.1.clone())]
        }
        None => known()
            .filter(|endpoint| !endpoint.retired)
            .cloned()
            .collect(),
    };
    Ok(Asked {
        endpoints,
        vantage: config.vantage.clone(),
        controls: config.probing.controls.clone(),
        concurrency_max: config.probing.concurrency_max,
    })
}

/// Asks all of them, as many at once as the daemon would, and tells in their order.
async fn ask(prober: &Prober, asked: &Asked) -> Vec<(Timestamp, Finding, Explanation)> {
    let permits = Arc::new(Semaphore::new(asked.concurrency_max));
    let mut under_way = JoinSet::new();
    for (idx, endpoint) in asked.endpoints.iter().cloned().enumerate() {
        let (prober, permits) = (prober.clone(), Arc::clone(&permits));
        under_way.spawn(async move {
            // The semaphore is never closed.
            let _permit = permits.acquire_owned().await;
            let now = Clock::System.now();
            let (finding, explanation) = prober.explain(&endpoint, now, now).await;
            (idx, (now, finding, explanation))
        });
    }
    let mut seen = under_way.join_all().await;
    seen.sort_by_key(|(idx, _)| *idx);
    seen.into_iter().map(|(_, one)| one).collect()
}
