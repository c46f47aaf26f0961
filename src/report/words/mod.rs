//! Every sentence, label and spelling rule that a reader meets: one value of [`Words`] per
//! language.
//!
//! A text that a language lacks does not compile, and one that nothing uses is a warning. Only
//! texts live here; which of them is said, and with which figures, is decided by the callers.

mod en;
mod fr;

use chrono::{LocalResult, NaiveDate, TimeZone};
use chrono_tz::Tz;

use crate::sla::availability::{Availability, Ratio, Verdict};
use crate::sla::catalog::{Language, Progress};
use crate::sla::cause::Attribution;
use crate::sla::commitment::{Ppm, Quorum, Rule};
use crate::sla::ledger::{Acceptance, Class, ExclusionKind};
use crate::sla::observation::{Fault, Stage};
use crate::sla::window::{HOUR_MS, MINUTE_MS, Month, SECOND_MS, Timestamp};

/// No-break space.
pub(crate) const NBSP: char = '\u{a0}';
/// Narrow no-break space.
pub(crate) const NNBSP: char = '\u{202f}';

/// The texts of a language.
pub(crate) fn words(language: Language) -> &'static Words {
    match language {
        Language::French => &fr::WORDS,
        Language::English => &en::WORDS,
    }
}

/// A headline and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// The few words that say it all, with their full stop.
    pub headline: String,
    /// The rest.
    pub body: String,
}

impl std::fmt::Display for Sentence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.headline, self.body)
    }
}

/// The figures of a finished month, spelt out.
pub(crate) struct MonthSaid {
    pub(crate) month: Month,
    /// Present if both bounds differ or are shown as one: the certain rate.
    pub(crate) lower: String,
    pub(crate) upper: String,
    pub(crate) any_unknown: bool,
    pub(crate) target: String,
    pub(crate) down: String,
    pub(crate) allowed: String,
    pub(crate) overrun: String,
    pub(crate) unknown: String,
}

/// The figures of a running month, spelt out.
pub(crate) struct RunningSaid {
    pub(crate) day: NaiveDate,
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    pub(crate) down: String,
    pub(crate) unknown: Option<String>,
    pub(crate) allowed: String,
}

/// Some days on end, to the end of the month if there is no last one.
pub(crate) struct Span {
    pub(crate) first: NaiveDate,
    pub(crate) last: Option<NaiveDate>,
}

/// How two months compare.
pub(crate) struct ChangeSaid {
    /// With sign and unit: `+0,42 point`.
    pub(crate) change: String,
    pub(crate) since: Month,
}

/// The texts and spelling rules of one language.
pub(crate) struct Words {
    pub(crate) lang: &'static str,

    // Spelling.
    pub(crate) decimal: char,
    pub(crate) thousands: char,
    /// What stands between a number and its unit or the per-cent sign.
    pub(crate) percent: &'static str,
    pub(crate) colon: &'static str,
    pub(crate) list_comma: &'static str,
    pub(crate) list_and: &'static str,
    pub(crate) less_than_a_second: &'static str,
    pub(crate) month: fn(Month) -> String,
    pub(crate) month_name: fn(NaiveDate) -> &'static str,
    pub(crate) month_short: fn(Month) -> String,
    pub(crate) date: fn(NaiveDate) -> String,
    pub(crate) weekday_short: fn(NaiveDate) -> &'static str,
    pub(crate) date_in_table: &'static str,
    pub(crate) date_and_clock: fn(NaiveDate, u32, u32) -> String,
    pub(crate) zone: fn(Tz) -> String,
    pub(crate) points: fn(&str, i64) -> String,
    pub(crate) yes: &'static str,
    pub(crate) no: &'static str,
    pub(crate) none: &'static str,

