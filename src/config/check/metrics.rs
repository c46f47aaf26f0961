//! What is scraped: buckets, and labels of the operator's own.

use toml::Spanned;

use super::{Checker, all};
use crate::config::kind::Ms;
use crate::config::{MetricsConfig, RESERVED_LABELS, raw};

/// Every bucket is a series of every endpoint.
const BUCKETS_MAX: usize = 30;

impl Checker<'_> {
    pub(super) fn metrics(&self, raw: raw::Metrics) -> Option<MetricsConfig> {
        let default = MetricsConfig::default();
        let duration_bounds_ms = self.bounds_ms(
            "duration_buckets",
            raw.duration_buckets,
            default.duration_bounds_ms,
        );
        let phase_bounds_ms =
            self.bounds_ms("phase_buckets", raw.phase_buckets, default.phase_bounds_ms);
        let partners_max = match raw.partners_max.maybe()? {
            Some(number) => usize::try_from(number.get()).ok()?,
            None => default.partners_max,
        };
        let labels = all(Some(raw.labels), |(name, value)| {
            self.label_name(&name);
            Some((name.into_inner(), value?.into_inner().0))
        });
        Some(MetricsConfig {
            duration_bounds_ms: duration_bounds_ms?,
            phase_bounds_ms: phase_bounds_ms?,
            partners_max,
            labels: labels?,
        })
    }

    fn bounds_ms(
        &self,
        key: &str,
        written: Option<Vec<Spanned<Ms>>>,
        default: Vec<i64>,
    ) -> Option<Vec<i64>> {
        let Some(written) = written else {
            return Some(default);
        };
        let mut before_ms = 0;
        for bound in &written {
            let Ms(bound_ms) = *bound.get_ref();
            if bound_ms <= before_ms {
                self.notes.fault(
                    bound.span(),
                    format!("`{key}` does not ascend here"),
                    "write each upper bound once, above 0, the smallest first",
                );
            }
            before_ms = bound_ms;
        }
        if let Some(surplus) = written.get(BUCKETS_MAX) {
            self.notes.fault(
                surplus.span(),
                format!("`{key}` has more than {BUCKETS_MAX} bounds, each a series of its own"),
                "keep those that tell something",
            );
        }
        let bounds = written.into_iter().map(|bound| bound.into_inner().0);
        Some(bounds.collect())
    }

    fn label_name(&self, name: &Spanned<String>) {
        let text = name.get_ref().as_str();
        let is_name = !text.starts_with(|c: char| c.is_ascii_digit())
            && !text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name || text.starts_with("__") {
            self.notes.fault(
                name.span(),
                format!("`{}` is not the name of a label", text.escape_debug()),
                "write letters, figures and underscores, not a figure first nor `__`, for example `environment`",
            );
        } else if RESERVED_LABELS.contains(&text) {
            self.notes.fault(
                name.span(),
                format!(
                    "the label `{text}` has a meaning already, in our metrics or in Prometheus"
                ),
                format!("choose another name, for example `my_{text}`"),
            );
        }
    }
}
