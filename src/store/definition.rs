//! How each vantage defines its endpoints: what two of them see of one endpoint is judged together,
//! and means little if they ask for different things.

use std::collections::BTreeMap;
use std::fmt;

use super::db::{Isolation, values};
use super::{Store, StoreError, hex, id, sha256};
use crate::sla::catalog::{Catalog, Endpoint, VantageId};
use crate::sla::window::Timestamp;

/// A vantage that was silent for longer is not compared with others, in milliseconds.
const PRESENT_MS: i64 = 600_000;
/// Letters of the digest of what is asked.
const DIGEST_LETTERS: usize = 16;

/// What of an endpoint decides what its observations mean. No secret is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Definition {
    interval_ms: i64,
    validity_ms: i64,
    latency_objective_ms: Option<u32>,
    /// The beginning of the SHA-256 of its kind and address.
    asked: String,
}

/// A definition on its way and in the store: its fields in their order.
pub(super) type Written = BTreeMap<String, (i64, i64, Option<u32>, String)>;

/// How a vantage defines its endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definitions {
    /// Whose they are.
    pub vantage: VantageId,
    /// By the endpoints' ids.
    endpoints: BTreeMap<String, Definition>,
}

/// An endpoint that not all vantages define alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// Its id.
    pub endpoint: String,
    /// The first of the vantages that define it.
    pub one: VantageId,
    /// Those that define it otherwise than that one.
    pub others: Vec<VantageId>,
    /// What differs, in the words of the configuration.
    pub keys: Vec<&'static str>,
}

/// What is so, and what to do.
impl fmt::Display for Differing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others: Vec<String> = self.others.iter().map(|id| format!("`{id}`")).collect();
        write!(
            f,
            "endpoint `{}` is not the same for vantage `{}` as for {} (what differs: {}): give them one configuration, or what is another endpoint another id",
            self.endpoint,
            self.one,
            others.join(", "),
            self.keys.join(", ")
        )
    }
}

impl Definition {
    fn of(endpoint: &Endpoint) -> Self {
        let mut asked = hex(&sha256(endpoint.probe.to_string().as_bytes()));
        asked.truncate(DIGEST_LETTERS);
        Self {
            interval_ms: endpoint.interval_ms,
            validity_ms: endpoint.validity_ms,
            latency_objective_ms: endpoint.latency_objective_ms,
            asked,
        }
    }

    fn keys_that_differ(&self, other: &Self) -> Vec<&'static str> {
        let Self {
            interval_ms,
            validity_ms,
            latency_objective_ms,
            asked,
        } = self;
        let keys = [
            ("request", *asked != other.asked),
            ("interval", *interval_ms != other.interval_ms),
            ("validity", *validity_ms != other.validity_ms),
            (
                "latency_objective",
                *latency_objective_ms != other.latency_objective_ms,
            ),
        ];
        keys.into_iter()
            .filter_map(|(key, differs)| differs.then_some(key))
            .collect()
    }
}

impl Definitions {
    /// Those of all endpoints of `catalog`, also of those that others ask.
    pub fn of(vantage: &VantageId, catalog: &Catalog) -> Self {
        let endpoints = catalog.endpoints();
        Self {
            vantage: vantage.clone(),
            endpoints: endpoints
                .map(|(_, endpoint)| (endpoint.id.to_string(), Definition::of(endpoint)))
                .collect(),
        }
    }

    pub(super) fn to_written(&self) -> Written {
        let endpoints = self.endpoints.iter();
        endpoints
            .map(|(id, one)| {
                let fields = (
                    one.interval_ms,
                    one.validity_ms,
                    one.latency_objective_ms,
                    one.asked.clone(),
                );
                (id.clone(), fields)
            })
            .collect()
    }

    pub(super) fn from_written(vantage: VantageId, written: Written) -> Self {
        let endpoints = written.into_iter();
        Self {
            vantage,
            endpoints: endpoints
                .map(
                    |(id, (interval_ms, validity_ms, latency_objective_ms, asked))| {
                        let one = Definition {
                            interval_ms,
                            validity_ms,
                            latency_objective_ms,
                            asked,
                        };
                        (id, one)
                    },
                )
                .collect(),
        }
    }
}

/// The endpoints that not all define as the first does who knows them, in order of their ids.
fn differing(all: &[Definitions]) -> Vec<Differing> {
    let mut first: BTreeMap<&str, (&VantageId, &Definition)> = BTreeMap::new();
    let mut differing: BTreeMap<&str, Differing> = BTreeMap::new();
    for Definitions { vantage, endpoints } in all {
        for (id, definition) in endpoints {
            let (one, known) = *first.entry(id).or_insert((vantage, definition));
            let keys = known.keys_that_differ(definition);
            if keys.is_empty() {
                continue;
            }
            let found = differing.entry(id).or_insert_with(|| Differing {
                endpoint: id.clone(),
                one: one.clone(),
                others: Vec::new(),
                keys: Vec::new(),
            });
            found.others.push(vantage.clone());
            for key in keys {
                if !found.keys.contains(&key) {
                    found.keys.push(key);
                }
            }
        }
    }
    differing.into_values().collect()
}

impl Store {
    /// Keeps how a vantage defines its endpoints from now on.
    ///
    /// # Errors
    /// What the database says.
    pub fn define(&mut self, definitions: &Definitions) -> Result<(), StoreError> {
        // Numbers and texts: nothing that JSON could not hold.
        let endpoints = serde_json::to_string(&definitions.to_written()).unwrap_or_default();
        self.transaction(
            "keep how endpoints are defined",
            Isolation::OwnRows,
            |transaction| {
                transaction.execute(
                    "INSERT INTO definition (vantage, endpoints) VALUES (?1, ?2)
                     ON CONFLICT (vantage) DO UPDATE SET endpoints = excluded.endpoints",
                    &values![definitions.vantage.as_str(), endpoints],
                )?;
                Ok(())
            },
        )
    }

    /// The endpoints that vantages which are alive define differently, in order of their ids. `now`
    /// is this machine's clock.
    ///
    /// # Errors
    /// What the database says.
    pub fn differing(&self, now: Timestamp) -> Result<Vec<Differing>, StoreError> {
        let all = self.read("compare how endpoints are defined", |snapshot| {
            let since = snapshot.clock(now)?.plus_ms(-PRESENT_MS);
            Ok(snapshot.query(
                "SELECT vantage.id, endpoints FROM definition
                 JOIN vantage ON vantage.id = definition.vantage
                 WHERE vantage.seen >= ?1 ORDER BY vantage.id",
                &values![since.unix_ms()],
                |row| Ok((id(row, 0, VantageId::new)?, row.get::<String>(1)?)),
            )?)
        })?;
        let all: Vec<Definitions> = all
            .into_iter()
            // A later version may say more of them: then there is nothing to compare.
            .filter_map(|(vantage, text)| {
                let written = serde_json::from_str(&text).ok()?;
                Some(Definitions::from_written(vantage, written))
            })
            .collect();
        Ok(differing(&all))
    }
}
