//! What was written, and what it means: the checked configuration, or every fault of it.
//!
//! Each function turns one table into what the rest of the program works with. It gives nothing
//! if a part of it is missing or wrong, after it has looked at all the other parts as well.
//! Nothing is concluded from a wrong value: one slip is one fault.

mod answer;
mod auth;
mod commitment;
mod endpoint;
mod forward;
mod intake;
mod line;
mod look;
mod mail;
mod metrics;
mod retention;
mod store;
mod usage;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{Days, NaiveTime};
use chrono_tz::Tz;
use toml::Spanned;

use crate::sla::catalog::{
    Catalog, Improvement, Language, Membership, Partner, PartnerId, Provider, SecretPlace, Service,
    ServiceId, VantageId,
};
use crate::sla::window::{HOUR_MS, TimeError, Timestamp, Window, instant_of_local};

use super::kind::{Kind, Moment, Ms, OwnVantage, Slug, Variable};
use super::reader::{Given, Notes, list, nearest};
use crate::sla::window::show_duration_ms;

use super::{
    CloseConfig, Config, Overrides, ProbingConfig, ReportsConfig, StoreConfig, WebConfig, line_of,
    raw, sha256,
};

const DEFAULT_VANTAGE: &str = "main";
const DEFAULT_STORE: &str = "/var/lib/vigie/vigie.db";
const DEFAULT_LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 8430);
/// The notice of a partner who leaves (both conventions, article 6).
const NOTICE_TO_LEAVE_DAYS: u64 = 15;
const DEFAULT_REPORTS: &str = "/var/lib/vigie/reports";
const DEFAULT_CLOSE_DELAY_MS: i64 = 6 * HOUR_MS;
const DEFAULT_CONCURRENCY_MAX: u32 = 64;
/// More connections at once than this run into the limits of a process.
const CONCURRENCY_MAX: u32 = 4_096;
const DEFAULT_ZONE: Tz = Tz::Europe__Paris;

/// Checks a whole file; `base` is the folder its relative paths start at. The result is worth
/// something only if nothing was noted.
pub(super) fn check(
    file: raw::File,
    notes: &Notes,
    text: &str,
    base: &Path,
    overrides: Overrides,
) -> Option<Config> {
    Checker { notes, text, base }.config(file, overrides)
}

/// What every check needs.
struct Checker<'a> {
    notes: &'a Notes,
    text: &'a str,
    base: &'a Path,
}

/// How the place of a secret is written.
struct Places {
    /// `the password`
    what: &'static str,
    /// The whole entry, with the secret in a file.
    file: &'static str,
    /// The same, with the secret in a variable.
    env: &'static str,
}

/// Names that others may refer to.
struct Names {
    names: Vec<String>,
    /// Whether every one of them could be read; if not, a missing one may be there.
    complete: bool,
}

impl Names {
    /// The names of `items`, which are absent where they could not be read as a list.
    fn of<T>(items: Option<&[T]>, id: impl Fn(&T) -> &Option<Spanned<Slug>>) -> Self {
        let ids = || items.unwrap_or_default().iter().map(&id);
        Self {
            complete: items.is_some() && ids().all(Option::is_some),
            names: ids().flatten().map(|id| id.get_ref().0.clone()).collect(),
        }
    }

    fn contains(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }
}

/// The services that partners may be connected to, with the zone of their months.
struct Services {
    names: Names,
    zones: BTreeMap<String, Tz>,
}

