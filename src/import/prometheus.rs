//! The history of a Prometheus server, or of anything that speaks its query API.
//!
//! A plain selector (`probe_success{instance="…"}`) is read sample by sample, each with the very
//! instant it was taken at: nothing is resampled, and where the server has no sample, nothing is
//! made up. Any other expression is worked out by the server every `step`; it is asked not to
//! carry a sample further than one step, which servers before 2.44 do not honour: they carry the
//! last one up to five minutes into a gap.
//!
//! The digest is the SHA-256 of the lines `<unix milliseconds> <0 or 1>`, in order of time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::digest;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Fact, ImportError, Placed, Range, Readout, file_error, finish, latency_us};
use crate::secret::{self, SecretError};
use crate::sla::catalog::SecretPlace;
use crate::sla::observation::{Fault, Observation, Outcome};
use crate::sla::window::{HOUR_MS, Timestamp, Window};

/// Servers refuse more than 11,000 points an answer.
const POINTS_MAX: i64 = 10_000;
/// So much time is asked for at once, where samples come as they are.
const SAMPLES_MS: i64 = 24 * HOUR_MS;
/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const TIMEOUT: Duration = Duration::from_secs(120);

/// What to ask, and whom.
#[derive(Clone, Debug)]
pub struct Query<'a> {
    /// Scheme, host, port and path before `/api/v1`; without user and password.
    pub url: &'a str,
    /// One series of 0 and 1.
    pub expression: &'a str,
    /// One series of seconds that tells how long answers took, if there is one.
    pub latency: Option<&'a str>,
    /// Absent: sample by sample. In milliseconds.
    pub step_ms: Option<i64>,
    /// From when to when.
    pub window: Window,
    /// Where the whole value of the header `Authorization` is kept.
    pub authorization: Option<&'a SecretPlace>,
    /// A file of trusted authorities (PEM) beside the system's.
    pub ca_file: Option<&'a Path>,
}

/// Asks, piece by piece; `progress` hears how many pieces of how many are read.
///
/// # Errors
/// A server that cannot be reached or refuses, several series (they are listed), values other
/// than 0 and 1, a window that reaches into the future, or nothing in it.
pub async fn read(
    query: &Query<'_>,
    now: Timestamp,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Readout, ImportError> {
    if query.window.end() > now {
        return Err(ImportError::Future {
            source_name: query.url.to_owned(),
            what: "--until".to_owned(),
            at: query.window.end(),
            now,
        });
    }
    let server = Server::new(query.url, query.authorization, query.ca_file)?;
    let pieces = pieces(query);
    let mut states = Series::new(query.expression);
    let mut latencies = query.latency.map(Series::new);
    for (idx, piece) in pieces.iter().enumerate() {
        states.take(server.ask(query, query.expression, *piece).await?);
        if let (Some(expression), Some(latencies)) = (query.latency, &mut latencies) {
            latencies.take(server.ask(query, expression, *piece).await?);
        }
        progress(
            u64::try_from(idx + 1).unwrap_or(u64::MAX),
            u64::try_from(pieces.len()).unwrap_or(u64::MAX),
        );
    }
    let (labels, states) = states.only(query)?;
    let latencies = match latencies {
        Some(latencies) => latencies.only(query)?.1,
        None => BTreeMap::new(),
    };

    let source_name = format!("{}, {}", query.url, query.expression);
    let mut read = Vec::with_capacity(states.len());
    for (unix_ms, value) in states {
        let at = Timestamp::from_unix_ms(unix_ms)
            .ok_or_else(|| server.refuses(format!("{unix_ms} ms is not an instant")))?;
        let outcome = match value.as_str() {
            "1" => Outcome::Answered {
                latency_us: latencies
                    .get(&unix_ms)
                    .and_then(|seconds| seconds.parse().ok())
                    .and_then(|seconds: f64| latency_us(seconds * 1_000.0))
                    .unwrap_or(0),
                partial: false,
            },
            "0" => Outcome::Failed(Fault::Unspecified),
            other => {
                return Err(server.refuses(format!(
                    "`{}` was {other} at {at}: it must be 0 or 1; compare it, for example `{} >= bool 1`; nothing was imported",
                    query.expression, query.expression
                )));
            }
        };
        read.push(Placed {
            place: unix_ms.unsigned_abs(),
            fact: Fact {
                observation: Observation {
                    tick: at,
                    at,
                    outcome,
                },
                message: String::new(),
            },
        });
    }
    let range = Range {
        from: Some(query.window.start()),
        until: Some(query.window.end()),
    };
    let facts = finish(read, "sample", range, now, &source_name)?;
    let mut remarks = Vec::new();
    if !server.warnings.borrow().is_empty() {
        remarks.extend(
            server
                .warnings
                .borrow()
                .iter()
                .map(|warning| format!("the server warns: {warning}")),
        );
    }
    Ok(Readout {
        tool: "prometheus",
        source: match query.step_ms {
            Some(step_ms) => format!("{source_name}, every {step_ms} ms, {labels}"),
            None => format!("{source_name}, {labels}"),
        },
        sha256: digest_of(&facts),
        facts,
        remarks,
    })
}

fn digest_of(facts: &[Fact]) -> [u8; 32] {
    let mut lines = String::new();
    for fact in facts {
        let value = u8::from(matches!(fact.observation.outcome, Outcome::Answered { .. }));
        // Writing to a String does not fail.
        let _ = writeln!(lines, "{} {value}", fact.observation.at.unix_ms());
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest::digest(&digest::SHA256, lines.as_bytes()).as_ref());
    sha256
}

/// Pieces that the server answers at once. In steps, each begins one step after the last point of
/// the one before.
fn pieces(query: &Query<'_>) -> Vec<Window> {
    let length_ms = match query.step_ms {
        Some(step_ms) => step_ms.saturating_mul(POINTS_MAX),
        None => SAMPLES_MS,
    };
    query.window.pieces(length_ms).collect()
}

/// Values by their instants, of each series met, by its labels.
struct Series<'a> {
    expression: &'a str,
    met: BTreeMap<String, BTreeMap<i64, String>>,
}

