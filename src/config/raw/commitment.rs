//! A commitment with its policies, and the planned work of a service.

use std::num::NonZeroU32;
use std::ops::Range;

use chrono::{NaiveTime, Weekday};
use chrono_tz::Tz;
use toml::Spanned;

use super::{At, Given, Table};
use crate::config::kind::{
    FirstOfMonth, Line, MaintenanceWord, Majority, Moment, Ms, Prose, RuleWord, Slug,
};
use crate::sla::commitment::{Degraded, PeriodSource, Ppm};

pub(in crate::config) struct Commitment {
    pub(in crate::config) at: Range<usize>,
    pub(in crate::config) quote: At<Prose>,
    pub(in crate::config) reference: At<Line>,
    pub(in crate::config) target: At<Ppm>,
    pub(in crate::config) from: At<FirstOfMonth>,
    pub(in crate::config) until: Given<FirstOfMonth>,
    pub(in crate::config) zone: Given<Tz>,
    pub(in crate::config) period: At<PeriodSource>,
    pub(in crate::config) maintenance: Given<MaintenanceWord>,
    pub(in crate::config) maintenance_notice: Given<Ms>,
    pub(in crate::config) maintenance_cap: Given<Ms>,
    pub(in crate::config) maintenance_hours: Option<Vec<Hours>>,
    pub(in crate::config) degraded: Given<Degraded>,
    pub(in crate::config) rule: Given<Rule>,
    pub(in crate::config) quorum: Given<Quorum>,
    pub(in crate::config) confirmation: Given<Confirmation>,
    pub(in crate::config) minimum_outage: Given<Ms>,
    pub(in crate::config) service_hours: Option<Vec<Hours>>,
    pub(in crate::config) trajectory: Option<Vec<Step>>,
}

pub(in crate::config) enum Rule {
    Word(RuleWord),
    Table {
        at: Range<usize>,
        at_least: Given<NonZeroU32>,
        main: Given<Slug>,
    },
}

pub(in crate::config) enum Quorum {
    Majority,
    AtLeast(At<NonZeroU32>),
}

pub(in crate::config) struct Confirmation {
    pub(in crate::config) failures: Given<NonZeroU32>,
    pub(in crate::config) within: Given<Ms>,
}

/// A step of a trajectory.
pub(in crate::config) struct Step {
    pub(in crate::config) from: At<FirstOfMonth>,
    pub(in crate::config) target: At<Ppm>,
}

/// Hours of some days of the week; of all seven if none is named.
pub(in crate::config) struct Hours {
    pub(in crate::config) at: Range<usize>,
    pub(in crate::config) days: Option<Vec<Spanned<Weekday>>>,
    pub(in crate::config) from: At<NaiveTime>,
    pub(in crate::config) to: At<NaiveTime>,
}

pub(in crate::config) struct Maintenance {
    pub(in crate::config) at: Range<usize>,
    pub(in crate::config) reason: At<Line>,
    pub(in crate::config) endpoint: Given<Slug>,
    pub(in crate::config) declared: Given<Moment>,
    pub(in crate::config) daily: Given<Hours>,
    pub(in crate::config) weekly: Given<Hours>,
    pub(in crate::config) dated: Given<Dated>,
}

pub(in crate::config) struct Dated {
    pub(in crate::config) from: At<Moment>,
    pub(in crate::config) to: At<Moment>,
}

pub(super) fn commitment(table: Table<'_>) -> Commitment {
    Commitment {
        at: table.at(),
        quote: table.required("quote"),
        reference: table.required("reference"),
        target: table.required("target"),
        from: table.required("from"),
        until: table.optional("until"),
        zone: table.optional("zone"),
        period: table.required("period"),
        maintenance: table.optional("maintenance"),
        maintenance_notice: table.optional("maintenance_notice"),
        maintenance_cap: table.optional("maintenance_cap"),
        maintenance_hours: table.tables("maintenance_hours", hours),
        degraded: table.optional("degraded"),
        rule: table.either(
            "rule",
            |word: Spanned<RuleWord>| Rule::Word(word.into_inner()),
            composite,
        ),
        quorum: table.either(
            "quorum",
            |_: Spanned<Majority>| Quorum::Majority,
            |quorum| Quorum::AtLeast(quorum.required("at_least")),
        ),
        confirmation: table.optional_table("confirmation", confirmation),
        minimum_outage: table.optional("minimum_outage"),
        service_hours: table.tables("service_hours", hours),
        trajectory: table.tables("trajectory", step),
    }
}

fn composite(table: Table<'_>) -> Rule {
    Rule::Table {
        at: table.at(),
        at_least: table.optional("at_least"),
        main: table.optional("main"),
    }
}

fn confirmation(table: Table<'_>) -> Confirmation {
    Confirmation {
        failures: table.optional("failures"),
        within: table.optional("within"),
    }
}

fn step(table: Table<'_>) -> Step {
    Step {
        from: table.required("from"),
        target: table.required("target"),
    }
}

fn hours(table: Table<'_>) -> Hours {
    Hours {
        at: table.at(),
        days: table.optional_list("days"),
        from: table.required("from"),
        to: table.required("to"),
    }
}

pub(super) fn maintenance(table: Table<'_>) -> Maintenance {
    Maintenance {
        at: table.at(),
        reason: table.required("reason"),
        endpoint: table.optional("endpoint"),
        declared: table.optional("declared"),
        daily: table.optional_table("daily", |daily| Hours {
            at: daily.at(),
            days: None,
            from: daily.required("from"),
            to: daily.required("to"),
        }),
        weekly: table.optional_table("weekly", |weekly| Hours {
            at: weekly.at(),
            days: weekly.required_list("days"),
            from: weekly.required("from"),
            to: weekly.required("to"),
        }),
        dated: table.optional_table("dated", |dated| Dated {
            from: dated.required("from"),
            to: dated.required("to"),
        }),
    }
}
