//! Where the calls of a service are counted, and how.

use toml::Spanned;

use super::{Checker, Places};
use crate::config::kind::{LabelName, Line};
use crate::config::{UsageConfig, raw};
use crate::sla::catalog::ServiceId;

const DEFAULT_SOURCE: &str = "Prometheus";
const DEFAULT_LABEL: &str = "partner";
/// What stands for the length of a month.
const MONTH: &str = "$month";

impl Checker<'_> {
    pub(super) fn usage(&self, service: Option<ServiceId>, raw: raw::Usage) -> Option<UsageConfig> {
        let calls = self.expression("calls", raw.calls);
        let successes = self.expression("successes", raw.successes);
        let authorization = match raw.authorization.maybe()? {
            Some(place) => {
                let places = Places {
                    what: "the authorization",
                    file: "authorization = { file = \"/etc/vigie/prometheus-authorization\" }",
                    env: "authorization = { env = \"PROMETHEUS_AUTHORIZATION\" }",
                };
                Some(self.secret_place(place.at, place.file, place.env, places)?)
            }
            None => None,
        };
        Some(UsageConfig {
            service: service?,
            url: raw.prometheus?.get_ref().to_string(),
            authorization,
            ca_file: raw.ca_file.maybe()?.map(|path| self.base.join(path)),
            calls: calls?,
            successes: successes?,
            label: raw.label.or(LabelName(DEFAULT_LABEL.to_owned()))?.0,
            source: raw.source.or(Line(DEFAULT_SOURCE.to_owned()))?.0,
        })
    }

    /// An expression about the month and no other time.
    fn expression(&self, key: &str, written: Option<Spanned<String>>) -> Option<String> {
        let written = written?;
        if !written.get_ref().contains(MONTH) {
            self.notes.fault(
                written.span(),
                format!("`{key}` does not say which time it counts"),
                format!("write `{MONTH}` for the length of the month, for example `{key} = 'sum by ({DEFAULT_LABEL}) (increase(http_requests_total[{MONTH}]))'`"),
            );
            return None;
        }
        Some(written.into_inner())
    }
}
