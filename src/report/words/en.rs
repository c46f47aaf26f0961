//! English, as an edition of the same report.

mod spelling;

use chrono::{Datelike, Weekday};

use self::spelling::{MONTHS, MONTHS_SHORT, date, month, plural};
use super::{NBSP, Sentence, Words};
use crate::sla::availability::Verdict;
use crate::sla::catalog::Progress;
use crate::sla::cause::Attribution;
use crate::sla::commitment::{Quorum, Rule};
use crate::sla::ledger::{Acceptance, Class, ExclusionKind};
use crate::sla::observation::{Fault, Stage, TlsFault};
use crate::sla::window::{HOUR_MS, MINUTE_MS, SECOND_MS};
use chrono_tz::Tz;
pub(super) static WORDS: Words = Words {
    lang: "en",

    decimal: '.',
    thousands: ',',
    percent: "%",
    colon: ": ",
    list_comma: ", ",
    list_and: " and ",
    less_than_a_second: "less than a second",
    month,
    month_name: |date| MONTHS[date.month0() as usize],
    month_short: |month| {
        format!(
            "{}\u{a0}{}",
            MONTHS_SHORT[month.number() as usize - 1],
            month.year()
        )
    },
    date,
    weekday_short: |date| match date.weekday() {
        Weekday::Mon => "Mon",
        Weekday::Tue => "Tue",
        Weekday::Wed => "Wed",
        Weekday::Thu => "Thu",
        Weekday::Fri => "Fri",
        Weekday::Sat => "Sat",
        Weekday::Sun => "Sun",
    },
    date_in_table: "%-d\u{a0}%b\u{a0}%Y",
    date_and_clock: |day, hour, minute| format!("{} at {hour:02}:{minute:02}", date(day)),
    zone: |zone| match zone {
        Tz::Europe__Paris => "Paris time".to_owned(),
        other => format!("{other} time"),
    },
    points: |text, size| {
        let unit = if size == 100 { "point" } else { "points" };
        format!("{text}{NBSP}{unit}")
    },
    yes: "yes",
    no: "no",
    none: "–",

    title: "Monthly availability report",
    title_provisional: "Provisional availability",
    title_correction: "Monthly availability report (corrected)",
    addressed_to: "For the attention of",
    skip: "Go to the month’s result",
    contents: "Contents",
    sheet: |number, of| format!("Page {number} of {of}"),
    label_service: "Service",
    label_period: "Period",
    period: |month, zone, length| format!("1 to {}, {zone}, {length}", date(month.last_day())),
    label_commitment: "Commitment",
    commitment: |quote, reference, from| {
        format!("“{quote}” ({reference}; in force since {})", date(from))
    },
    label_number: "Report",
    number: |number, established| format!("no.\u{a0}{number}, established on {established}"),
    replaces: |number, established, reason| {
        format!(
            "This report cancels and replaces report no.\u{a0}{number} of {established}. Reason: {reason}."
        )
    },
    replaced_figures: |verdict, rates, down_ms, down_change_ms, unknown_change_ms| {
        let change = |ms: i64| match ms {
            0 => "is unchanged".to_owned(),
            1.. => format!("rises by {}", WORDS.duration(ms)),
            _ => format!("falls by {}", WORDS.duration(-ms)),
        };
        let since = match (down_change_ms, unknown_change_ms) {
            (0, 0) => "these figures are unchanged".to_owned(),
            (down_ms, unknown_ms) => format!(
                "the downtime {} and the unmeasured time {}",
                change(down_ms),
                change(unknown_ms)
            ),
        };
        format!(
            "It said: {verdict}, rate {rates}, downtime {}. Since then, {since}.",
            WORDS.duration(down_ms)
        )
    },
    subject: |service, of, verdict| format!("Availability of {service} — {}: {verdict}", month(of)),
    subject_correction: |subject| format!("Correction — {subject}"),
    subject_verdict: |verdict| match verdict {
        Verdict::Met => "commitment met",
        Verdict::Missed => "commitment not met",
        Verdict::Undetermined => "undetermined result",
        Verdict::NotApplicable => "not applicable",
    },
    subject_provisional: "provisional result",

    letter_greeting: "Hello,",
    letter_connected: |service, of| {
        format!(
            "You are connected to {service}. In accordance with the agreement, here is the result for {}.",
            month(of)
        )
    },
    letter_was_connected: |service, last_day, of| {
        format!(
            "You were connected to {service} until {}. In accordance with the agreement, here is the result for {}.",
            date(last_day),
            month(of)
        )
    },
    letter_attached: "The full report is attached to this message.",
    letter_attached_and_linked: "The full report is attached to this message and can be read at",
    letter_linked: "The full report can be read at",
    letter_on_request: "The full report is available on request.",
    letter_contact: "For any question:",

    section_result: "Result of the month",
    met: |said| Sentence {
        headline: "Commitment met.".to_owned(),
        body: format!(
            "In {}, the Service was available {}{} of the time, for a commitment of {}. Observed downtime amounts to {}, for an allowed maximum of {}.",
            month(said.month),
            if said.any_unknown { "at least " } else { "" },
            said.lower,
            said.target,
            said.down,
            said.allowed,
        ),
    },
    missed: |said| Sentence {
        headline: "Commitment not met.".to_owned(),
        body: format!(
            "In {}, the Service was available {} of the time, for a commitment of {}. Observed downtime amounts to {} and exceeds the allowed maximum ({}) by {}. Causes and actions are given in parts 3 and 7.",
            month(said.month),
            if said.any_unknown {
                format!("between {} and {}", said.lower, said.upper)
            } else {
                said.lower.clone()
            },
            said.target,
            said.down,
            said.allowed,
            said.overrun,
        ),
    },
    undetermined: |said| Sentence {
        headline: "Undetermined result.".to_owned(),
        body: format!(
            "In {}, the state of the Service could not be established for {}. Depending on whether the Service was available during that time, the rate lies between {} and {}, for a commitment of {}. The measurements therefore do not allow us to say whether the commitment was met.",
            month(said.month),
            said.unknown,
            said.lower,
            said.upper,
            said.target,
        ),
    },
    no_measure: |of| Sentence {
        headline: "Undetermined result.".to_owned(),
        body: format!("No usable measurement was collected in {}.", month(of)),
    },
    not_applicable: |of| Sentence {
        headline: "Not applicable.".to_owned(),
        body: format!(
            "In {}, no time fell under the commitment: your organisation was not connected to the Service, or all the time of the month was excluded.",
            month(of)
        ),
    },
    running: |said| Sentence {
        headline: format!(
            "Provisional result on {} at {:02}:{:02}.",
            date(said.day),
            said.hour,
            said.minute
        ),
        body: {
            let unknown = match &said.unknown {
                Some(unknown) => format!(" and {unknown} of unmeasured time"),
                None => String::new(),
            };
            format!(
                "The commitment is assessed at the end of the month. So far: {} of downtime{unknown}, out of {} allowed for the whole month.",
                said.down, said.allowed
            )
        },
    },
    running_lost: |target| {
        format!(
            "Whatever happens until the end of the month, the rate can no longer reach {target}."
        )
    },
    running_secured: |target| {
        format!(
            "Whatever happens until the end of the month, the rate can no longer fall below {target}."
        )
    },
    verdict: |verdict| match verdict {
        Verdict::Met => "Met",
        Verdict::Missed => "Not met",
        Verdict::Undetermined => "Undetermined",
        Verdict::NotApplicable => "Not applicable",
    },
    verdict_provisional: "Provisional",
    note_joined: |windows| {
        let spans: Vec<String> = windows
            .iter()
            .map(|span| match span.last {
                Some(last) if span.first == last => format!("on {}", date(span.first)),
                Some(last) => format!("from {} to {}", date(span.first), date(last)),
                None => format!("from {}", date(span.first)),
            })
            .collect();
        format!(
            "Your organisation was connected to the Service during part of the month only ({}). The rate and the allowed downtime are those of that time; the rest of the month is outside the commitment.",
            spans.join(", then ")
        )
    },
    note_measured_since: |day| {
        format!(
            "Measurement began on {}; the days before count as unmeasured.",
            date(day)
        )
    },
    note_assumed_period: |target| {
        format!(
            "The agreement sets a rate of {target} without naming a period; this report assesses it at the end of each month."
        )
    },
    note_resolution: |bound| {
        format!(
            "The distance between rate and commitment is smaller than the resolution of the measurement ({bound} for the whole month). The result remains the one that the measurements give."
        )
    },
    note_conditional: |requested, rate, verdict| {
        format!(
            "Requests for exclusion await a decision (part 4): {requested}. If all were accepted, the rate would be {rate} and the result would become: {verdict}."
        )
    },
    note_would_decide: |decide| {
        format!(
            "The commitment would be met if the Service was available for at least {decide} of the unmeasured time, and not met otherwise."
        )
    },
    figure_rate: "Availability rate",
    figure_rate_so_far: "Rate so far",
    rate_at_least: |observed| format!("at least; {observed}"),
    rate_between: |lower, upper| format!("{lower} to {upper}"),
    rate_observed: |observed, coverage| {
        format!("{observed} of the measured time, which is {coverage} of the time that counts")
    },
    figure_target: "Commitment",
    figure_target_step: |step| format!("internal objective: {step}"),
    figure_down: "Observed downtime",
    figure_incidents: |n| format!("{n}\u{a0}{}", plural(n, "incident", "incidents")),
    figure_allowed: "Allowed downtime",
    figure_remaining: |left, at_most| {
        format!("remaining: {}{left}", if at_most { "at most " } else { "" })
    },
    figure_overrun: |overrun, at_least| {
        format!(
            "overrun: {}{overrun}",
            if at_least { "at least " } else { "" }
        )
    },
    figure_unknown: "Unmeasured time",
    figure_coverage: |coverage| format!("{coverage} of the time that counts was measured"),
    ledger_caption: "The time of the month, accounted for",
    ledger_head: [
        "State",
        "Duration",
        "Part of the month",
        "Exact duration (ms)",
    ],
    ledger_total: "Whole month",
    ledger_fraction: |part, whole, rate| {
        format!("Minimum rate: {part}\u{a0}ms ÷ {whole}\u{a0}ms = {rate}, rounded down.")
    },
    class: |class| match class {
        Class::Up => "Available",
        Class::Degraded => "Degraded",
        Class::Down => "Unavailable",
        Class::Unknown => "Unmeasured",
        Class::Credited => "Credited maintenance",
        Class::Excluded => "Excluded",
        Class::OutOfScope => "Outside the commitment",
    },
    class_meaning: |class| match class {
        Class::Up => "counts as available",
        Class::Degraded => "correct but slow or partial answers, counts as available",
        Class::Down => "counts as unavailable",
        Class::Unknown => "neither available nor unavailable",
        Class::Credited => "scheduled maintenance, counts as available",
        Class::Excluded => "left out of the time that counts",
        Class::OutOfScope => "not connected, or outside opening hours",
    },
    class_future: "To come",
    windows_caption: "Windows of the month in which the Service was not simply available",
    windows_head: ["Start", "End", "Duration", "State"],
    days_caption: "Availability per day",
    days_head: [
        "Day",
        "Minimum availability",
        "Maximum availability",
        "Downtime",
        "Unmeasured",
        "Excluded or outside the commitment",
        "Remaining at most, at the end of the day",
    ],

    section_evolution: "Evolution",
    better: |said| {
        format!(
            "Improved: {} compared with {}.",
            said.change,
            month(said.since)
        )
    },
    worse: |said| {
        format!(
            "Declined: {} compared with {}.",
            said.change,
            month(said.since)
        )
    },
    stable: |said| {
        format!(
            "Stable compared with {} (difference below 0.05\u{a0}points).",
            month(said.since)
        )
    },
    change_not_shown: |said| {
        format!(
            "No change shown compared with {}: the difference between the minimum rates ({}) does not exceed the uncertainty due to unmeasured time.",
            month(said.since),
            said.change
        )
    },
    no_comparison: |of, verdict| {
        let state = match verdict {
            Verdict::NotApplicable => "in which no time counted",
            Verdict::Met | Verdict::Missed | Verdict::Undetermined => {
                "whose result is undetermined"
            }
        };
        format!("No comparison possible with {}, {state}.", month(of))
    },
    no_previous: "No comparison possible: the month before was not measured.",
    comparison_after_month: "The comparison with the month before will be made at the end of the month.",
    down_compared: |down, before, since| {
        format!(
            "Observed downtime: {down}, against {before} in {}.",
            month(since)
        )
    },
    verdict_count: |n_months, met, missed, undetermined| {
        let months = match n_months {
            12 => "Over the last twelve months".to_owned(),
            1 => "Over a single month".to_owned(),
            n => format!("Over the last {n}\u{a0}months measured"),
        };
        let times = |n: i64| format!("{n}\u{a0}{}", plural(n, "time", "times"));
        format!(
            "{months}: commitment met {}, not met {}, undetermined {}.",
            times(met),
            times(missed),
            times(undetermined)
        )
    },
    trend_improved: "Over the last three months availability has improved on the three months before, unmeasured time included.",
    trend_regressed: "Over the last three months availability has declined from the three months before, unmeasured time included.",
    trend_not_shown: "Over the last three months the measurements show neither improvement nor decline from the three months before.",
    months_caption: "Results of the last thirteen months",
    months_head: [
        "Month",
        "Minimum availability",
        "Maximum availability",
        "Commitment",
        "Downtime",
        "Unmeasured",
        "Result",
    ],
    months_step: "Internal objective",
    step_in_table: |step, reached| match reached {
        Some(verdict) => format!("{step} ({})", step_verdict(verdict)),
        None => step.to_owned(),
    },
    step_of_month: |step, verdict| {
        format!(
            "Internal objective of the month ({step}): {}.",
            step_verdict(verdict)
        )
    },
    steps_reached: |n_reached, n_months| {
        format!(
            "Since it was declared, the internal objective was reached in {n_reached} of {n_months}\u{a0}measured months. It does not change the result, which depends on the commitment alone."
        )
    },
    pooled_caption: "Several months together (sums of time)",
    pooled_head: [
        "Period",
        "Minimum availability",
        "Maximum availability",
        "Downtime",
        "Unmeasured",
        "Downtime, change from the period before",
    ],
    pooled_period: |n_months, first, last| {
        format!(
            "{n_months}\u{a0}months ({} to {})",
            month(first),
            month(last)
        )
    },

    section_incidents: "Downtime and incidents of the month",
    no_incident: "No downtime was observed.",
    incidents_summary: |n, down| {
        format!(
            "{n}\u{a0}{}, for an observed downtime of {down}.",
            plural(n, "incident counted", "incidents counted")
        )
    },
    incidents_longest: |longest| format!("The longest counts for {longest}."),
    incidents_mean: |mean| format!("Mean time to restore: {mean}."),
    incidents_clipped: "An incident that spans two months counts only for its part within the month.",
    incidents_worst_day: |day, down| format!("Worst day: {} ({down}).", date(day)),
    incidents_worst_hour: |day, hour, down| {
        format!(
            "Worst hour: {}, from {hour:02}:00 to {:02}:00 ({down}).",
            date(day),
            hour + 1
        )
    },
    incidents_caption: "Observed downtime",
    incidents_head: [
        "No.",
        "Start",
        "End",
        "Duration",
        "Endpoint",
        "Finding",
        "Scheduled",
        "Counted",
    ],
    incident_ongoing: "ongoing",
    incident_partly: "in part",
    incident_request: |counts, kind, acceptance, reason| {
        format!(
            "{counts} ({}, request {}: {reason})",
            exclusion_kind(kind),
            acceptance_said(acceptance)
        )
    },
    incident_month_part: |part| format!("{part} within the month"),
    causes_stated: "Probes observe that a service is down, not why. This is what its operator says of it; it changes no figure.",
    cause_stated: |(first, last), why, attribution, by, day| {
        let incidents = match last - first {
            0 => format!("Incident no.\u{a0}{first}"),
            1 => format!("Incidents nos.\u{a0}{first} and {last}"),
            _ => format!("Incidents nos.\u{a0}{first} to {last}"),
        };
        let attribution = match attribution {
            Attribution::Service => "Attributable to the Service.",
            Attribution::DataProvider => "Attributable to a data provider.",
            Attribution::Host => "Attributable to the hosting provider.",
            Attribution::Unknown => "Attribution unknown.",
        };
        format!("{incidents}: {why}. {attribution} Stated by {by} on {day}.")
    },
    cause_in_french: |french| format!("“{french}” (in French)"),
    stage,
    fault,
    fault_unknown: "not specified",
    transient: |ms| {
        format!(
            "Isolated failures, refuted by the next measurement and counted as available: {ms}."
        )
    },
    disputed: |ms| format!("Time during which vantage points contradicted each other: {ms}."),

    section_maintenance: "Scheduled maintenance",
    no_maintenance: "No scheduled maintenance was announced for this month.",
    maintenance_caption: "Announced maintenance",
    maintenance_head: [
        "Purpose",
        "Concerns",
        "Planned start",
        "Planned end",
        "Notice",
        "Downtime counted within the window",
        "Counted as downtime",
    ],
    whole_service: "the whole Service",
    maintenance_several: |n| format!("{n}\u{a0}windows"),
    maintenance_total: |total| format!("{total} in total"),
    notice_unknown: "not recorded",
    notice_late: "announced after its start",
    treated_counted: "yes",
    treated_excluded: "no, time excluded",
    treated_credited: "no, time credited",
    treated_aside: "not applicable, endpoint shown for information",
    without_maintenance: |rate| {
        format!("For information only, the rate without scheduled maintenance would be {rate}.")
    },
    requests_title: "Other requests for exclusion",
    requests_caption: "Requests for exclusion concerning the month",
    requests_head: ["Kind", "Start", "End", "Reason", "Decision"],
    exclusion_kind,
    acceptance: acceptance_said,

    section_endpoints: "Endpoints and data providers",
    endpoints_note: "Only contractual endpoints enter the result of the month; the others are shown for information only.",
    no_endpoint: "No endpoint is followed individually.",
    endpoints_caption: "Availability per endpoint",
    endpoints_head: [
        "Endpoint",
        "Provider",
        "Contractual",
        "Availability",
        "Downtime",
        "Unmeasured",
        "Incidents",
        "Median response",
        "95th percentile",
    ],
    retired: "(withdrawn)",
    latency_caption: "Response time per day",
    latency_head: ["Day", "Median", "95th percentile", "99th percentile"],

    section_usage: "Use of the Service",
    no_usage: "These figures are not measured by this tool.",
    usage: |calls, good, rate| {
        format!("Calls made to the Service: {calls}, of which {good} succeeded ({rate}).")
    },
    usage_source: |source| format!("Source: {source}."),
    usage_differs: |rates| {
        format!(
            "This rate departs from the availability that the probes measured ({rates}). \
             Availability counts time, this rate counts calls: a call may fail for a reason of its \
             own, and an outage touches only the calls made while it lasts."
        )
    },

    section_actions: "Improvement actions",
    no_action: "No improvement action was declared for this month.",
    improvement: |progress, date, what| {
        let state = match progress {
            Progress::Planned => "Planned",
            Progress::Engaged => "Under way",
            Progress::Done => "Finished",
        };
        match date {
            Some(on) => format!("{state} ({}): {what}", self::date(on)),
            None => format!("{state}: {what}"),
        }
    },
    trajectory: |steps| format!("Declared path of improvement, beyond the commitment: {steps}."),
    trajectory_step: |step, from| format!("{step} from {}", date(from)),

    section_method: "Method of measurement",
    method_intro: "This part gives what is needed to redo the computation.",
    method_scope: "Scope",
    method_scope_text: |endpoints, rule| format!("{endpoints}. {rule}"),
    rule: |rule, main| match rule {
        Rule::All => "The Service is available when all contractual endpoints are.".to_owned(),
        Rule::Any => {
            "The Service is available when at least one contractual endpoint is.".to_owned()
        }
        Rule::AtLeast(n) => {
            format!("The Service is available when at least {n} contractual endpoints are.")
        }
        Rule::Main(_) => format!("The Service is available when the endpoint “{main}” is."),
    },
    method_vantages: "Vantage points",
    method_vantages_text: |vantages, n, quorum| match n {
        0 | 1 => format!("{vantages}."),
        _ => format!("{vantages}. {quorum}"),
    },
    method_imported: |vantages| {
        format!(
            "The measurements attributed to {vantages} were made by another monitoring tool and taken over as they were; their source and digest are on record in the journal. They count for the time in which that tool was measuring."
        )
    },
    quorum: |quorum| match quorum {
        Quorum::Majority => {
            "Downtime is established when more than half of them observe it.".to_owned()
        }
        Quorum::AtLeast(n) => {
            format!("Downtime is established when at least {n} of them observe it.")
        }
    },
    method_interval: "Interval",
    method_interval_text: |interval, timeout, validity| {
        format!(
            "Interval between two measurements: {interval}. Timeout of an answer: {timeout}. A measurement holds until the next one, at most {validity}; beyond that, time is unmeasured."
        )
    },
    method_confirmation: "Confirmation threshold",
    confirmation_none: "A single failure is enough: downtime runs from the first failed measurement to the first good one.",
    confirmation_many: |n, within| {
        format!(
            "{n} failures in a row within {within}: downtime then runs from the first of them to the first good measurement."
        )
    },
    minimum_outage: |minimum| format!("Interruptions shorter than {minimum} do not count."),
    method_slow: "Slow answers",
    slow_up: "A correct answer that is slow or partial counts as available; it is shown as degraded. Beyond the timeout of the probe it counts as unavailable.",
    slow_down: "A slow or partial answer counts as unavailable.",
    method_maintenance: "Scheduled maintenance",
    maintenance_counted: "Counts like any other time: the agreement provides for no exclusion.",
    maintenance_excluded: "Left out of the time that counts where it meets the conditions of the commitment.",
    maintenance_credited: "Counts as available where it meets the conditions of the commitment.",
    maintenance_notice: |notice| format!("Notice of at least {notice}."),
    maintenance_cap: |cap| format!("At most {cap} per month."),
    maintenance_hours: "Only within the hours named by the commitment.",
    method_unknown: "Unmeasured time",
    method_unknown_text: |unknown| {
        format!(
            "{unknown} for this month. It counts neither as available nor as unavailable: the minimum rate takes it as unavailable, the maximum rate as available. The commitment is met if the minimum rate reaches it, not met if the maximum rate does not, undetermined otherwise."
        )
    },
    method_hours: "Opening hours",
    hours_always: "Permanent, 24\u{a0}hours a day and 7\u{a0}days a week.",
    hours_limited: "Limited to the hours named by the commitment; the rest is outside it.",
    method_rounding: "Rounding",
    method_rounding_text: "The result is established on whole milliseconds. Rates are shown with two decimals rounded down, durations to the second below: a figure that is shown cannot contradict the result. In the account of the time, the share of available time is rounded down too and the other shares make up for it, so that they add up to 100%; durations in milliseconds are exact.",
    method_resolution: "Resolution",
    method_resolution_text: |interval, bound, deviation| {
        format!(
            "Each start and each end of an incident is known to within one interval ({interval}), that is at most {bound} of the month’s downtime (standard deviation: {deviation})."
        )
    },
    method_period: "Period",
    method_period_text: "A whole calendar month, from midnight to midnight in local time; clock changes make the month an hour longer or shorter.",
    method_period_assumed: "The agreement names no period; the calendar month is the operator’s reading.",
    method_engine: "Engine",
    method_evidence: "Digest of the measurements (SHA-256)",
    method_recompute: "Redo the computation",
    method_recompute_text: "With this month’s evidence document, the following command gives the same figures.",

    section_contact: "Contact, your data, accessibility",
    contact_title: "Contact",
    contact: |name| format!("{name}:"),
    data_title: "Your data",
    data: |controller, contact, protection| {
        let officer = match protection {
            Some(protection) => format!(", write to the data protection officer ({protection})"),
            None => String::new(),
        };
        format!(
            "The professional contact details of your organisation (e-mail address, function) are processed by {controller} to communicate the availability results that the agreement provides for. Legal basis: task in the public interest (article 6(1)(e) GDPR). They are kept for the period set by the applicable law. You may exercise your rights of access, rectification, objection and restriction at {contact}{officer}, or lodge a complaint with the CNIL (www.cnil.fr)."
        )
    },
    accessibility_title: "Accessibility",
    accessibility: "The HTML edition of this report is its reference edition. It can be read without pictures or colours: every chart is described and its data stand in a table. If something remains inaccessible to you, write to us: we will provide it in another form.",

    index_title: "Availability reports",
    index_text: "Each folder holds the report, its charts, its data and the measurements they come from. The commands below check the files of a folder and recompute the month.",
    index_caption: "Reports, the newest first",
    index_head: [
        "Month",
        "Service",
        "Report",
        "Minimum availability",
        "Result",
        "Documents",
    ],
    index_replaced: "(replaced)",
    index_files: [
        ("rapport.html", "web page"),
        ("rapport.pdf", "PDF"),
        ("mesures-tableur.csv", "data for spreadsheets"),
        ("mesures.csv", "data (CSV)"),
        ("statement.json", "result (JSON)"),
        ("evidence.json", "measurements (JSON)"),
    ],

    chart_data: "Data of the chart",
    scroll: "can be scrolled sideways",
    axis_from: |floor| format!("The axis begins at {floor}."),
    chart_calendar: |of| format!("The month hour by hour — {of}"),
    chart_calendar_text: |zone| {
        format!("One row per day, from 0:00 to 24:00 ({zone}); downtime is darkest.")
    },
    chart_daily: |of| format!("Availability per day — {of}"),
    chart_daily_text: |n_full, n_days, target| {
        format!(
            "{n_full}\u{a0}{} of {n_days} without downtime or unmeasured time. The line marks the commitment of {target}, which is assessed over the whole month.",
            plural(n_full, "day", "days")
        )
    },
    chart_nothing_counted: "No time of the month counts for the commitment.",
    chart_daily_worst: |day, rate| format!("Lowest day: {}, {rate} at least.", date(day)),
    chart_budget: |of| format!("Remaining allowed downtime — {of}"),
    chart_budget_text: |allowed, left| {
        format!(
            "The allowance starts at {allowed} and falls with each downtime; below zero the commitment is not met. At the end of the period, {left}."
        )
    },
    chart_budget_band: "if the unmeasured time was downtime",
    chart_budget_line: "remaining allowance",
    chart_budget_pace: "even use",
    chart_budget_spent: "overrun",
    chart_trend: |of| format!("Availability over thirteen months — {of}"),
    chart_trend_text: |n_months| {
        format!(
            "{n_months}\u{a0}{} measured; each vertical bar runs from the minimum to the maximum rate, the level marks the commitment.",
            plural(n_months, "month", "months")
        )
    },
    chart_trend_target: "commitment",
    chart_trend_step: "internal objective",
    chart_trend_range: "from minimum to maximum rate",
    chart_latency: |of| format!("Response time per day — {of}"),
    chart_latency_text: |worst| {
        format!(
            "Median, 95th and 99th percentiles of each day’s correct answers. Highest 99th percentile: {worst}."
        )
    },
    chart_latency_none: "No response time was recorded.",
    latency_median: "median",
    latency_p95: "95th percentile",
    latency_p99: "99th percentile",
    chart_outages: |of| format!("Downtime over the month — {of}"),
    chart_outages_text: |n, longest| {
        format!(
            "{n}\u{a0}{}; the height of each bar gives its duration, the longest is {longest}.",
            plural(n, "outage", "outages")
        )
    },
    chart_outages_none: "No downtime observed",
    hour_axis: |hour| format!("{hour}:00"),
    short_duration: |ms| {
        if ms == 0 {
            "0".to_owned()
        } else if ms < MINUTE_MS {
            format!("{}\u{a0}s", ms / SECOND_MS)
        } else if ms < HOUR_MS {
            format!("{}\u{a0}min", ms / MINUTE_MS)
        } else {
            format!("{}\u{a0}h", ms / HOUR_MS)
        }
    },
};