impl Checker<'_> {
    fn config(&self, mut file: raw::File, overrides: Overrides) -> Option<Config> {
        if file.services.as_ref().is_some_and(Vec::is_empty) {
            self.notes.absence(
                0..0,
                "no service is described",
                "add a `[[service]]` with its `[[service.endpoint]]`; config/default.toml shows every key",
            );
        }
        let raw_services = || file.services.iter().flatten();
        let raw_endpoints =
            || raw_services().flat_map(|service| service.endpoints.iter().flatten());
        let raw_partners = file.partners.iter().flatten();
        let is_forwarding = file.forward.at().is_some() || overrides.forward.is_some();
        if is_forwarding {
            self.keeps_nothing(&file);
        }
        self.unique("service", raw_services().map(|service| &service.id));
        self.unique("endpoint", raw_endpoints().map(|endpoint| &endpoint.id));
        self.unique("partner", raw_partners.map(|partner| &partner.id));

        let services = Services {
            names: Names::of(file.services.as_deref(), |service| &service.id),
            zones: raw_services()
                .filter_map(|service| {
                    let id = service.id.as_ref()?.get_ref().0.clone();
                    Some((id, zone_of(service)))
                })
                .collect(),
        };
        let concurrency_max = self.concurrency_max(file.probing.concurrency_max);
        let timeout_ms_max = raw_endpoints().filter_map(endpoint::timeout_ms).max();
        let retention = self.retention(file.retention);
        let delay_ms = self.close_delay_ms(file.close_delay, timeout_ms_max.unwrap_or(0));
        let vantage = file.vantage_id.or(OwnVantage(DEFAULT_VANTAGE.to_owned()));
        let vantage = vantage.and_then(|id| VantageId::new(&id.0));
        let store = if is_forwarding || matches!(file.forward, Given::Wrong) {
            let forward = self.forward(file.forward, overrides.forward.as_ref());
            forward.map(|forward| StoreConfig::Collector(Box::new(forward)))
        } else {
            self.store(file.store, vantage.as_ref())
        };
        let intake = match file.intake {
            Given::LeftOut => Some(None),
            Given::Wrong => None,
            Given::Written(intake) => self.intake(intake.into_inner(), vantage.as_ref()).map(Some),
        };
        let reports = self.path(file.reports_directory, DEFAULT_REPORTS);
        let provider = file.provider.and_then(provider);
        let mail = self.mail(file.mail, provider.as_ref());
        let metrics = self.metrics(file.metrics);
        let look = self.look(file.look);
        let partners = all(file.partners, |partner| self.partner(partner, &services));
        let raw_usage = file.services.iter_mut().flatten().filter_map(|service| {
            let id = service.id.as_ref();
            let id = id.and_then(|id| ServiceId::new(&id.get_ref().0));
            let usage = std::mem::replace(&mut service.usage, Given::LeftOut);
            Some((id, usage.maybe()??))
        });
        let usage = all(Some(raw_usage.collect()), |(service, usage)| {
            self.usage(service, usage)
        });
        let services = all(file.services, |service| self.service(service));
        let listen = file.web_listen.or(DEFAULT_LISTEN.into())?;
        Some(Config {
            catalog: Catalog {
                provider: provider?,
                services: services?,
                partners: partners?,
            },
            vantage: vantage?,
            store: store?,
            web: WebConfig {
                listen,
                public: file
                    .web_public
                    .maybe()?
                    .unwrap_or(!listen.ip().is_loopback()),
                intake: intake?,
            },
            reports: ReportsConfig {
                look: look?,
                directory: reports?,
                signing_key_file: file
                    .signing_key_file
                    .maybe()?
                    .map(|path| self.base.join(path)),
            },
            mail: mail?,
            probing: ProbingConfig {
                concurrency_max: concurrency_max?,
                controls: file
                    .probing
                    .controls
                    .unwrap_or_default()
                    .into_iter()
                    .map(Spanned::into_inner)
                    .collect(),
            },
            metrics: metrics?,
            usage: usage?,
            close: CloseConfig {
                delay_ms: delay_ms?,
            },
            retention: retention?,
            sha256: sha256(self.text.as_bytes()),
            overrides,
        })
    }

    fn unique<'a>(&self, what: &str, ids: impl Iterator<Item = &'a Option<Spanned<Slug>>>) {
        let mut firsts: BTreeMap<&str, Range<usize>> = BTreeMap::new();
        for id in ids.flatten() {
            let name = id.get_ref().0.as_str();
            let Some(first) = firsts.get(name) else {
                firsts.insert(name, id.span());
                continue;
            };
            let line = line_of(self.text, first.start);
            self.notes.fault(
                id.span(),
                format!("the {what} id `{name}` is already used in line {line}"),
                format!("give each {what} of the file an id of its own"),
            );
        }
    }

    fn path(&self, path: Given<PathBuf>, default: &str) -> Option<PathBuf> {
        path.or(default.into()).map(|path| self.base.join(path))
    }

    /// Where a secret is kept: in a file of its own or in a variable, and not in both.
    fn secret_place(
        &self,
        at: Range<usize>,
        file: Given<PathBuf>,
        env: Given<Variable>,
        places: Places,
    ) -> Option<SecretPlace> {
        match (file, env) {
            (Given::Written(file), Given::LeftOut) => {
                Some(SecretPlace::File(self.base.join(file.into_inner())))
            }
            (Given::LeftOut, Given::Written(env)) => Some(SecretPlace::Env(env.into_inner().0)),
            (Given::Wrong, _) | (_, Given::Wrong) => None,
            (Given::Written(_), Given::Written(_)) | (Given::LeftOut, Given::LeftOut) => {
                let Places { what, file, env } = places;
                self.notes.fault(
                    at,
                    format!("{what} has one place: a `file` or an `env`"),
                    format!("write `{file}` or `{env}`"),
                );
                None
            }
        }
    }

    fn concurrency_max(&self, written: Given<NonZeroU32>) -> Option<usize> {
        let at = written.at();
        let number = match written.maybe()? {
            Some(number) => number.get(),
            None => DEFAULT_CONCURRENCY_MAX,
        };
        if let Some(at) = at
            && number > CONCURRENCY_MAX
        {
            self.notes.fault(
                at,
                "`concurrency_max` asks for more connections at once than a process may open",
                format!("write a number from 1 to {CONCURRENCY_MAX}"),
            );
        }
        usize::try_from(number).ok()
    }

    fn close_delay_ms(&self, delay: Given<Ms>, timeout_ms_max: i64) -> Option<i64> {
        let at = delay.at();
        let Some(Ms(delay_ms)) = delay.maybe()? else {
            return Some(DEFAULT_CLOSE_DELAY_MS.max(timeout_ms_max));
        };
        if let Some(at) = at
            && delay_ms < timeout_ms_max
        {
            self.notes.fault(
                at,
                "`delay` closes a month before its last probe can have ended",
                format!(
                    "write at least the longest timeout, `delay = \"{}\"`",
                    show_duration_ms(timeout_ms_max)
                ),
            );
        }
        Some(delay_ms)
    }

    fn service(&self, raw: raw::Service) -> Option<Service> {
        if raw.endpoints.as_ref().is_some_and(Vec::is_empty) {
            self.notes.absence(
                raw.at.clone(),
                "the service has no endpoint: nothing would be asked",
                "add a `[[service.endpoint]]` below it",
            );
        }
        let zone = zone_of(&raw);
        let known = commitment::Known::of(raw.endpoints.as_deref());
        let promised = raw.commitments.iter().flatten().next();
        if let Some(commitment) = promised
            && known.none_counts()
        {
            self.notes.absence(
                commitment.at.clone(),
                "the service has a commitment but no endpoint that counts for it",
                "write `contractual = true` in the endpoints that the convention speaks of",
            );
        }
        self.in_force_apart(raw.commitments.as_deref().unwrap_or_default());
        let endpoints = all(raw.endpoints, |endpoint| {
            self.endpoint(endpoint).map(Arc::new)
        });
        let commitments = all(raw.commitments, |commitment| {
            self.commitment(commitment, &known)
        });
        let maintenances = all(raw.maintenances, |maintenance| {
            self.planned(maintenance, &known, zone)
        });
        let improvements = all(raw.improvements, |improvement| {
            Some(Improvement {
                what: improvement.what?.into_inner().0,
                progress: improvement.progress?.into_inner(),
                date: improvement.date.maybe()?,
            })
        });
        let mut commitments = commitments?;
        commitments.sort_by_key(|commitment| commitment.from);
        Some(Service {
            id: ServiceId::new(&raw.id?.get_ref().0)?,
            name: raw.name?.into_inner().0,
            endpoints: endpoints?,
            commitments,
            maintenances: maintenances?,
            improvements: improvements?,
        })
    }

    fn partner(&self, raw: raw::Partner, services: &Services) -> Option<Partner> {
        if raw.memberships.as_ref().is_some_and(Vec::is_empty) {
            self.notes.absence(
                raw.at,
                "the partner is connected to no service: it would get no report",
                "add a `[[partner.membership]]` with `service` and `from` below it",
            );
        }
        let memberships = self.memberships(raw.memberships, services);
        Some(Partner {
            id: PartnerId::new(&raw.id?.get_ref().0)?,
            name: raw.name?.into_inner().0,
            kind: raw.kind.maybe()?.map(|kind| kind.0),
            language: raw.language.or(Language::French)?,
            contacts: raw
                .contacts
                .unwrap_or_default()
                .into_iter()
                .map(|contact| contact.into_inner().0)
                .collect(),
            memberships: memberships?,
        })
    }

    /// One membership per service, with all its windows.
    fn memberships(
        &self,
        raw: Option<Vec<raw::Membership>>,
        services: &Services,
    ) -> Option<Vec<Membership>> {
        let mut earlier: Vec<(ServiceId, Window, usize)> = Vec::new();
        let read = all(raw, |membership| {
            let (service, window, revoked) = self.membership(&membership, services)?;
            let overlapping = earlier.iter().find(|(other, their_window, _)| {
                *other == service && their_window.intersection(&window).is_some()
            });
            if let Some((.., line)) = overlapping {
                self.notes.fault(
                    membership.at.clone(),
                    format!("the membership overlaps the one of line {line}"),
                    "end the earlier one with `until`, the first day on which the partner is no longer connected",
                );
            }
            let line = line_of(self.text, membership.at.start);
            earlier.push((service.clone(), window, line));
            Some((service, window, revoked))
        })?;
        let mut memberships: Vec<Membership> = Vec::new();
        for (service, window, revoked) in read {
            let revoked = revoked.then(|| window.end());
            let known = memberships
                .iter_mut()
                .find(|membership| membership.service == service);
            match known {
                Some(membership) => {
                    membership.windows = membership.windows.union(&window.into());
                    membership.revoked = membership.revoked.max(revoked);
                }
                None => memberships.push(Membership {
                    service,
                    windows: window.into(),
                    revoked,
                }),
            }
        }
        Some(memberships)
    }

    fn membership(
        &self,
        raw: &raw::Membership,
        services: &Services,
    ) -> Option<(ServiceId, Window, bool)> {
        let service = raw.service.as_ref()?;
        let name = service.get_ref().0.as_str();
        self.resolve(
            service,
            &services.names,
            format!("no service has the id `{name}`"),
            "describe the service first",
        );
        let zone = services.zones.get(name).copied().unwrap_or(DEFAULT_ZONE);
        let start = raw
            .from
            .as_ref()
            .and_then(|from| self.instant("from", from, zone));
        if let (Some(_), Some(at)) = (raw.until.at(), raw.revoked.at()) {
            self.notes.fault(
                at,
                "the membership ends once: `until` is there already",
                "write `revoked` if the provider ended it, `until` if the partner did",
            );
        }
        let revoked = raw.revoked.at().is_some();
        let (key, end) = if revoked {
            ("revoked", &raw.revoked)
        } else {
            ("until", &raw.until)
        };
        let end_at = end.at();
        let end = match end {
            Given::LeftOut => Some(Timestamp::MAX),
            Given::Wrong => None,
            Given::Written(end) => self.instant(key, end, zone),
        };
        let window = Window::between(start?, end?);
        if let (None, Some(at)) = (window, end_at) {
            self.notes.fault(
                at,
                format!("`{key}` is not after `from`"),
                "write the first day on which the partner is no longer connected",
            );
        }
        self.leave_has_a_date(raw);
        Some((ServiceId::new(name)?, window?, revoked))
    }

    /// A partner who announced to leave is connected until a date that somebody decided. The
    /// conventions say "un préavis de quinze jours" and not from when it runs: counting from the
    /// receipt is proposed, and never assumed.
    fn leave_has_a_date(&self, raw: &raw::Membership) {
        let end = (&raw.until, &raw.revoked);
        let (Given::Written(received), (Given::LeftOut, Given::LeftOut)) =
            (&raw.leave_received, end)
        else {
            return;
        };
        let proposed = *received.get_ref() + Days::new(NOTICE_TO_LEAVE_DAYS);
        self.notes.fault(
            received.span(),
            "the partner announced to leave, and `until` does not say when",
            format!(
                "decide it: {NOTICE_TO_LEAVE_DAYS} days after the receipt would be `until = {proposed}`"
            ),
        );
    }

    /// Notes a name that nothing has.
    fn resolve(&self, reference: &Spanned<Slug>, known: &Names, message: String, none_yet: &str) {
        let name = reference.get_ref().0.as_str();
        if known.contains(name) || !known.complete {
            return;
        }
        let names = || known.names.iter().map(String::as_str);
        let remedy = match (nearest(name, names()), known.names.as_slice()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, []) => none_yet.to_owned(),
            (None, [only]) => format!("write `{only}`"),
            (None, _) => format!("write one of {}", list(names())),
        };
        self.notes.absence(reference.span(), message, remedy);
    }

    /// The instant that was meant: a time without offset is on the wall clock of `zone`.
    fn instant(&self, key: &str, moment: &Spanned<Moment>, zone: Tz) -> Option<Timestamp> {
        let local = match moment.get_ref() {
            Moment::Instant(at) => return Some(*at),
            Moment::Local(local) => *local,
            Moment::Day(date) => date.and_time(NaiveTime::MIN),
        };
        let error = match instant_of_local(local, zone) {
            Ok(at) => return Some(at),
            Err(error) => error,
        };
        let (message, remedy) = match &error {
            TimeError::Ambiguous {
                local,
                zone,
                offset,
            } => (
                format!("`{key}`: {local} happens twice in {zone}, as clocks go back"),
                format!("say which one with its offset, for example `{key} = {local}{offset}`"),
            ),
            TimeError::Skipped { local, zone } => (
                format!("`{key}`: {local} does not exist in {zone}, as clocks go forward"),
                format!("write an instant with its offset, for example `{key} = {local}Z`"),
            ),
            other => (
                format!("`{key}`: {other}"),
                format!(
                    "write {}, for example `{key} = {}`",
                    Moment::WRITTEN,
                    Moment::EXAMPLE
                ),
            ),
        };
        self.notes.fault(moment.span(), message, remedy);
        None
    }
}

