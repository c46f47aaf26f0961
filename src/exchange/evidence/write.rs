//! The one way to write a document.

use std::fmt::{self, Write as _};

use super::shape::{CommitmentJson, StateWord};
use super::{Document, FORMAT, WindowSpec};
use crate::sla::commitment::{Confirmation, Degraded};
use crate::sla::ledger::{Acceptance, Exclusion};
use crate::sla::statement::{EndpointEvidence, Seen, VantageEvidence};
use crate::sla::timeline::Reading;
use crate::sla::window::{HOUR_MS, Timestamp, Window};

impl Document {
    pub(super) fn write(&self, out: &mut String) -> fmt::Result {
        self.write_head(out)?;
        self.write_endpoints(out)
    }

    /// All that differs from partner to partner.
    pub(super) fn write_head(&self, out: &mut String) -> fmt::Result {
        let json = |text: &str| serde_json::Value::from(text).to_string();
        let mut instants = InstantWriter::default();
        write!(out, "{{\n\"format\": \"{FORMAT}\",\n\"window\": ")?;
        match &self.window {
            WindowSpec::Month(month) => writeln!(
                out,
                "{{ \"month\": \"{month}\", \"zone\": {} }},",
                json(month.zone().name())
            )?,
            WindowSpec::Between(window) => {
                out.push_str("{ ");
                instants.write_window(out, *window)?;
                out.push_str(" },\n");
            }
        }
        match self.evidence.now {
            Some(now) => writeln!(out, "\"now\": \"{now}\",")?,
            None => out.push_str("\"now\": null,\n"),
        }
        out.push_str("\"commitment\": ");
        let commitment = CommitmentJson::from(&self.terms);
        out.push_str(&serde_json::to_string(&commitment).unwrap_or_default());
        out.push_str(",\n\"membership\": [");
        for (idx, window) in self.evidence.membership.iter().enumerate() {
            out.push_str(if idx == 0 { "\n{ " } else { ",\n{ " });
            instants.write_window(out, *window)?;
            out.push_str(" }");
        }
        out.push_str("],\n\"exclusions\": [");
        let mut exclusions: Vec<&Exclusion> = self.evidence.exclusions.iter().collect();
        exclusions.sort_by_key(|exclusion| {
            (
                exclusion.window,
                exclusion.kind.code(),
                exclusion.declared,
                exclusion.acceptance == Acceptance::Accepted,
                exclusion.reason.clone(),
            )
        });
        exclusions.dedup();
        for (idx, exclusion) in exclusions.into_iter().enumerate() {
            out.push_str(if idx == 0 { "\n{ " } else { ",\n{ " });
            write!(out, "\"kind\": \"{}\", ", exclusion.kind.code())?;
            instants.write_window(out, exclusion.window)?;
            if let Some(declared) = exclusion.declared {
                write!(out, ", \"declared\": \"{declared}\"")?;
            }
            write!(
                out,
                ", \"accepted\": {}, \"reason\": {} }}",
                exclusion.acceptance == Acceptance::Accepted,
                json(&exclusion.reason)
            )?;
        }
        out.push_str("],\n");
        Ok(())
    }

