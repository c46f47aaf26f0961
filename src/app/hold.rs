//! Whether partners can be told of a month, or somebody has to say first what it was.

use super::load::ServiceMonth;
use crate::sla::ledger::{Acceptance, ExclusionKind};
use crate::sla::observation::{Observation, Outcome};
use crate::sla::statement::{EndpointEvidence, Seen};
use crate::sla::window::Window;
use crate::store::{Declaration, Store};

/// Why `month` has to wait, if it has to: an endpoint that counts failed in it, and never gave an
/// expected answer, in this month or before. Nobody can tell an outage from a wrong configuration
/// then but those who run it: they say why the service was down, or that we were wrong, for all of
/// that time and for all partners.
///
/// # Errors
/// The store cannot be read.
pub(super) fn held(
    store: &Store,
    month: &ServiceMonth<'_>,
    declarations: &[Declaration],
) -> anyhow::Result<Option<String>> {
    let window = month.month.window();
    let corrections = declarations
        .iter()
        .filter(|declaration| declaration.partner.is_none())
        .map(|declaration| &declaration.exclusion)
        .filter(|exclusion| exclusion.kind == ExclusionKind::Correction)
        .filter(|exclusion| exclusion.acceptance == Acceptance::Accepted)
        .map(|exclusion| exclusion.window);
    let causes = month.causes.iter().map(|cause| cause.window);
    let said: Vec<Window> = causes.chain(corrections).collect();
    for endpoint in &month.contractual {
        let answered = |seen: &Observation| matches!(seen.outcome, Outcome::Answered { .. });
        let unsaid = |seen: &Observation| {
            matches!(seen.outcome, Outcome::Failed(_))
                && window.contains(seen.at)
                && !said.iter().any(|said| said.contains(seen.at))
        };
        if !observations(endpoint).any(answered)
            && observations(endpoint).any(unsaid)
            && !store.answered_before(&endpoint.id, window.start())?
        {
            return Ok(Some(format!(
                "`{}` has never given an expected answer, so this may be an outage or a wrong configuration: say why the service was down (`vigie declare cause`), or that it was measured wrongly (`vigie declare correction`), for all of that time, and close it again",
                endpoint.id
            )));
        }
    }
    Ok(None)
}

fn observations(endpoint: &EndpointEvidence) -> impl Iterator<Item = &Observation> {
    endpoint
        .vantages
        .iter()
        .filter_map(|vantage| match &vantage.seen {
            Seen::Observations(observations) => Some(observations),
            Seen::Segments(_) => None,
        })
        .flatten()
}