    // The head of the report.
    pub(crate) title: &'static str,
    pub(crate) title_provisional: &'static str,
    pub(crate) title_correction: &'static str,
    pub(crate) addressed_to: &'static str,
    pub(crate) skip: &'static str,
    pub(crate) contents: &'static str,
    pub(crate) sheet: fn(usize, usize) -> String,
    pub(crate) label_service: &'static str,
    pub(crate) label_period: &'static str,
    pub(crate) period: fn(Month, &str, &str) -> String,
    pub(crate) label_commitment: &'static str,
    pub(crate) commitment: fn(&str, &str, NaiveDate) -> String,
    pub(crate) label_number: &'static str,
    pub(crate) number: fn(&str, &str) -> String,
    pub(crate) replaces: fn(&str, &str, &str) -> String,
    /// What the replaced report said (verdict, rates, Down time in milliseconds), and by how much
    /// the Down and the unknown time have changed since, in milliseconds.
    pub(crate) replaced_figures: fn(&str, &str, i64, i64, i64) -> String,
    pub(crate) subject: fn(&str, Month, &str) -> String,
    pub(crate) subject_correction: fn(&str) -> String,
    pub(crate) subject_verdict: fn(Verdict) -> &'static str,
    pub(crate) subject_provisional: &'static str,

    // The letter that brings the report.
    pub(crate) letter_greeting: &'static str,
    pub(crate) letter_connected: fn(&str, Month) -> String,
    pub(crate) letter_was_connected: fn(&str, NaiveDate, Month) -> String,
    pub(crate) letter_attached: &'static str,
    pub(crate) letter_attached_and_linked: &'static str,
    pub(crate) letter_linked: &'static str,
    pub(crate) letter_on_request: &'static str,
    pub(crate) letter_contact: &'static str,