    /// What was seen: the same for all partners of a service, and by far the most.
    pub(super) fn write_endpoints(&self, out: &mut String) -> fmt::Result {
        let json = |text: &str| serde_json::Value::from(text).to_string();
        let mut instants = InstantWriter::default();
        out.push_str("\"endpoints\": [");
        let mut endpoints: Vec<&EndpointEvidence> = self.evidence.endpoints.iter().collect();
        endpoints.sort_by(|left, right| left.id.cmp(&right.id));
        for (idx, endpoint) in endpoints.into_iter().enumerate() {
            out.push_str(if idx == 0 { "\n{ " } else { ",\n{ " });
            write!(
                out,
                "\"id\": {}, \"validity\": \"{}ms\", \"vantages\": [",
                json(endpoint.id.as_str()),
                endpoint.validity_ms
            )?;
            let mut vantages: Vec<&VantageEvidence> = endpoint.vantages.iter().collect();
            vantages.sort_by(|left, right| left.id.cmp(&right.id));
            for (idx, vantage) in vantages.into_iter().enumerate() {
                out.push_str(if idx == 0 { "\n{ " } else { ",\n{ " });
                write!(out, "\"id\": {}, ", json(vantage.id.as_str()))?;
                // Written only where it is said, so that documents without it keep their digest.
                if let Some(present) = vantage.present {
                    out.push_str("\"present\": { ");
                    instants.write_window(out, present)?;
                    out.push_str(" }, ");
                }
                self.write_seen(out, endpoint, &vantage.seen, &mut instants)?;
                out.push_str(" }");
            }
            out.push_str("] }");
        }
        out.push_str("]\n}\n");
        Ok(())
    }

    fn write_seen(
        &self,
        out: &mut String,
        endpoint: &EndpointEvidence,
        seen: &Seen,
        instants: &mut InstantWriter,
    ) -> fmt::Result {
        match seen {
            Seen::Observations(observations) => {
                let reading = Reading {
                    validity_ms: endpoint.validity_ms,
                    latency_objective_ms: endpoint.latency_objective_ms,
                    // The word is what was seen; what becomes of it is the commitment's.
                    degraded: Degraded::Up,
                    confirmation: Confirmation::NONE,
                };
                let mut words: Vec<(Timestamp, StateWord)> = observations
                    .iter()
                    .map(|observation| {
                        let word = StateWord::from(reading.state(observation.outcome));
                        (observation.at, word)
                    })
                    .collect();
                words.sort_unstable();
                words.dedup();
                out.push_str("\"observations\": [");
                for (idx, (at, word)) in words.into_iter().enumerate() {
                    out.push_str(if idx == 0 { "\n[\"" } else { ",\n[\"" });
                    instants.write(out, at)?;
                    write!(out, "\", \"{}\"]", word.code())?;
                }
            }
            Seen::Segments(segments) => {
                let mut sorted = segments.clone();
                sorted.sort_by_key(|segment| segment.window);
                out.push_str("\"segments\": [");
                for (idx, segment) in sorted.into_iter().enumerate() {
                    out.push_str(if idx == 0 { "\n[\"" } else { ",\n[\"" });
                    instants.write(out, segment.window.start())?;
                    out.push_str("\", \"");
                    instants.write(out, segment.window.end())?;
                    write!(out, "\", \"{}\"]", segment.state.code())?;
                }
            }
        }
        out.push(']');
        Ok(())
    }
}

/// Writes instants as `2025-10-01T00:00:05.120Z`; the date is worked out once a day.
#[derive(Default)]
struct InstantWriter {
    day: Option<i64>,
    date: String,
}

impl InstantWriter {
    fn write(&mut self, out: &mut String, at: Timestamp) -> fmt::Result {
        const DAY_MS: i64 = 24 * HOUR_MS;
        let day = at.unix_ms().div_euclid(DAY_MS);
        let ms = at.unix_ms().rem_euclid(DAY_MS);
        if self.day != Some(day) {
            self.day = Some(day);
            self.date = at.to_utc().format("%Y-%m-%dT").to_string();
        }
        out.push_str(&self.date);
        write!(
            out,
            "{:02}:{:02}:{:02}.{:03}Z",
            ms / HOUR_MS,
            ms / 60_000 % 60,
            ms / 1_000 % 60,
            ms % 1_000
        )
    }

    fn write_window(&mut self, out: &mut String, window: Window) -> fmt::Result {
        out.push_str("\"start\": \"");
        self.write(out, window.start())?;
        out.push_str("\", \"end\": \"");
        self.write(out, window.end())?;
        out.push('"');
        Ok(())
    }
}
