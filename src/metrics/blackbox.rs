//! The latest result of an endpoint under the names of Prometheus' blackbox_exporter, for
//! dashboards and alerts that were made for it.
//!
//! Nothing is asked for it, and only what was seen is told: what the names promise and we do not
//! know is left out, never a 0. Where the latest probe says nothing about the service, or is too
//! old to speak for it, there is no `probe_success` either.

use std::io;
use std::net::IpAddr;

use super::page::{Format, Page};
use super::present::instant;
use super::shapes::shapes;
use crate::board::EndpointNow;
use crate::sla::catalog::Endpoint;
use crate::sla::observation::{Fault, Outcome, Stage};
use crate::sla::window::Timestamp;

shapes! {
    /// Every metric of `/probe`.
    PROBE_SHAPES:

    LAST_PROBE Gauge "vigie_endpoint_last_probe_timestamp_seconds" []
        "When the endpoint was asked last; 0 if never."
    SUCCESS Gauge "probe_success" []
        "1 if the latest probe got the expected answer, 0 if it failed; absent if that is not known now."
    DURATION Gauge "probe_duration_seconds" []
        "Time of the latest probe."
    DNS_LOOKUP Gauge "probe_dns_lookup_time_seconds" []
        "Time that the name of the host took to resolve."
    IP_PROTOCOL Gauge "probe_ip_protocol" []
        "Version of the Internet protocol: 4 or 6."
    FAILED_CONTENT Gauge "probe_failed_due_to_regex" []
        "1 if the answer came and did not hold what it must."
    HTTP_DURATION Gauge "probe_http_duration_seconds" ["phase"]
        "Time of each phase of the request, over all redirects."
    HTTP_STATUS Gauge "probe_http_status_code" []
        "Status of the answer; 0 if there was none."
    HTTP_SSL Gauge "probe_http_ssl" []
        "1 if the request went over TLS."
    CERTIFICATE Gauge "probe_ssl_earliest_cert_expiry" []
        "When the first of the presented certificates ends."
    VERIFIED Gauge "probe_ssl_last_chain_expiry_timestamp_seconds" []
        "When the first of the certificates ends that lead to a trusted authority; absent if none does."
}

/// The phases of blackbox_exporter, and our stages in each.
const PHASES: [(&str, &[Stage]); 5] = [
    ("resolve", &[Stage::Resolve]),
    ("connect", &[Stage::Connect]),
    ("tls", &[Stage::Tls]),
    ("processing", &[Stage::Write, Stage::Processing]),
    ("transfer", &[Stage::Transfer]),
];

/// Writes what the latest probe of an endpoint came to, as of `now`, to `out`.
///
/// # Errors
/// What `out` says.
pub fn write_probe(
    endpoint: &Endpoint,
    shown: &EndpointNow,
    now: Timestamp,
    format: Format,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut page = Page::new(format, &[], out);
    page.family(&LAST_PROBE)
        .value(&[], instant(shown.last.map(|last| last.at)));
    let fresh = shown
        .last
        .filter(|last| now.since(last.at) < endpoint.validity_ms);
    let Some(last) = fresh else {
        return page.finish();
    };
    let success = match last.outcome {
        Outcome::Answered { .. } => Some(1.0),
        Outcome::Failed(_) => Some(0.0),
        Outcome::Void(_) => None,
    };
    if let Some(success) = success {
        page.family(&SUCCESS).value(&[], success);
    }
    let us_all: u64 = Stage::ALL
        .into_iter()
        .filter_map(|stage| shown.phases.of(stage))
        .map(u64::from)
        .sum();
    let duration_s = match last.outcome {
        Outcome::Answered { latency_us, .. } => f64::from(latency_us) / 1e6,
        Outcome::Failed(_) | Outcome::Void(_) => us_all as f64 / 1e6,
    };
    page.family(&DURATION).value(&[], duration_s);
    if let Some(us) = shown.phases.of(Stage::Resolve) {
        page.family(&DNS_LOOKUP).value(&[], f64::from(us) / 1e6);
    }
    if let Some(address) = shown.address {
        let version = match address.ip() {
            IpAddr::V4(_) => 4.0,
            IpAddr::V6(_) => 6.0,
        };
        page.family(&IP_PROTOCOL).value(&[], version);
    }
    let content = matches!(last.outcome, Outcome::Failed(Fault::Content));
    page.family(&FAILED_CONTENT)
        .value(&[], f64::from(u8::from(content)));
    let mut family = page.family(&HTTP_DURATION);
    for (phase, stages) in PHASES {
        let times = stages.iter().filter_map(|stage| shown.phases.of(*stage));
        let us: Vec<u64> = times.map(u64::from).collect();
        if !us.is_empty() {
            family.value(&[phase], us.into_iter().sum::<u64>() as f64 / 1e6);
        }
    }
    page.family(&HTTP_STATUS)
        .value(&[], shown.status.map_or(0.0, f64::from));
    let tls = shown.phases.of(Stage::Tls).is_some();
    page.family(&HTTP_SSL).value(&[], f64::from(u8::from(tls)));
    if tls && shown.chain_not_after.is_some() {
        page.family(&CERTIFICATE)
            .value(&[], instant(shown.chain_not_after));
    }
    if tls && shown.verified_not_after.is_some() {
        page.family(&VERIFIED)
            .value(&[], instant(shown.verified_not_after));
    }
    page.finish()
}
