//! What is condensed says the same as all that was seen.
//!
//! Method: cut random observations into stretches anywhere, condense those in which all was good,
//! and compare what comes of it.

use proptest::prelude::*;
use vigie::sla::condensed::{Condensed, CondensedEndpoint, CondensedVantage, Measure, Unbroken};
use vigie::sla::observation::{Observation, Outcome};
use vigie::sla::statement::{EndpointEvidence, Seen, observe, observe_condensed};

use super::random::{any_case, cases};

/// Whether nothing but good answers is there, close enough to each other.
fn is_unbroken(stretch: &[Observation], endpoint: &EndpointEvidence) -> bool {
    let good = |seen: &Observation| match seen.outcome {
        Outcome::Answered {
            latency_us,
            partial,
        } => {
            let objective_us = endpoint.latency_objective_ms.map(|ms| ms * 1_000);
            !partial && objective_us.is_none_or(|objective_us| latency_us <= objective_us)
        }
        Outcome::Failed(_) | Outcome::Void(_) => false,
    };
    let near = |pair: &[Observation]| pair[1].at.since(pair[0].at) <= endpoint.validity_ms;
    stretch.iter().all(good) && stretch.windows(2).all(near)
}

/// `observations` in stretches of these lengths, the good ones condensed.
fn condensed(
    endpoint: &EndpointEvidence,
    mut observations: Vec<Observation>,
    lengths: &[usize],
) -> Condensed {
    observations.sort_by_key(|seen| seen.at);
    let (mut rest, mut unbroken) = (Vec::new(), Vec::new());
    let mut left = observations.as_slice();
    for length in lengths.iter().cycle() {
        let Some(last) = left.get(..*length).unwrap_or(left).last() else {
            break;
        };
        // Those of one instant go together.
        let n = left.partition_point(|seen| seen.at <= last.at);
        let (stretch, after) = left.split_at(n);
        if is_unbroken(stretch, endpoint) {
            unbroken.push(Unbroken {
                first: stretch[0].at,
                last: stretch[n - 1].at,
            });
        } else {
            rest.extend_from_slice(stretch);
        }
        left = after;
    }
    // In any order.
    rest.reverse();
    unbroken.reverse();
    let measure = Measure {
        validity_ms: endpoint.validity_ms,
        latency_objective_ms: endpoint.latency_objective_ms,
    };
    Condensed::new(rest, unbroken, &measure)
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn condensing_changes_nothing(
        case in any_case(),
        lengths in prop::collection::vec(1..9_usize, 1..6),
    ) {
        let mut endpoints = case.evidence.endpoints.clone();
        for endpoint in &mut endpoints {
            endpoint.vantages.retain(|vantage| matches!(vantage.seen, Seen::Observations(_)));
        }
        let in_short: Vec<CondensedEndpoint> = endpoints
            .iter()
            .map(|endpoint| CondensedEndpoint {
                id: endpoint.id.clone(),
                validity_ms: endpoint.validity_ms,
                latency_objective_ms: endpoint.latency_objective_ms,
                vantages: endpoint
                    .vantages
                    .iter()
                    .filter_map(|vantage| match &vantage.seen {
                        Seen::Observations(observations) => Some(CondensedVantage {
                            id: vantage.id.clone(),
                            present: vantage.present,
                            seen: condensed(endpoint, observations.clone(), &lengths),
                        }),
                        Seen::Segments(_) => None,
                    })
                    .collect(),
            })
            .collect();
        let (window, now) = (case.evidence.window, case.evidence.now);
        prop_assert_eq!(
            observe_condensed(window, now, &in_short, &case.terms),
            observe(window, now, &endpoints, &case.terms)
        );
    }
}
