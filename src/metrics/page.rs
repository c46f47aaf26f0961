//! How a page of metrics is written: the Prometheus text format, or OpenMetrics 1.0.
//!
//! A family at a time straight into text, without a model in between: two hundred thousand series
//! cost no more than their characters. The text is handed on in parts, so that it takes no room as
//! a whole.

use std::fmt::Write as _;
use std::io;

use prometheus::proto::{MetricFamily, MetricType};

use super::shapes::{Kind, Shape};

/// How a page is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// The Prometheus text format, 0.0.4.
    #[default]
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// What a page in this format is announced as.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Counts by size: for one series of a histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sizes {
    /// Per bucket, not cumulated; what is above the last bound is only in `count`.
    per_bucket: Vec<u64>,
    sum: f64,
    count: u64,
}

impl Sizes {
    pub(super) fn new(bounds: &[f64]) -> Self {
        Self {
            per_bucket: vec![0; bounds.len()],
            sum: 0.0,
            count: 0,
        }
    }

    pub(super) fn observe(&mut self, bounds: &[f64], value: f64) {
        let bucket = bounds.partition_point(|bound| *bound < value);
        if let Some(n) = self.per_bucket.get_mut(bucket) {
            *n += 1;
        }
        self.sum += value;
        self.count += 1;
    }
}

/// A part of a page is handed on when it has so many bytes; it ends with the line. Parts of 64 kB
/// are no faster, and of those the allocator kept some ten megabytes for a page of twenty-seven:
/// they are given up by another thread than wrote them.
const PART_BYTES: usize = 15 * 1_024;

/// A page being written.
pub(super) struct Page<'o> {
    /// What is not handed on yet.
    text: String,
    out: &'o mut dyn io::Write,
    /// Whether all that was handed on was taken.
    taken: io::Result<()>,
    format: Format,
    /// Written with every sample: `,environment="test"`.
    common_labels: String,
}

impl<'o> Page<'o> {
    /// A page in this format to `out`, with these labels at every sample.
    pub(super) fn new(
        format: Format,
        common_labels: &[(String, String)],
        out: &'o mut dyn io::Write,
    ) -> Self {
        let mut common = String::new();
        for (name, value) in common_labels {
            write_label(&mut common, name, value);
        }
        Self {
            text: String::new(),
            out,
            taken: Ok(()),
            format,
            common_labels: common,
        }
    }

    /// Ends the page.
    ///
    /// # Errors
    /// Some of it was not taken.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.hand_on();
        self.taken
    }

    fn hand_on(&mut self) {
        if self.taken.is_ok() {
            self.taken = self.out.write_all(self.text.as_bytes());
        }
        self.text.clear();
    }

    /// A family; all its samples are written before the next one's.
    pub(super) fn family(&mut self, shape: &'static Shape) -> Family<'_, 'o> {
        Family {
            page: self,
            name: shape.name,
            kind: shape.kind,
            labels: shape.labels,
            help: shape.help,
            begun: false,
        }
    }

    /// Families that the library keeps.
    pub(super) fn gathered(&mut self, families: &[MetricFamily]) {
        for family in families {
            let kind = match family.get_field_type() {
                MetricType::COUNTER => Kind::Counter,
                MetricType::GAUGE => Kind::Gauge,
                MetricType::HISTOGRAM => Kind::Histogram,
                // None of ours.
                MetricType::SUMMARY | MetricType::UNTYPED => continue,
            };
            let mut written = Family {
                page: self,
                name: family.name(),
                kind,
                labels: &[],
                help: family.help(),
                begun: false,
            };
            for metric in family.get_metric() {
                let labels: Vec<(&str, &str)> = metric
                    .get_label()
                    .iter()
                    .map(|pair| (pair.name(), pair.value()))
                    .collect();
                let labels = labels.iter().copied();
                match kind {
                    Kind::Counter => {
                        written.sample("", labels, None, metric.get_counter().get_value())
                    }
                    Kind::Gauge | Kind::Info => {
                        written.sample("", labels, None, metric.get_gauge().get_value());
                    }
                    Kind::Histogram => {
                        let histogram = metric.get_histogram();
                        let buckets = histogram
                            .get_bucket()
                            .iter()
                            .map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
                        let (sum, count) =
                            (histogram.get_sample_sum(), histogram.get_sample_count());
                        written.sizes(labels, buckets, sum, count);
                    }
                }
            }
        }
    }
}

/// A family being written. One without samples leaves no trace.
pub(super) struct Family<'a, 'o> {
    page: &'a mut Page<'o>,
    name: &'a str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'a str,
    begun: bool,
}

impl Family<'_, '_> {
    /// A value, with those of the shape's labels in their order.
    pub(super) fn value(&mut self, labels: &[&str], value: f64) {
        self.sample("", self.named(labels), None, value);
    }

    /// A count, with the values of the shape's labels in their order.
    pub(super) fn count(&mut self, labels: &[&str], n: u64) {
        self.sample("", self.named(labels), None, n);
    }