fn step_verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "reached",
        Verdict::Missed => "not reached",
        Verdict::Undetermined => "undetermined",
        Verdict::NotApplicable => "not applicable",
    }
}

fn exclusion_kind(kind: ExclusionKind) -> &'static str {
    match kind {
        ExclusionKind::Maintenance => "scheduled maintenance",
        ExclusionKind::ForceMajeure => "force majeure",
        ExclusionKind::PartnerNetwork => "partner’s network",
        ExclusionKind::PartnerRequest => "partner’s request",
        ExclusionKind::Correction => "wrong measurement, withdrawn",
        ExclusionKind::Other => "other",
    }
}

fn acceptance_said(acceptance: Acceptance) -> &'static str {
    match acceptance {
        Acceptance::Accepted => "accepted",
        Acceptance::Pending => "pending",
        Acceptance::Refused => "refused",
    }
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Auth => "getting a token",
        Stage::Resolve => "name resolution",
        Stage::Connect => "connection",
        Stage::Tls => "TLS handshake",
        Stage::Write => "sending the request",
        Stage::Processing => "waiting for the answer",
        Stage::Transfer => "reading the answer",
    }
}

fn fault(fault: Fault) -> String {
    match fault {
        Fault::Dns => "DNS failure".to_owned(),
        Fault::Connect => "no connection".to_owned(),
        Fault::Timeout(at) => format!("timed out ({})", stage(at)),
        Fault::Tls(kind) => {
            let kind = match kind {
                TlsFault::Expired => "certificate expired",
                TlsFault::NotYetValid => "certificate not yet valid",
                TlsFault::WrongHost => "certificate of another name",
                TlsFault::SelfSigned => "self-signed certificate",
                TlsFault::UnknownAuthority => "unknown authority",
                TlsFault::WeakProtocol => "version too old",
                TlsFault::ClientCertificate => "client certificate required",
                TlsFault::Refused => "refused by the service",
                TlsFault::Handshake => "handshake failed",
            };
            format!("TLS failure ({kind})")
        }
        Fault::Io(at) => format!("connection broken ({})", stage(at)),
        Fault::Status(status) => format!("HTTP status {status}"),
        Fault::Content => "unexpected content".to_owned(),
        Fault::Redirect => "redirected too often or to nowhere".to_owned(),
        Fault::RedirectLoop => "redirected in a circle".to_owned(),
        Fault::TooLarge => "answer too large".to_owned(),
        Fault::Maintenance => "maintenance announced by the Service".to_owned(),
        Fault::Unspecified => "not specified".to_owned(),
    }
}