impl<'a> Series<'a> {
    fn new(expression: &'a str) -> Self {
        Self {
            expression,
            met: BTreeMap::new(),
        }
    }

    fn take(&mut self, matrix: Vec<SeriesJson>) {
        for series in matrix {
            let points = self.met.entry(series.labels()).or_default();
            for (seconds, value) in series.values {
                // To the millisecond, which is what the server keeps.
                points.insert((seconds * 1_000.0).round() as i64, value);
            }
        }
    }

    /// The one series, with its labels; none is as good as an empty one.
    fn only(mut self, query: &Query<'_>) -> Result<(String, BTreeMap<i64, String>), ImportError> {
        if self.met.len() > 1 {
            return Err(ImportError::Several {
                source_name: format!("{}, `{}`", query.url, self.expression),
                list: self.met.into_keys().collect(),
                how: "add labels to the expression until one is left",
            });
        }
        Ok(self.met.pop_first().unwrap_or_default())
    }
}

/// What to count, and whom to ask.
#[derive(Clone, Copy, Debug)]
pub struct Counter<'a> {
    /// As [`Query::url`].
    pub url: &'a str,
    /// One series for each value of the label.
    pub expression: &'a str,
    /// Which label.
    pub label: &'a str,
    /// When.
    pub at: Timestamp,
    /// As [`Query::authorization`].
    pub authorization: Option<&'a SecretPlace>,
    /// As [`Query::ca_file`].
    pub ca_file: Option<&'a Path>,
}

/// What was counted at one instant, by the values of a label, to the nearest whole number.
///
/// # Errors
/// A server that cannot be reached or refuses, a series without the label, several with the same
/// value of it (they are listed), or a value that is no count.
pub async fn count(counter: &Counter<'_>) -> Result<BTreeMap<String, u64>, ImportError> {
    let Counter {
        expression, label, ..
    } = counter;
    let server = Server::new(counter.url, counter.authorization, counter.ca_file)?;
    let points = server.ask_at(expression, counter.at).await?;
    let mut counts = BTreeMap::new();
    for point in &points {
        let series = labels(&point.metric);
        let Some(of) = point.metric.get(*label) else {
            return Err(server.refuses(format!(
                "`{expression}`: the series `{series}` has no label `{label}`: sum by it, or name another with --label"
            )));
        };
        let value = point
            .value
            .as_ref()
            .map_or("a histogram", |(_, value)| value.as_str());
        let count: f64 = value.parse().unwrap_or(f64::NAN);
        // Beyond this, not every whole number has its own floating-point one.
        if !(0.0..=9e15).contains(&count) {
            return Err(server.refuses(format!(
                "`{expression}` was {value} for `{of}`: that is no count"
            )));
        }
        if counts.insert(of.clone(), count.round() as u64).is_some() {
            let same = points
                .iter()
                .filter(|other| other.metric.get(*label) == Some(of));
            return Err(ImportError::Several {
                source_name: format!("{}, `{expression}`, for `{of}`", counter.url),
                list: same.map(|point| labels(&point.metric)).collect(),
                how: "sum by the label, so that there is one series per partner",
            });
        }
    }
    Ok(counts)
}