    /// A histogram, with the values of the shape's labels in their order.
    pub(super) fn histogram(&mut self, labels: &[&str], bounds: &[f64], sizes: &Sizes) {
        let mut cumulated = 0;
        let buckets = bounds.iter().zip(&sizes.per_bucket).map(|(bound, n)| {
            cumulated += n;
            (*bound, cumulated)
        });
        self.sizes(self.named(labels), buckets, sizes.sum, sizes.count);
    }

    fn named<'l>(
        &self,
        values: &'l [&'l str],
    ) -> impl Iterator<Item = (&'l str, &'l str)> + Clone + use<'l> {
        debug_assert_eq!(self.labels.len(), values.len(), "labels of {}", self.name);
        self.labels.iter().copied().zip(values.iter().copied())
    }

    fn sizes<'l>(
        &mut self,
        labels: impl Iterator<Item = (&'l str, &'l str)> + Clone,
        buckets: impl Iterator<Item = (f64, u64)>,
        sum: f64,
        count: u64,
    ) {
        for (bound, cumulated) in buckets.chain([(f64::INFINITY, count)]) {
            self.sample("_bucket", labels.clone(), Some(bound), cumulated);
        }
        self.sample("_sum", labels.clone(), None, sum);
        self.sample("_count", labels, None, count);
    }

    fn sample<'l>(
        &mut self,
        suffix: &str,
        labels: impl Iterator<Item = (&'l str, &'l str)>,
        le: Option<f64>,
        value: impl Number,
    ) {
        self.begin();
        let Page {
            text,
            common_labels,
            ..
        } = &mut *self.page;
        text.push_str(self.name);
        text.push_str(suffix);
        let bare = text.len();
        for (name, value) in labels {
            write_label(text, name, value);
        }
        match le {
            None => {}
            Some(f64::INFINITY) => text.push_str(",le=\"+Inf\""),
            // "1.0" in both formats: the same series whichever was asked for.
            Some(bound) => {
                let _ = write!(text, ",le=\"{bound:?}\"");
            }
        }
        text.push_str(common_labels);
        if text.len() > bare {
            // Each label begins with a comma; the first is the brace.
            text.replace_range(bare..=bare, "{");
            text.push('}');
        }
        text.push(' ');
        value.write(text);
        text.push('\n');
        if text.len() >= PART_BYTES {
            self.page.hand_on();
        }
    }

    fn begin(&mut self) {
        if self.begun {
            return;
        }
        self.begun = true;
        let open = self.page.format == Format::OpenMetrics;
        let (name, kind) = match (self.kind, open) {
            (Kind::Counter, true) => (stem(self.name, "_total"), "counter"),
            (Kind::Counter, false) => (self.name, "counter"),
            (Kind::Info, true) => (stem(self.name, "_info"), "info"),
            (Kind::Info | Kind::Gauge, _) => (self.name, "gauge"),
            (Kind::Histogram, _) => (self.name, "histogram"),
        };
        let text = &mut self.page.text;
        // Writing to a String cannot fail.
        let _ = write!(text, "# HELP {name} ");
        escape(text, self.help, open);
        let _ = writeln!(text, "\n# TYPE {name} {kind}");
        if open && let Some(unit) = unit(name) {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
    }
}

/// What a sample can be.
trait Number {
    fn write(self, text: &mut String);
}

impl Number for u64 {
    fn write(self, text: &mut String) {
        let _ = write!(text, "{self}");
    }
}

impl Number for f64 {
    fn write(self, text: &mut String) {
        let _ = match self {
            f64::INFINITY => text.write_str("+Inf"),
            f64::NEG_INFINITY => text.write_str("-Inf"),
            number => write!(text, "{number}"),
        };
    }
}

/// `,name="value"`.
fn write_label(text: &mut String, name: &str, value: &str) {
    text.push(',');
    text.push_str(name);
    text.push_str("=\"");
    escape(text, value, true);
    text.push('"');
}

fn escape(text: &mut String, value: &str, quotes: bool) {
    let special = |c: char| matches!(c, '\\' | '\n') || (quotes && c == '"');
    let mut rest = value;
    while let Some(at) = rest.find(special) {
        let (plain, from) = rest.split_at(at);
        text.push_str(plain);
        text.push('\\');
        text.push(match from.as_bytes()[0] {
            b'\n' => 'n',
            other => char::from(other),
        });
        rest = &from[1..];
    }
    text.push_str(rest);
}

fn stem<'a>(name: &'a str, suffix: &str) -> &'a str {
    name.strip_suffix(suffix).unwrap_or(name)
}

/// The unit that ends a name, where it is one that OpenMetrics knows.
fn unit(name: &str) -> Option<&'static str> {
    ["seconds", "bytes", "ratio"].into_iter().find(|unit| {
        name.strip_suffix(unit)
            .is_some_and(|before| before.ends_with('_'))
    })
}