fn provider(raw: raw::Provider) -> Option<Provider> {
    Some(Provider {
        name: raw.name?.into_inner().0,
        contact: raw.contact?.into_inner().0,
        data_protection_contact: raw
            .data_protection_contact
            .maybe()?
            .map(|contact| contact.0),
    })
}

/// The zone of a service's months: that of its latest commitment.
fn zone_of(service: &raw::Service) -> Tz {
    service
        .commitments
        .iter()
        .flatten()
        .max_by_key(|commitment| commitment.from.as_ref().map(|from| from.get_ref().0))
        .and_then(|commitment| commitment.zone.written())
        .map_or(DEFAULT_ZONE, |zone| *zone.get_ref())
}

/// What `check` makes of all of `items`: it looks at each of them, whatever became of the others.
fn all<T, U>(items: Option<Vec<T>>, check: impl FnMut(T) -> Option<U>) -> Option<Vec<U>> {
    // All of them, so that all faults are told.
    let checked: Vec<Option<U>> = items?.into_iter().map(check).collect();
    let mut checked: Vec<U> = checked.into_iter().collect::<Option<_>>()?;
    // What was read may be kept for years; what it was read from takes much more room.
    checked.shrink_to_fit();
    Some(checked)
}

/// A duration in milliseconds, or its default; nothing if what was written is wrong.
fn ms(written: &Given<Ms>, default_ms: i64) -> Option<i64> {
    match written {
        Given::LeftOut => Some(default_ms),
        Given::Wrong => None,
        Given::Written(written) => Some(written.get_ref().0),
    }
}

fn texts(written: Option<Vec<Spanned<String>>>) -> Vec<String> {
    written
        .unwrap_or_default()
        .into_iter()
        .map(Spanned::into_inner)
        .collect()
}
