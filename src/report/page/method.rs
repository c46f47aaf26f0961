//! 8. Everything needed to recompute the figures.

use super::block::{Block, Fact};
use super::label;
use crate::report::words::Words;
use crate::report::{Report, figures};
use crate::sla::catalog::Endpoint;
use crate::sla::commitment::{Degraded, Maintenance, MaintenanceTerms, PeriodSource, Rule};

pub(super) fn method(report: &Report<'_>, words: &'static Words) -> Vec<Block> {
    let statement = report.statement;
    let terms = &report.commitment.terms;
    let contractual: Vec<&Endpoint> = report
        .service
        .contractual()
        .filter(|endpoint| !endpoint.retired)
        .collect();
    let labels: Vec<String> = contractual
        .iter()
        .map(|endpoint| endpoint.label.clone())
        .collect();
    let main = match &terms.rule {
        Rule::Main(id) => label(report, id),
        Rule::All | Rule::Any | Rule::AtLeast(_) => String::new(),
    };
    let vantages: Vec<String> = report.vantages.iter().map(ToString::to_string).collect();
    let imported: Vec<String> = report
        .vantages
        .iter()
        .filter(|vantage| vantage.is_import())
        .map(ToString::to_string)
        .collect();
    let mut asked_from = (words.method_vantages_text)(
        &words.list(&vantages),
        i64::try_from(vantages.len()).unwrap_or(i64::MAX),
        &(words.quorum)(terms.quorum),
    );
    if !imported.is_empty() {
        let said = (words.method_imported)(&words.list(&imported));
        asked_from = format!("{asked_from} {said}");
    }
    let several = |of: fn(&Endpoint) -> i64| {
        let mut values: Vec<i64> = contractual.iter().map(|endpoint| of(endpoint)).collect();
        values.sort_unstable();
        values.dedup();
        let said: Vec<String> = values.into_iter().map(|ms| words.duration(ms)).collect();
        words.list(&said)
    };
    let n_failures = terms.confirmation.failures.get();
    let mut confirmation = if n_failures == 1 {
        words.confirmation_none.to_owned()
    } else {
        let within = words.duration(terms.confirmation.within_ms);
        (words.confirmation_many)(i64::from(n_failures), &within)
    };
    if terms.minimum_outage_ms > 0 {
        let minimum = words.duration(terms.minimum_outage_ms);
        confirmation = format!("{confirmation} {}", (words.minimum_outage)(&minimum));
    }
    let interval_ms = interval_ms(report);
    let resolution = statement.resolution(interval_ms);
    let period = match report.commitment.period {
        PeriodSource::Text => words.method_period_text.to_owned(),
        PeriodSource::Assumption => format!(
            "{} {}",
            words.method_period_text, words.method_period_assumed
        ),
    };
    let unknown_ms = figures::elapsed_tally(report).unknown_ms;
    let facts = vec![
        Fact::new(
            words.method_scope,
            (words.method_scope_text)(&words.list(&labels), &(words.rule)(&terms.rule, &main)),
        ),
        Fact::new(words.method_period, period),
        Fact::new(
            words.method_hours,
            match &terms.service_hours {
                None => words.hours_always,
                Some(_) => words.hours_limited,
            }
            .to_owned(),
        ),
        Fact::new(words.method_vantages, asked_from),
        Fact::new(
            words.method_interval,
            (words.method_interval_text)(
                &several(|endpoint| endpoint.interval_ms),
                &several(|endpoint| endpoint.timeout_ms),
                &several(|endpoint| endpoint.validity_ms),
            ),
        ),
        Fact::new(words.method_confirmation, confirmation),
        Fact::new(
            words.method_slow,
            match terms.degraded {
                Degraded::Up => words.slow_up,
                Degraded::Down => words.slow_down,
            }
            .to_owned(),
        ),
        Fact::new(
            words.method_maintenance,
            maintenance_rule(&terms.maintenance, words),
        ),
        Fact::new(
            words.method_unknown,
            (words.method_unknown_text)(&words.duration(unknown_ms)),
        ),
        Fact::new(
            words.method_resolution,
            (words.method_resolution_text)(
                &words.duration(interval_ms),
                &words.duration(resolution.bound_ms),
                &words.duration(resolution.deviation_ms),
            ),
        ),
        Fact::new(words.method_rounding, words.method_rounding_text.to_owned()),
        Fact::new(words.method_engine, report.edition.engine.clone()),
        Fact {
            label: words.method_evidence,
            value: report.edition.evidence_sha256.clone(),
            code: true,
        },
        Fact::new(
            words.method_recompute,
            words.method_recompute_text.to_owned(),
        ),
    ];
    vec![
        Block::Text(words.method_intro.to_owned()),
        Block::Facts(facts),
        Block::Command("vigie settle evidence.json"),
    ]
}

fn maintenance_rule(maintenance: &Maintenance, words: &Words) -> String {
    let with_terms = |sentence: &str, terms: &MaintenanceTerms| {
        let mut sentences = vec![sentence.to_owned()];
        if terms.notice_ms > 0 {
            sentences.push((words.maintenance_notice)(&words.duration(terms.notice_ms)));
        }
        if let Some(cap_ms) = terms.cap_ms {
            sentences.push((words.maintenance_cap)(&words.duration(cap_ms)));
        }
        if terms.hours.is_some() {
            sentences.push(words.maintenance_hours.to_owned());
        }
        sentences.join(" ")
    };
    match maintenance {
        Maintenance::Counted => words.maintenance_counted.to_owned(),
        Maintenance::Excluded(terms) => with_terms(words.maintenance_excluded, terms),
        Maintenance::Credited(terms) => with_terms(words.maintenance_credited, terms),
    }
}

/// The longest interval between two probes of an endpoint that counts.
pub(super) fn interval_ms(report: &Report<'_>) -> i64 {
    report
        .service
        .contractual()
        .filter(|endpoint| !endpoint.retired)
        .map(|endpoint| endpoint.interval_ms)
        .max()
        .unwrap_or_default()
}
