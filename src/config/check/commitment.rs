//! Commitments and planned work: the promise, its policies, and their dates.

use std::ops::Range;

use chrono::{NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;
use toml::Spanned;

use crate::config::kind::{FirstOfMonth, MaintenanceWord, Ms, RuleWord};
use crate::config::reader::Given;
use crate::config::{line_of, raw};
use crate::sla::catalog::{EndpointId, PlannedMaintenance, Recurrence};
use crate::sla::commitment::{
    Clause, Commitment, Confirmation, Degraded, Maintenance, MaintenanceTerms, Ppm, Quorum, Rule,
    Terms,
};
use crate::sla::window::{DayRange, WeeklyHours, Window};

use super::{Checker, DEFAULT_ZONE, Names, all, endpoint, ms};
use crate::sla::window::show_duration_ms;

/// The vantages of an installation, as far as its file knows: itself.
const N_VANTAGES: u32 = 1;

const WEEK: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

/// What commitments and planned work may refer to: the endpoints of their service.
pub(super) struct Known {
    endpoints: Names,
    contractual: Names,
    /// Of the contractual endpoints; nothing if one of them is wrong.
    rhythms: Option<Vec<endpoint::Repeats>>,
}

impl Known {
    pub(super) fn of(endpoints: Option<&[raw::Endpoint]>) -> Self {
        let counts = |endpoint: &&raw::Endpoint| {
            let written = endpoint.contractual.written();
            written.is_some_and(|yes| *yes.get_ref())
        };
        let all = endpoints.unwrap_or_default();
        let contractual: Vec<&raw::Endpoint> = all.iter().filter(counts).collect();
        let endpoints = Names::of(endpoints, |endpoint| &endpoint.id);
        let mut names = Names::of(Some(&contractual), |endpoint| &endpoint.id);
        names.complete = endpoints.complete
            && all
                .iter()
                .all(|endpoint| !matches!(endpoint.contractual, Given::Wrong));
        Self {
            rhythms: contractual
                .iter()
                .map(|endpoint| endpoint::Repeats::of(endpoint))
                .collect(),
            contractual: names,
            endpoints,
        }
    }

    /// Whether there are endpoints and none of them counts for a commitment.
    pub(super) fn none_counts(&self) -> bool {
        self.contractual.complete
            && self.contractual.names.is_empty()
            && !self.endpoints.names.is_empty()
    }
}

impl Checker<'_> {
    /// At most one version of a promise is in force on any day, and all have the same months:
    /// with another zone, a month that was closed would begin and end elsewhere.
    pub(super) fn in_force_apart(&self, commitments: &[raw::Commitment]) {
        let zone = |version: &raw::Commitment| match &version.zone {
            Given::LeftOut => Some(DEFAULT_ZONE),
            Given::Wrong => None,
            Given::Written(zone) => Some(*zone.get_ref()),
        };
        let first_zone = commitments.iter().find_map(zone);
        for version in commitments {
            let (Some(first), Some(other), Some(at)) =
                (first_zone, zone(version), version.zone.at())
            else {
                continue;
            };
            if first != other {
                self.notes.fault(
                    at,
                    format!("the service's other commitments have the months of {first}"),
                    format!("write `zone = \"{first}\"`, or describe another service"),
                );
            }
        }
        let mut versions: Vec<(NaiveDate, Option<NaiveDate>, Range<usize>)> = commitments
            .iter()
            .filter_map(|version| {
                let from = version.from.as_ref()?;
                let until = match &version.until {
                    Given::LeftOut => None,
                    Given::Wrong => return None,
                    Given::Written(until) => Some(until.get_ref().0),
                };
                Some((from.get_ref().0, until, from.span()))
            })
            .collect();
        versions.sort_by_key(|(from, ..)| *from);
        for (earlier, later) in versions.iter().zip(versions.iter().skip(1)) {
            let (first, until, first_at) = earlier;
            let (second, _, second_at) = later;
            if until.is_some_and(|until| until <= *second) {
                continue;
            }
            let line = line_of(self.text, first_at.start);
            let remedy = if first == second {
                "give the versions dates that follow each other".to_owned()
            } else {
                format!("end the earlier one with `until = {second}`")
            };
            self.notes.fault(
                second_at.clone(),
                format!("on {second} the commitment of line {line} is still in force"),
                remedy,
            );
        }
    }

    pub(super) fn commitment(&self, raw: raw::Commitment, known: &Known) -> Option<Commitment> {
        if let (Some(from), Some(until)) = (&raw.from, raw.until.written()) {
            let (from, until_at) = (from.get_ref().0, until.span());
            let until = until.get_ref().0;
            if until <= from {
                self.notes.fault(
                    until_at,
                    format!("`until` ({until}) is not after `from` ({from})"),
                    "write the first day on which it is no longer in force",
                );
            }
        }
        let zone = raw.zone.or(DEFAULT_ZONE);
        // A wrong zone is a fault of its own: hours are checked all the same.
        let hours_zone = zone.unwrap_or(DEFAULT_ZONE);
        let maintenance = self.policy(
            raw.maintenance,
            raw.maintenance_notice,
            raw.maintenance_cap,
            raw.maintenance_hours,
            hours_zone,
        );
        let rule = match raw.rule {
            Given::LeftOut => Some(Rule::All),
            Given::Wrong => None,
            Given::Written(rule) => self.rule(rule.into_inner(), known),
        };
        let quorum = match raw.quorum {
            Given::LeftOut => Some(Quorum::Majority),
            Given::Wrong => None,
            Given::Written(quorum) => self.quorum(quorum.into_inner()),
        };
        let confirmation = match raw.confirmation {
            Given::LeftOut => Some(Confirmation::NONE),
            Given::Wrong => None,
            Given::Written(written) => self.confirmation(written, known),
        };
        let service_hours = self.hours(raw.service_hours, hours_zone);
        let trajectory = self.trajectory(raw.trajectory, &raw.from, &raw.target);
        Some(Commitment {
            clause: Clause {
                quote: raw.quote?.into_inner().0,
                reference: raw.reference?.into_inner().0,
            },
            from: raw.from?.into_inner().0,
            until: raw.until.maybe()?.map(|until| until.0),
            zone: zone?,
            period: raw.period?.into_inner(),
            terms: Terms {
                target: raw.target?.into_inner(),
                maintenance: maintenance?,
                degraded: raw.degraded.or(Degraded::Up)?,
                rule: rule?,
                quorum: quorum?,
                confirmation: confirmation?,
                minimum_outage_ms: ms(&raw.minimum_outage, 0)?,
                service_hours: service_hours?,
            },
            trajectory: trajectory?,
        })
    }

    fn policy(
        &self,
        word: Given<MaintenanceWord>,
        notice: Given<Ms>,
        cap: Given<Ms>,
        hours: Option<Vec<raw::Hours>>,
        zone: Tz,
    ) -> Option<Maintenance> {
        let conditions = [
            ("maintenance_notice", notice.at()),
            ("maintenance_cap", cap.at()),
            (
                "maintenance_hours",
                hours.iter().flatten().next().map(|hours| hours.at.clone()),
            ),
        ];
        let hours = self.hours(hours, zone);
        let word = word.or(MaintenanceWord::Counted)?;
        if word == MaintenanceWord::Counted {
            for (key, at) in conditions {
                let Some(at) = at else {
                    continue;
                };
                self.notes.fault(
                    at,
                    format!("`{key}` has no effect: planned work is counted like any other time"),
                    "remove it, or write `maintenance = \"excluded\"` or `\"credited\"` if the convention says so",
                );
            }
        }
        let terms = MaintenanceTerms {
            notice_ms: ms(&notice, 0)?,
            cap_ms: cap.maybe()?.map(|Ms(cap_ms)| cap_ms),
            hours: hours?,
        };
        Some(match word {
            MaintenanceWord::Counted => Maintenance::Counted,
            MaintenanceWord::Excluded => Maintenance::Excluded(terms),
            MaintenanceWord::Credited => Maintenance::Credited(terms),
        })
    }

    fn rule(&self, raw: raw::Rule, known: &Known) -> Option<Rule> {
        let (at, at_least, main) = match raw {
            raw::Rule::Word(RuleWord::All) => return Some(Rule::All),
            raw::Rule::Word(RuleWord::Any) => return Some(Rule::Any),
            raw::Rule::Table { at, at_least, main } => (at, at_least, main),
        };
        match (at_least, main) {
            (Given::Written(n), Given::LeftOut) => {
                let n_contractual = known.contractual.names.len();
                let fits = usize::try_from(n.get_ref().get()).is_ok_and(|n| n <= n_contractual);
                if !fits && known.contractual.complete {
                    self.notes.absence(
                        n.span(),
                        format!("the rule asks for {} endpoints, and {n_contractual} of the service are contractual", n.get_ref()),
                        "write a smaller number, or `contractual = true` in more endpoints",
                    );
                }
                Some(Rule::AtLeast(n.into_inner()))
            }
            (Given::LeftOut, Given::Written(main)) => {
                let name = main.get_ref().0.as_str();
                self.resolve(
                    &main,
                    &known.contractual,
                    format!("`{name}` is not a contractual endpoint of this service"),
                    "write `contractual = true` in an endpoint first",
                );
                EndpointId::new(name).map(Rule::Main)
            }
            (Given::Wrong, _) | (_, Given::Wrong) => None,
            (Given::Written(_), Given::Written(_)) | (Given::LeftOut, Given::LeftOut) => {
                self.notes.fault(
                    at,
                    "a rule has one of `at_least` and `main`",
                    "write `rule = { at_least = 2 }` or `rule = { main = \"an-endpoint\" }`",
                );
                None
            }
        }
    }

    fn quorum(&self, raw: raw::Quorum) -> Option<Quorum> {
        let n = match raw {
            raw::Quorum::Majority => return Some(Quorum::Majority),
            raw::Quorum::AtLeast(n) => n?,
        };
        if n.get_ref().get() > N_VANTAGES {
            self.notes.fault(
                n.span(),
                "this many vantages can never agree that an endpoint is down: there is one, this installation",
                "write `quorum = \"majority\"`",
            );
        }
        Some(Quorum::AtLeast(n.into_inner()))
    }

    fn confirmation(&self, raw: Spanned<raw::Confirmation>, known: &Known) -> Option<Confirmation> {
        let table_at = raw.span();
        let raw = raw.into_inner();
        let at = raw.within.at().or(raw.failures.at()).unwrap_or(table_at);
        let confirmation = Confirmation {
            failures: raw.failures.or(Confirmation::NONE.failures)?,
            within_ms: ms(&raw.within, Confirmation::NONE.within_ms)?,
        };
        let repeats = i64::from(confirmation.failures.get()) - 1;
        let rhythms = known.rhythms.as_ref()?;
        let needed_ms = rhythms.iter().map(|rhythm| rhythm.time_for_ms(repeats));
        let needed_ms = needed_ms.max().unwrap_or(0);
        if repeats > 0 && confirmation.within_ms < needed_ms {
            self.notes.fault(
                at,
                format!(
                    "{} failures cannot follow each other within {}: none would ever be confirmed",
                    confirmation.failures,
                    show_duration_ms(confirmation.within_ms)
                ),
                format!(
                    "leave time for the intervals between them and a timeout: `within = \"{}\"`",
                    show_duration_ms(needed_ms)
                ),
            );
        }
        Some(confirmation)
    }

    fn trajectory(
        &self,
        steps: Option<Vec<raw::Step>>,
        from: &Option<Spanned<FirstOfMonth>>,
        target: &Option<Spanned<Ppm>>,
    ) -> Option<Vec<(NaiveDate, Ppm)>> {
        let start = from.as_ref().map(|from| from.get_ref().0);
        let mut last = None;
        all(steps, |step| {
            if let (Some(step), Some(target)) = (&step.target, target)
                && step.get_ref() < target.get_ref()
            {
                self.notes.fault(
                    step.span(),
                    format!("the step is below the target, {}", target.get_ref()),
                    "a trajectory leads beyond what was promised: write a higher step",
                );
            }
            let from = step.from?;
            let date = from.get_ref().0;
            if last.is_some_and(|last| date <= last) {
                self.notes.fault(
                    from.span(),
                    "the step does not come after the one before it",
                    "write the steps in the order of their dates",
                );
            } else if let Some(start) = start.filter(|start| date < *start) {
                self.notes.fault(
                    from.span(),
                    "the step comes before the commitment",
                    format!("write {start} or later"),
                );
            }
            last = Some(date);
            Some((date, step.target?.into_inner()))
        })
    }

    /// Hours of the week; absent if none is named, which means always.
    fn hours(&self, hours: Option<Vec<raw::Hours>>, zone: Tz) -> Option<Option<WeeklyHours>> {
        let ranges = all(hours, |hours| self.day_ranges(hours))?.concat();
        Some((!ranges.is_empty()).then_some(WeeklyHours { zone, ranges }))
    }

    fn day_ranges(&self, hours: raw::Hours) -> Option<Vec<DayRange>> {
        let days = match hours.days {
            Some(days) => days.into_iter().map(Spanned::into_inner).collect(),
            None => WEEK.to_vec(),
        };
        let (from, to) = (hours.from?, hours.to?);
        let to_at = to.span();
        let (from, to) = (from.into_inner(), to.into_inner());
        if from == to && from != NaiveTime::MIN {
            self.notes.fault(
                to_at,
                format!("`to` is the same time as `from`, {}", from.format("%H:%M")),
                "write when it ends; `from = \"00:00\", to = \"00:00\"` is a whole day",
            );
        }
        let range = |day| DayRange { day, from, to };
        Some(days.into_iter().map(range).collect())
    }

    pub(super) fn planned(
        &self,
        raw: raw::Maintenance,
        known: &Known,
        zone: Tz,
    ) -> Option<PlannedMaintenance> {
        if let Some(endpoint) = raw.endpoint.written() {
            self.resolve(
                endpoint,
                &known.endpoints,
                format!("the service has no endpoint `{}`", endpoint.get_ref().0),
                "describe the endpoint first",
            );
        }
        let declared = match &raw.declared {
            Given::LeftOut => Some(None),
            Given::Wrong => None,
            Given::Written(declared) => self.instant("declared", declared, zone).map(Some),
        };
        let weekly = |hours: raw::Hours| {
            let ranges = self.day_ranges(hours)?;
            Some(Recurrence::Weekly(WeeklyHours { zone, ranges }))
        };
        let when = match (raw.daily, raw.weekly, raw.dated) {
            (Given::Written(hours), Given::LeftOut, Given::LeftOut)
            | (Given::LeftOut, Given::Written(hours), Given::LeftOut) => weekly(hours.into_inner()),
            (Given::LeftOut, Given::LeftOut, Given::Written(dated)) => {
                self.dated(dated, zone).map(Recurrence::Once)
            }
            (Given::Wrong, _, _) | (_, Given::Wrong, _) | (_, _, Given::Wrong) => None,
            _ => {
                self.notes.absence(
                    raw.at,
                    "planned work takes place in one way: `daily`, `weekly` or `dated`",
                    "write one of `daily = { from = \"01:10\", to = \"02:30\" }`, `weekly = { days = [\"sunday\"], from = \"23:00\", to = \"23:45\" }` and `dated = { from = 2025-10-12T22:00:00, to = 2025-10-13T01:00:00 }`",
                );
                None
            }
        };
        Some(PlannedMaintenance {
            reason: raw.reason?.into_inner().0,
            endpoint: match raw.endpoint.maybe()? {
                Some(endpoint) => Some(EndpointId::new(&endpoint.0)?),
                None => None,
            },
            declared: declared?,
            when: when?,
        })
    }

    fn dated(&self, raw: Spanned<raw::Dated>, zone: Tz) -> Option<Window> {
        let at = raw.span();
        let raw = raw.into_inner();
        let instant = |key, moment: Option<_>| {
            let moment = moment?;
            self.instant(key, &moment, zone)
        };
        let (start, end) = (instant("from", raw.from), instant("to", raw.to));
        let window = Window::between(start?, end?);
        if window.is_none() {
            self.notes.fault(
                at,
                "the work ends at or before its start",
                "write `to` after `from`, each with its date",
            );
        }
        window
    }
}