    // 1. Result.
    pub(crate) section_result: &'static str,
    pub(crate) met: fn(&MonthSaid) -> Sentence,
    pub(crate) missed: fn(&MonthSaid) -> Sentence,
    pub(crate) undetermined: fn(&MonthSaid) -> Sentence,
    pub(crate) no_measure: fn(Month) -> Sentence,
    pub(crate) not_applicable: fn(Month) -> Sentence,
    pub(crate) running: fn(&RunningSaid) -> Sentence,
    pub(crate) running_lost: fn(&str) -> String,
    pub(crate) running_secured: fn(&str) -> String,
    pub(crate) verdict: fn(Verdict) -> &'static str,
    pub(crate) verdict_provisional: &'static str,
    pub(crate) note_joined: fn(&[Span]) -> String,
    pub(crate) note_measured_since: fn(NaiveDate) -> String,
    pub(crate) note_assumed_period: fn(&str) -> String,
    pub(crate) note_resolution: fn(&str) -> String,
    pub(crate) note_conditional: fn(&str, &str, &str) -> String,
    pub(crate) note_would_decide: fn(&str) -> String,
    pub(crate) figure_rate: &'static str,
    pub(crate) figure_rate_so_far: &'static str,
    pub(crate) rate_at_least: fn(&str) -> String,
    pub(crate) rate_between: fn(&str, &str) -> String,
    pub(crate) rate_observed: fn(&str, &str) -> String,
    pub(crate) figure_target: &'static str,
    pub(crate) figure_target_step: fn(&str) -> String,
    pub(crate) figure_down: &'static str,
    pub(crate) figure_incidents: fn(i64) -> String,
    pub(crate) figure_allowed: &'static str,
    /// What is left; whether it is so much at most.
    pub(crate) figure_remaining: fn(&str, bool) -> String,
    /// By how much it is overrun; whether it is so much at least.
    pub(crate) figure_overrun: fn(&str, bool) -> String,
    pub(crate) figure_unknown: &'static str,
    pub(crate) figure_coverage: fn(&str) -> String,
    pub(crate) ledger_caption: &'static str,
    pub(crate) ledger_head: [&'static str; 4],
    pub(crate) ledger_total: &'static str,
    pub(crate) ledger_fraction: fn(&str, &str, &str) -> String,
    pub(crate) class: fn(Class) -> &'static str,
    pub(crate) class_meaning: fn(Class) -> &'static str,
    pub(crate) class_future: &'static str,
    pub(crate) windows_caption: &'static str,
    pub(crate) windows_head: [&'static str; 4],
    pub(crate) days_caption: &'static str,
    pub(crate) days_head: [&'static str; 7],

    // 2. Evolution.
    pub(crate) section_evolution: &'static str,
    pub(crate) better: fn(&ChangeSaid) -> String,
    pub(crate) worse: fn(&ChangeSaid) -> String,
    pub(crate) stable: fn(&ChangeSaid) -> String,
    pub(crate) change_not_shown: fn(&ChangeSaid) -> String,
    pub(crate) no_comparison: fn(Month, Verdict) -> String,
    pub(crate) no_previous: &'static str,
    pub(crate) comparison_after_month: &'static str,
    pub(crate) down_compared: fn(&str, &str, Month) -> String,
    pub(crate) verdict_count: fn(usize, i64, i64, i64) -> String,
    pub(crate) trend_improved: &'static str,
    pub(crate) trend_regressed: &'static str,
    pub(crate) trend_not_shown: &'static str,
    pub(crate) months_caption: &'static str,
    pub(crate) months_head: [&'static str; 7],
    /// The head of the column that is there if inner steps were declared.
    pub(crate) months_step: &'static str,
    /// A step, and whether it was reached if that is known.
    pub(crate) step_in_table: fn(&str, Option<Verdict>) -> String,
    pub(crate) step_of_month: fn(&str, Verdict) -> String,
    pub(crate) steps_reached: fn(i64, i64) -> String,
    pub(crate) pooled_caption: &'static str,
    pub(crate) pooled_head: [&'static str; 6],
    pub(crate) pooled_period: fn(usize, Month, Month) -> String,

    // 3. Incidents.
    pub(crate) section_incidents: &'static str,
    pub(crate) no_incident: &'static str,
    pub(crate) incidents_summary: fn(i64, &str) -> String,
    pub(crate) incidents_longest: fn(&str) -> String,
    pub(crate) incidents_mean: fn(&str) -> String,
    pub(crate) incidents_clipped: &'static str,
    pub(crate) incidents_worst_day: fn(NaiveDate, &str) -> String,
    pub(crate) incidents_worst_hour: fn(NaiveDate, u32, &str) -> String,
    pub(crate) incidents_caption: &'static str,
    pub(crate) incidents_head: [&'static str; 8],
    pub(crate) incident_ongoing: &'static str,
    pub(crate) incident_partly: &'static str,
    /// Whether it counts, and the request that bears on it.
    pub(crate) incident_request: fn(&str, ExclusionKind, Acceptance, &str) -> String,
    pub(crate) incident_month_part: fn(&str) -> String,
    pub(crate) causes_stated: &'static str,
    /// The numbers of the first and the last incident, why, where it came from, who says so and on
    /// which day.
    pub(crate) cause_stated: fn((usize, usize), &str, Attribution, &str, &str) -> String,
    pub(crate) cause_in_french: fn(&str) -> String,
    pub(crate) stage: fn(Stage) -> &'static str,
    pub(crate) fault: fn(Fault) -> String,
    pub(crate) fault_unknown: &'static str,
    pub(crate) transient: fn(&str) -> String,
    pub(crate) disputed: fn(&str) -> String,

    // 4. Maintenance.
    pub(crate) section_maintenance: &'static str,
    pub(crate) no_maintenance: &'static str,
    pub(crate) maintenance_caption: &'static str,
    pub(crate) maintenance_head: [&'static str; 7],
    pub(crate) whole_service: &'static str,
    pub(crate) maintenance_several: fn(i64) -> String,
    pub(crate) maintenance_total: fn(&str) -> String,
    pub(crate) notice_unknown: &'static str,
    pub(crate) notice_late: &'static str,
    pub(crate) treated_counted: &'static str,
    pub(crate) treated_excluded: &'static str,
    pub(crate) treated_credited: &'static str,
    pub(crate) treated_aside: &'static str,
    pub(crate) without_maintenance: fn(&str) -> String,
    pub(crate) requests_title: &'static str,
    pub(crate) requests_caption: &'static str,
    pub(crate) requests_head: [&'static str; 5],
    pub(crate) exclusion_kind: fn(ExclusionKind) -> &'static str,
    pub(crate) acceptance: fn(Acceptance) -> &'static str,

    // 5. Endpoints.
    pub(crate) section_endpoints: &'static str,
    pub(crate) endpoints_note: &'static str,
    pub(crate) no_endpoint: &'static str,
    pub(crate) endpoints_caption: &'static str,
    pub(crate) endpoints_head: [&'static str; 9],
    pub(crate) retired: &'static str,
    pub(crate) latency_caption: &'static str,
    pub(crate) latency_head: [&'static str; 4],

    // 6. Use.
    pub(crate) section_usage: &'static str,
    pub(crate) no_usage: &'static str,
    pub(crate) usage: fn(&str, &str, &str) -> String,
    pub(crate) usage_source: fn(&str) -> String,
    pub(crate) usage_differs: fn(&str) -> String,

    // 7. Actions.
    pub(crate) section_actions: &'static str,
    pub(crate) no_action: &'static str,
    pub(crate) improvement: fn(Progress, Option<NaiveDate>, &str) -> String,
    pub(crate) trajectory: fn(&str) -> String,
    pub(crate) trajectory_step: fn(&str, NaiveDate) -> String,

    // 8. Method.
    pub(crate) section_method: &'static str,
    pub(crate) method_intro: &'static str,
    pub(crate) method_scope: &'static str,
    pub(crate) method_scope_text: fn(&str, &str) -> String,
    pub(crate) rule: fn(&Rule, &str) -> String,
    pub(crate) method_vantages: &'static str,
    pub(crate) method_vantages_text: fn(&str, i64, &str) -> String,
    pub(crate) method_imported: fn(&str) -> String,
    pub(crate) quorum: fn(Quorum) -> String,
    pub(crate) method_interval: &'static str,
    pub(crate) method_interval_text: fn(&str, &str, &str) -> String,
    pub(crate) method_confirmation: &'static str,
    pub(crate) confirmation_none: &'static str,
    pub(crate) confirmation_many: fn(i64, &str) -> String,
    pub(crate) minimum_outage: fn(&str) -> String,
    pub(crate) method_slow: &'static str,
    pub(crate) slow_up: &'static str,
    pub(crate) slow_down: &'static str,
    pub(crate) method_maintenance: &'static str,
    pub(crate) maintenance_counted: &'static str,
    pub(crate) maintenance_excluded: &'static str,
    pub(crate) maintenance_credited: &'static str,
    pub(crate) maintenance_notice: fn(&str) -> String,
    pub(crate) maintenance_cap: fn(&str) -> String,
    pub(crate) maintenance_hours: &'static str,
    pub(crate) method_unknown: &'static str,
    pub(crate) method_unknown_text: fn(&str) -> String,
    pub(crate) method_hours: &'static str,
    pub(crate) hours_always: &'static str,
    pub(crate) hours_limited: &'static str,
    pub(crate) method_rounding: &'static str,
    pub(crate) method_rounding_text: &'static str,
    pub(crate) method_resolution: &'static str,
    pub(crate) method_resolution_text: fn(&str, &str, &str) -> String,
    pub(crate) method_period: &'static str,
    pub(crate) method_period_text: &'static str,
    pub(crate) method_period_assumed: &'static str,
    pub(crate) method_engine: &'static str,
    pub(crate) method_evidence: &'static str,
    pub(crate) method_recompute: &'static str,
    pub(crate) method_recompute_text: &'static str,

    // 9. Contact.
    pub(crate) section_contact: &'static str,
    pub(crate) contact_title: &'static str,
    pub(crate) contact: fn(&str) -> String,
    pub(crate) data_title: &'static str,
    pub(crate) data: fn(&str, &str, Option<&str>) -> String,
    pub(crate) accessibility_title: &'static str,
    pub(crate) accessibility: &'static str,

    // The index of an archive.
    pub(crate) index_title: &'static str,
    pub(crate) index_text: &'static str,
    pub(crate) index_caption: &'static str,
    pub(crate) index_head: [&'static str; 6],
    pub(crate) index_replaced: &'static str,
    /// The files that are worth a link, in this order, and what they are called. The charts are in
    /// the page, and beside it for those who look.
    pub(crate) index_files: [(&'static str, &'static str); 6],

    // Charts.
    pub(crate) chart_data: &'static str,
    pub(crate) scroll: &'static str,
    pub(crate) axis_from: fn(&str) -> String,
    pub(crate) chart_calendar: fn(&str) -> String,
    pub(crate) chart_calendar_text: fn(&str) -> String,
    pub(crate) chart_daily: fn(&str) -> String,
    pub(crate) chart_daily_text: fn(i64, i64, &str) -> String,
    pub(crate) chart_nothing_counted: &'static str,
    pub(crate) chart_daily_worst: fn(NaiveDate, &str) -> String,
    pub(crate) chart_budget: fn(&str) -> String,
    pub(crate) chart_budget_text: fn(&str, &str) -> String,
    pub(crate) chart_budget_band: &'static str,
    pub(crate) chart_budget_line: &'static str,
    pub(crate) chart_budget_pace: &'static str,
    pub(crate) chart_budget_spent: &'static str,
    pub(crate) chart_trend: fn(&str) -> String,
    pub(crate) chart_trend_text: fn(i64) -> String,
    pub(crate) chart_trend_target: &'static str,
    pub(crate) chart_trend_step: &'static str,
    pub(crate) chart_trend_range: &'static str,
    pub(crate) chart_latency: fn(&str) -> String,
    pub(crate) chart_latency_text: fn(&str) -> String,
    pub(crate) chart_latency_none: &'static str,
    pub(crate) latency_median: &'static str,
    pub(crate) latency_p95: &'static str,
    pub(crate) latency_p99: &'static str,
    pub(crate) chart_outages: fn(&str) -> String,
    pub(crate) chart_outages_text: fn(i64, &str) -> String,
    pub(crate) chart_outages_none: &'static str,
    pub(crate) hour_axis: fn(i64) -> String,
    pub(crate) short_duration: fn(i64) -> String,
}

impl Words {
    /// `94,60 %`: two decimals, rounded down.
    pub(crate) fn rate(&self, ratio: Ratio) -> String {
        self.hundredths(ratio.basis_points())
    }

    /// `94,60 %`, of hundredths of a per cent.
    pub(crate) fn hundredths(&self, basis_points: i64) -> String {
        format!(
            "{}{}{:02}{}",
            basis_points / 100,
            self.decimal,
            basis_points % 100,
            self.percent
        )
    }

    /// One rate where all is known, otherwise both bounds.
    pub(crate) fn rates(&self, availability: Availability) -> String {
        let lower = self.rate(availability.lower);
        if availability.lower == availability.upper {
            lower
        } else {
            (self.rate_between)(&lower, &self.rate(availability.upper))
        }
    }

    /// A part of a whole as a rate, also where the part is empty; [`Words::none`] of nothing.
    pub(crate) fn part(&self, part_ms: i64, whole_ms: i64) -> String {
        Ratio::new(part_ms, whole_ms).map_or_else(|| self.none.to_owned(), |part| self.rate(part))
    }

    /// `95 %`, `99,5 %`: as written, without needless zeros.
    pub(crate) fn target(&self, target: Ppm) -> String {
        let (whole, fraction) = (target.parts() / 10_000, target.parts() % 10_000);
        let fraction = format!("{fraction:04}");
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() {
            format!("{whole}{}", self.percent)
        } else {
            format!("{whole}{}{fraction}{}", self.decimal, self.percent)
        }
    }

    /// Grouped by thousands: `2 682 000 000`.
    pub(crate) fn number(&self, number: i64) -> String {
        let digits = number.unsigned_abs().to_string();
        let mut text = String::with_capacity(digits.len() * 2);
        if number < 0 {
            text.push('\u{2212}');
        }
        for (idx, digit) in digits.chars().enumerate() {
            if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
                text.push(self.thousands);
            }
            text.push(digit);
        }
        text
    }

    /// `37 h 09 min`, `36 h`, `36 h 00 min 01 s`, `12 min 30 s`, `30 s`: the absolute value; the rest
    /// of a second is dropped.
    pub(crate) fn duration(&self, ms: i64) -> String {
        let ms = ms.abs();
        let (hours, minutes, seconds) = (
            ms / HOUR_MS,
            ms % HOUR_MS / MINUTE_MS,
            ms % MINUTE_MS / SECOND_MS,
        );
        match (hours, minutes, seconds) {
            (0, 0, 0) if ms != 0 => self.less_than_a_second.to_owned(),
            (0, 0, seconds) => format!("{seconds}{NBSP}s"),
            (0, minutes, 0) => format!("{minutes}{NBSP}min"),
            (0, minutes, seconds) => format!("{minutes}{NBSP}min{NBSP}{seconds:02}{NBSP}s"),
            (hours, 0, 0) => format!("{}{NBSP}h", self.number(hours)),
            (hours, minutes, 0) => {
                format!("{}{NBSP}h{NBSP}{minutes:02}{NBSP}min", self.number(hours))
            }
            (hours, minutes, seconds) => format!(
                "{}{NBSP}h{NBSP}{minutes:02}{NBSP}min{NBSP}{seconds:02}{NBSP}s",
                self.number(hours)
            ),
        }
    }

    /// `0 h 40 min`: whole minutes below an hour with their hours.
    pub(crate) fn duration_with_hours(&self, ms: i64) -> String {
        let ms = ms.abs();
        if ms >= HOUR_MS || ms % MINUTE_MS >= SECOND_MS {
            self.duration(ms)
        } else {
            format!("0{NBSP}h{NBSP}{:02}{NBSP}min", ms / MINUTE_MS)
        }
    }

    /// `1 234 ms`.
    pub(crate) fn milliseconds(&self, ms: u32) -> String {
        format!("{}{NBSP}ms", self.number(i64::from(ms)))
    }

    /// Hundredths of a percentage point with their sign and unit: `+0,42 point`.
    pub(crate) fn signed_points(&self, hundredths: i64) -> String {
        let sign = match hundredths.signum() {
            -1 => "\u{2212}",
            0 => "",
            _ => "+",
        };
        let size = hundredths.abs();
        let text = format!("{sign}{}{}{:02}", size / 100, self.decimal, size % 100);
        (self.points)(&text, size)
    }

    /// For tables: date and time to the second, with the offset where the wall clock shows this
    /// time twice.
    pub(crate) fn instant(&self, at: Timestamp, zone: Tz) -> String {
        let local = at.to_local(zone);
        let text = local.format(self.date_in_table).to_string();
        let time = local.format("%H:%M:%S");
        match zone.from_local_datetime(&local.naive_local()) {
            LocalResult::Ambiguous(_, _) => {
                format!("{text}{NBSP}{time} (UTC{})", local.format("%:z"))
            }
            LocalResult::Single(_) | LocalResult::None => format!("{text}{NBSP}{time}"),
        }
    }

    /// For tables: the date.
    pub(crate) fn short_date(&self, date: NaiveDate) -> String {
        date.format(self.date_in_table).to_string()
    }

    /// `+3 h 20 min`, `−12 min`, `0 s`.
    pub(crate) fn signed_duration(&self, ms: i64) -> String {
        let sign = match ms.signum() {
            -1 => "\u{2212}",
            0 => "",
            _ => "+",
        };
        format!("{sign}{}", self.duration(ms))
    }

    /// `a, b et c`.
    pub(crate) fn list<T: AsRef<str>>(&self, items: &[T]) -> String {
        let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
        match items[..] {
            [] => self.none.to_owned(),
            [one] => one.to_owned(),
            [ref first @ .., last] => {
                format!("{}{}{last}", first.join(self.list_comma), self.list_and)
            }
        }
    }

    /// A label and its value in running text: `Cause : …`.
    pub(crate) fn labelled(&self, label: &str, value: &str) -> String {
        format!("{label}{}{value}", self.colon)
    }
}