struct Server {
    client: reqwest::Client,
    api: url::Url,
    /// How it is called in messages: without user, password and query.
    name: String,
    warnings: std::cell::RefCell<std::collections::BTreeSet<String>>,
}

impl Server {
    fn new(
        address: &str,
        authorization: Option<&SecretPlace>,
        ca_file: Option<&Path>,
    ) -> Result<Self, ImportError> {
        let unfit = |what: String| ImportError::Query {
            url: address.to_owned(),
            what,
        };
        let mut api = url::Url::parse(address)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                unfit("this is not an address: write for example http://127.0.0.1:9090".to_owned())
            })?;
        if !api.username().is_empty() || api.password().is_some() {
            // Not repeated: it is a secret.
            return Err(ImportError::Query {
                url: api.host_str().unwrap_or_default().to_owned(),
                what: "a password in the address would be kept with the import: write the value of the header `Authorization` into a file and name it with --authorization-file".to_owned(),
            });
        }
        api.set_query(None);
        let name = api.to_string();
        let base = api.path().trim_end_matches('/').to_owned();
        api.set_path(&format!("{base}/api/v1/"));
        let mut client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .user_agent(concat!("vigie/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = ca_file {
            let pem = std::fs::read(path).map_err(|source| file_error(path, source))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem)
                .ok()
                .filter(|certificates| !certificates.is_empty())
                .ok_or_else(|| ImportError::Unfit {
                    path: path.to_owned(),
                    what: "this holds no certificate in PEM".to_owned(),
                })?;
            for certificate in certificates {
                client = client.add_root_certificate(certificate);
            }
        }
        if let Some(place) = authorization {
            let value = secret::read(place)?;
            let mut value = HeaderValue::from_str(value.expose_secret().trim_end()).map_err(|_| {
                SecretError::unfit(
                    place,
                    "not the value of a header: write one line, for example `Bearer` and the token",
                )
            })?;
            value.set_sensitive(true);
            client = client.default_headers([(AUTHORIZATION, value)].into_iter().collect());
        }
        let client = client
            .build()
            .map_err(|error| unfit(format!("set up the HTTP client: {error}")))?;
        Ok(Self {
            client,
            api,
            name,
            warnings: std::cell::RefCell::default(),
        })
    }

    /// The server is at fault.
    fn says(&self, what: String) -> ImportError {
        ImportError::Server {
            url: self.name.clone(),
            what,
        }
    }

    /// What was asked is at fault.
    fn refuses(&self, what: String) -> ImportError {
        ImportError::Query {
            url: self.name.clone(),
            what,
        }
    }

    /// Every series of `expression` at one instant, with its value.
    async fn ask_at(&self, expression: &str, at: Timestamp) -> Result<Vec<PointJson>, ImportError> {
        let mut url = self.api.clone();
        url.set_path(&format!("{}query", self.api.path()));
        url.query_pairs_mut()
            .append_pair("query", expression)
            .append_pair("time", &seconds(at.unix_ms()));
        self.fetch(url, expression, "vector", "").await
    }

    /// The series of `expression` in `piece`.
    async fn ask(
        &self,
        query: &Query<'_>,
        expression: &str,
        piece: Window,
    ) -> Result<Vec<SeriesJson>, ImportError> {
        let mut url = self.api.clone();
        match query.step_ms {
            Some(step_ms) => {
                // Both ends are included; a point at the end belongs to the next piece.
                let last = piece.end().plus_ms(-1);
                url.set_path(&format!("{}query_range", self.api.path()));
                url.query_pairs_mut()
                    .append_pair("query", expression)
                    .append_pair("start", &seconds(piece.start().unix_ms()))
                    .append_pair("end", &seconds(last.unix_ms()))
                    .append_pair("step", &seconds(step_ms))
                    .append_pair("lookback_delta", &seconds(step_ms));
            }
            None => {
                // A range ends at the instant asked about and, from 3.0 on, leaves out its
                // beginning: one millisecond more covers both.
                url.set_path(&format!("{}query", self.api.path()));
                url.query_pairs_mut()
                    .append_pair(
                        "query",
                        &format!("{expression}[{}ms]", piece.length_ms() + 1),
                    )
                    .append_pair("time", &seconds(piece.end().unix_ms()));
            }
        }
        let hint = match query.step_ms {
            None => " (an expression that is more than a name with labels needs --step)",
            Some(_) => "",
        };
        self.fetch(url, expression, "matrix", hint).await
    }

    /// What the server answers, if it is of this kind; `hint` helps where it cannot be understood.
    async fn fetch<T: DeserializeOwned>(
        &self,
        url: url::Url,
        expression: &str,
        kind: &str,
        hint: &str,
    ) -> Result<T, ImportError> {
        let unreachable = |error: reqwest::Error| {
            let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |error| {
                error.source()
            });
            let why = chain.last().map_or(String::new(), ToString::to_string);
            self.says(if error.is_timeout() {
                format!(
                    "no whole answer within {} s: ask for a shorter time",
                    TIMEOUT.as_secs()
                )
            } else {
                format!("{why}: does Prometheus answer there?")
            })
        };
        let mut answer = self.client.get(url).send().await.map_err(unreachable)?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&part);
            if body.len() > ANSWER_BYTES_MAX {
                return Err(self.says(format!(
                    "the answer is larger than {} MiB: add labels to the expression until one series is left",
                    ANSWER_BYTES_MAX >> 20
                )));
            }
        }
        let answer: AnswerJson = serde_json::from_slice(&body).map_err(|_| {
            self.says(format!(
                "status {status}, and the answer is not Prometheus': is the address right, and does it need --authorization-file?"
            ))
        })?;
        self.warnings.borrow_mut().extend(answer.warnings);
        match (answer.data, answer.error) {
            (Some(data), _) if data.result_type == kind => serde_json::from_value(data.result)
                .map_err(|error| self.says(format!("the answer cannot be read: {error}"))),
            (Some(data), _) => Err(self.refuses(format!(
                "`{expression}` is a {} where a {kind} is needed",
                data.result_type
            ))),
            (None, error) => {
                let error = error.unwrap_or_else(|| format!("status {status}"));
                let hint = match answer.error_type.as_deref() {
                    Some("bad_data") => hint,
                    _ => "",
                };
                Err(self.refuses(format!("`{expression}`: {error}{hint}")))
            }
        }
    }
}

/// As the query API takes instants and durations.
fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1_000), ms.rem_euclid(1_000))
}

#[derive(Deserialize)]
struct AnswerJson {
    data: Option<DataJson>,
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    error: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
struct DataJson {
    #[serde(rename = "resultType")]
    result_type: String,
    result: serde_json::Value,
}

#[derive(Deserialize)]
struct SeriesJson {
    metric: BTreeMap<String, String>,
    /// Absent where the values are histograms, which are neither 0 nor 1.
    #[serde(default)]
    values: Vec<(f64, String)>,
}

/// A series at one instant.
#[derive(Deserialize)]
struct PointJson {
    metric: BTreeMap<String, String>,
    /// Absent where it is a histogram, which counts nothing that we ask for.
    value: Option<(f64, String)>,
}

impl SeriesJson {
    fn labels(&self) -> String {
        labels(&self.metric)
    }
}

/// As the expression language writes them: `probe_success{instance="…"}`.
fn labels(metric: &BTreeMap<String, String>) -> String {
    let labels: Vec<String> = metric
        .iter()
        .filter(|(name, _)| *name != "__name__")
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    let name = metric.get("__name__").map_or("", String::as_str);
    format!("{name}{{{}}}", labels.join(", "))
}
