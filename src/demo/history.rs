//! The demo's past: thirteen whole months of synthetic observations, and the running month up to
//! now.
//!
//! Pure and deterministic: the same `now` gives the same past, to the millisecond of latency.
//! Every observation comes from an address reserved for documentation (192.0.2.0/24) and every
//! failure says in words that it is synthetic, so that no row of it can be taken for a fact.
//!
//! A state lasts from one observation to the next, so an episode whose length is a multiple of
//! the endpoint's interval lasts exactly that long, wherever it begins on the grid. That is how
//! the months with known answers come out to the millisecond.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use chrono::{Datelike, NaiveDate, Timelike, Weekday};
use chrono_tz::Tz;

use super::{mix, simulator};
use crate::schedule::{self, MissedTicks};
use crate::sla::catalog::{Catalog, Endpoint, Probe, VantageId};
use crate::sla::observation::{
    Fault, Finding, MissCause, Observation, Outcome, Phases, Stage, TlsFault, Trace, Void,
};
use crate::sla::window::{HOUR_MS, MINUTE_MS, Month, Timestamp, Window};

/// Whole months before the running one. So many hold every month of the year at least once.
pub const MONTHS: i32 = 13;

/// Before the first month, so that a state is carried into it.
const LEAD_IN_MS: i64 = HOUR_MS;

/// How every failure of the past begins its message.
pub const MARK: &str = "synthetic demonstration data";

/// The past as seen from an instant.
#[derive(Clone, Copy, Debug)]
pub struct Past {
    now: Timestamp,
    zone: Tz,
}

impl Past {
    /// The past until `now`, in the months of `zone`.
    pub fn until(now: Timestamp, zone: Tz) -> Self {
        Self { now, zone }
    }

    /// The whole months of the past, oldest first.
    pub fn months(&self) -> impl Iterator<Item = Month> + use<> {
        let running = Month::containing(self.now, self.zone);
        (1..=MONTHS)
            .rev()
            .map(move |months| running.plus_months(-months))
    }

    /// From a little before the first month until now.
    pub fn window(&self) -> Window {
        let first = Month::containing(self.now, self.zone).plus_months(-MONTHS);
        let start = first.window().start().plus_ms(-LEAD_IN_MS);
        Window::between(start, self.now).expect("thirteen months lie between")
    }

    /// What `vantage` saw of `endpoint` in `window`, in order, one finding for every tick that was
    /// taken. Cutting a window in two changes nothing.
    pub fn findings<'a>(
        &self,
        endpoint: &'a Endpoint,
        vantage: &'a VantageId,
        window: Window,
    ) -> impl Iterator<Item = Finding> + use<'a> {
        let past = *self;
        let window = window.intersection(&past.window());
        let months = window.into_iter().flat_map(move |window| {
            let first = Month::containing(window.start(), past.zone);
            std::iter::successors(Some(first), |month| Some(month.next()))
                .map(move |month| (month, month.window().intersection(&window)))
                .map_while(|(month, part)| Some((month, part?)))
        });
        let manner = Manner::of(endpoint);
        months.flat_map(move |(month, part)| {
            let episodes = past.episodes(endpoint, month);
            schedule::ticks(&endpoint.id, endpoint.interval_ms, part).filter_map(move |tick| {
                let event = event_at(&episodes, tick);
                let (outcome, trace) = manner.see(tick, past.zone, event)?;
                Some(Finding {
                    endpoint: endpoint.id.clone(),
                    vantage: vantage.clone(),
                    observation: Observation {
                        tick,
                        at: tick,
                        outcome,
                    },
                    trace,
                })
            })
        })
    }

    /// What `vantage` saw of every endpoint of `catalog`: day by day, each in order of time, as a
    /// store wants it.
    pub fn days<'a>(
        &self,
        catalog: &'a Catalog,
        vantage: &'a VantageId,
    ) -> impl ExactSizeIterator<Item = Vec<Finding>> + use<'a> {
        let past = *self;
        let days = past.window().local_days(past.zone);
        days.into_iter().map(move |(_, day)| {
            let mut findings: Vec<Finding> = catalog
                .endpoints()
                .flat_map(|(_, endpoint)| past.findings(endpoint, vantage, day))
                .collect();
            findings.sort_by_key(|finding| finding.observation.tick);
            findings
        })
    }

    /// The ticks of `endpoint` that nobody took because the monitor was stopped.
    pub fn missed(&self, endpoint: &Endpoint) -> Vec<MissedTicks> {
        let mut missed = Vec::new();
        for month in self.months() {
            let episodes = self.episodes(endpoint, month);
            let stops = episodes
                .iter()
                .filter(|episode| matches!(episode.event, Event::Stopped));
            for stop in stops {
                let mut ticks: Vec<Timestamp> =
                    schedule::ticks(&endpoint.id, endpoint.interval_ms, stop.window).collect();
                ticks.retain(|tick| matches!(event_at(&episodes, *tick), Event::Stopped));
                if let (Some(first), Some(last)) = (ticks.first(), ticks.last()) {
                    missed.push(MissedTicks {
                        endpoint: endpoint.id.clone(),
                        first: *first,
                        last: *last,
                        count: u64::try_from(ticks.len()).unwrap_or(u64::MAX),
                        cause: MissCause::NotRunning,
                    });
                }
            }
        }
        missed
    }

    /// What happened to `endpoint` in `month`; where two overlap, the first holds.
    fn episodes(&self, endpoint: &Endpoint, month: Month) -> Vec<Episode> {
        let running = Month::containing(self.now, self.zone);
        let months_ago = (running.year() - month.year()) * 12
            + i32::try_from(running.number()).unwrap_or(0)
            - i32::try_from(month.number()).unwrap_or(0);
        let chapter = match months_ago {
            0 => Chapter::Running,
            1 => Chapter::Recent,
            MONTHS => Chapter::First(month.number()),
            2..MONTHS => Chapter::Calendar(month.number()),
            _ => Chapter::Before,
        };
        let mut script = Script::new(month);
        // First: what is not asked any more is not touched by what befalls the others.
        if endpoint.id.as_str() == "svair-dgfip" {
            script.svair_dgfip(chapter);
        }
        script.everywhere(chapter);
        match endpoint.id.as_str() {
            "entree" => script.entree(chapter),
            "sante" => script.droits_cnam(chapter),
            id => {
                script.banned(chapter);
                match id {
                    "socle" => script.socle(chapter),
                    "qf-cnaf-msa" => script.qf_cnaf_msa(chapter),
                    "c2s" => script.c2s(chapter),
                    "etudiant-mesri" => script.etudiant_mesri(chapter),
                    "boursier-cnous" => script.boursier_cnous(),
                    "emploi-ft" => script.emploi_ft(chapter),
                    "scolarite-men" => script.scolarite_men(),
                    "franceconnect" => script.franceconnect(chapter),
                    "etudiant-donnee" => script.etudiant_donnee(chapter),
                    _ => {}
                }
            }
        }
        script.episodes
    }
}

/// Which part of the story a month tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chapter {
    /// The lead-in.
    Before,
    /// The oldest whole month, told by its number in the year.
    First(u32),
    /// Told by its number in the year: the answers of some months depend on their length.
    Calendar(u32),
    /// The last whole month: better than most, so that the trend shows progress.
    Recent,
    /// Not over.
    Running,
}

impl Chapter {
    /// The number in the year of a month that is told by it.
    fn number(self) -> Option<u32> {
        match self {
            Self::First(number) | Self::Calendar(number) => Some(number),
            Self::Before | Self::Recent | Self::Running => None,
        }
    }
}

/// A window with one event, within its month.
#[derive(Clone, Copy, Debug)]
struct Episode {
    window: Window,
    event: Event,
}

/// What a probe met.
#[derive(Clone, Copy, Debug)]
enum Event {
    Nothing,
    /// The expected answer, late.
    Slow,
    Failed {
        fault: Fault,
        /// The service's own code, or nothing.
        cause: &'static str,
        message: &'static str,
    },
    Void {
        void: Void,
        cause: &'static str,
        message: &'static str,
    },
    /// Nobody asked: the monitor was stopped.
    Stopped,
    /// Nobody asked: the endpoint is retired.
    Retired,
}

fn event_at(episodes: &[Episode], at: Timestamp) -> Event {
    episodes
        .iter()
        .find(|episode| episode.window.contains(at))
        .map_or(Event::Nothing, |episode| episode.event)
}

const fn failed(fault: Fault, cause: &'static str, message: &'static str) -> Event {
    Event::Failed {
        fault,
        cause,
        message,
    }
}

const REFUSED: Event = failed(Fault::Connect, "", "connection refused");
const NAME_LOST: Event = failed(Fault::Dns, "", "the name has no address");
const HANGS: Event = failed(
    Fault::Timeout(Stage::Processing),
    "",
    "no answer within the time allowed",
);
const INTERNAL_ERROR: Event = failed(
    Fault::Status(500),
    "00500",
    "status 500, expected 200; the service says `00500`",
);
const UNAVAILABLE: Event = failed(Fault::Status(503), "", "status 503, expected 200");
const OVERLOADED: Event = failed(Fault::Status(503), "", "status 503, expected 401");
const CERTIFICATE_EXPIRED: Event = failed(
    Fault::Tls(TlsFault::Expired),
    "",
    "the certificate's validity is over",
);
const MAINTENANCE: Event = failed(Fault::Maintenance, "", "`$.status` is `maintenance`");
const HTML_PAGE: Event = failed(Fault::Content, "", "the body is not JSON");
const WITHDRAWN: Event = failed(
    Fault::Status(410),
    "27007",
    "status 410, expected 200; the service says `27007`",
);
const BANNED: Event = failed(
    Fault::Timeout(Stage::Connect),
    "",
    "no connection within the time allowed",
);
const CUT_OFF: Event = Event::Void {
    void: Void::Uplink,
    cause: "",
    message: "our own network is cut: the control target does not answer either",
};
const CLOCK_OFF: Event = Event::Void {
    void: Void::Clock,
    cause: "",
    message: "our own clock is being set",
};

/// The episodes of one month.
struct Script {
    window: Window,
    days: Vec<(NaiveDate, Window)>,
    episodes: Vec<Episode>,
}

/// Day, hour, minute, length in minutes, event.
type Line = (u32, i64, i64, i64, Event);

impl Script {
    fn new(month: Month) -> Self {
        let window = month.window();
        Self {
            window,
            days: window.local_days(month.zone()),
            episodes: Vec::new(),
        }
    }

    fn add(&mut self, start: Timestamp, length_min: i64, event: Event) {
        let window = Window::between(start, start.plus_ms(length_min * MINUTE_MS));
        self.episodes.extend(
            window
                .and_then(|window| window.intersection(&self.window))
                .map(|window| Episode { window, event }),
        );
    }

    fn lines(&mut self, lines: &[Line]) {
        for (day, hour, minute, length_min, event) in lines {
            let day_start = self
                .days
                .iter()
                .find(|(date, _)| date.day() == *day)
                .map(|(_, day)| day.start());
            if let Some(day_start) = day_start {
                let start = day_start.plus_ms(hour * HOUR_MS + minute * MINUTE_MS);
                self.add(start, *length_min, *event);
            }
        }
    }

    /// The starts of every day of the month that is a `weekday`.
    fn weekdays(&self, weekday: Weekday) -> Vec<Timestamp> {
        self.days
            .iter()
            .filter(|(date, _)| date.weekday() == weekday)
            .map(|(_, day)| day.start())
            .collect()
    }

    /// What befell us, and so every endpoint.
    fn everywhere(&mut self, chapter: Chapter) {
        match chapter.number() {
            // Stopped for nine hours; when it came back, the clock had to be set.
            Some(2) => self.lines(&[(11, 8, 0, 540, Event::Stopped), (11, 17, 0, 10, CLOCK_OFF)]),
            Some(3) => self.lines(&[(17, 19, 0, 600, CUT_OFF)]),
            Some(9) => self.lines(&[(9, 2, 0, 20, CUT_OFF)]),
            Some(_) | None => {}
        }
    }

    /// API Particulier ignores us for half a day: too many calls elsewhere from our address.
    fn banned(&mut self, chapter: Chapter) {
        if chapter.number() == Some(7) {
            self.lines(&[(21, 4, 0, 720, BANNED)]);
        }
    }

    /// The contractual entry of API Particulier, with the months whose answers are known:
    ///
    /// | month     | down, min | unknown, min | at 95 %      |
    /// |-----------|-----------|--------------|--------------|
    /// | March     | 1,900     | 600          | undetermined |
    /// | September | 312       | 20           | met          |
    /// | October   | 2,410     | 0            | missed       |
    /// | November  | 2,160     | 0            | met, exactly |
    fn socle(&mut self, chapter: Chapter) {
        match chapter {
            Chapter::Before => {}
            Chapter::Recent => self.lines(&[(8, 7, 40, 38, UNAVAILABLE), (22, 16, 5, 23, HANGS)]),
            Chapter::Running => self.lines(&[(3, 10, 20, 40, UNAVAILABLE)]),
            Chapter::First(number) | Chapter::Calendar(number) => match number {
                1 => self.lines(&[(8, 9, 12, 37, INTERNAL_ERROR), (23, 14, 5, 58, HANGS)]),
                2 => self.lines(&[
                    (3, 3, 0, 250, UNAVAILABLE),
                    (19, 11, 30, 60, INTERNAL_ERROR),
                ]),
                3 => self.lines(&[
                    (4, 18, 25, 1_240, UNAVAILABLE),
                    (12, 6, 10, 480, HANGS),
                    (25, 13, 45, 180, REFUSED),
                ]),
                4 => self.lines(&[(9, 22, 15, 420, INTERNAL_ERROR), (21, 8, 30, 220, HANGS)]),
                5 => self.lines(&[(18, 10, 5, 130, UNAVAILABLE)]),
                6 => self.lines(&[(24, 12, 50, 45, REFUSED)]),
                7 => self.lines(&[(6, 15, 20, 330, HANGS)]),
                8 => self.lines(&[(14, 20, 0, 420, UNAVAILABLE)]),
                9 => self.lines(&[
                    (2, 9, 30, 180, INTERNAL_ERROR),
                    (16, 14, 0, 90, HANGS),
                    (28, 6, 45, 42, REFUSED),
                ]),
                10 => {
                    self.lines(&[
                        (6, 21, 40, 1_435, UNAVAILABLE),
                        (14, 8, 15, 610, INTERNAL_ERROR),
                        (21, 17, 5, 185, HANGS),
                    ]);
                    // Announced from 01:30 to 03:30 in the night in which 02:00 to 03:00 happens
                    // twice: three hours.
                    if let Some(sunday) = self.weekdays(Weekday::Sun).last() {
                        self.add(sunday.plus_ms(90 * MINUTE_MS), 180, UNAVAILABLE);
                    }
                }
                11 => self.lines(&[
                    (4, 19, 0, 1_320, UNAVAILABLE),
                    (13, 7, 25, 540, REFUSED),
                    (20, 14, 10, 300, INTERNAL_ERROR),
                ]),
                _ => self.lines(&[(9, 23, 10, 610, UNAVAILABLE), (17, 16, 40, 270, HANGS)]),
            },
        }
    }

    /// What befell both routes of API droits CNAM.
    fn droits_cnam(&mut self, chapter: Chapter) {
        match chapter {
            Chapter::Before => {}
            Chapter::Recent => self.lines(&[(15, 5, 30, 48, REFUSED)]),
            Chapter::Running => self.lines(&[(2, 4, 10, 12, REFUSED)]),
            Chapter::First(number) | Chapter::Calendar(number) => match number {
                1 => self.lines(&[(20, 2, 0, 210, REFUSED)]),
                3 => self.lines(&[(8, 22, 0, 330, HANGS)]),
                // Nobody renewed the certificate.
                5 => self.lines(&[(11, 2, 0, 500, CERTIFICATE_EXPIRED)]),
                8 => self.lines(&[(22, 6, 0, 1_180, REFUSED)]),
                10 => self.lines(&[(9, 13, 20, 400, HANGS)]),
                11 => self.lines(&[(18, 11, 0, 180, REFUSED)]),
                12 => self.lines(&[(27, 1, 0, 180, REFUSED)]),
                _ => {}
            },
        }
    }

    /// The entry of API droits CNAM fails more often than its health route.
    fn entree(&mut self, chapter: Chapter) {
        self.droits_cnam(chapter);
        match chapter.number() {
            Some(2) => self.lines(&[(24, 10, 0, 96, OVERLOADED)]),
            Some(4) => self.lines(&[(7, 9, 45, 55, OVERLOADED)]),
            Some(5) => self.lines(&[(26, 15, 0, 220, OVERLOADED)]),
            Some(6) => self.lines(&[(17, 8, 0, 150, OVERLOADED)]),
            Some(7) => self.lines(&[(2, 10, 10, 62, OVERLOADED)]),
            Some(8) => self.lines(&[(4, 9, 0, 120, OVERLOADED)]),
            Some(9) => self.lines(&[(10, 14, 20, 75, OVERLOADED)]),
            Some(10) => self.lines(&[(28, 9, 10, 140, OVERLOADED)]),
            Some(12) => self.lines(&[(3, 10, 30, 80, OVERLOADED)]),
            Some(_) | None => {}
        }
    }

    /// Work every Sunday evening; one morning of errors of CNAF.
    fn qf_cnaf_msa(&mut self, chapter: Chapter) {
        for sunday in self.weekdays(Weekday::Sun) {
            self.add(sunday.plus_ms(23 * HOUR_MS), 45, MAINTENANCE);
        }
        if chapter.number() == Some(1) {
            let error = failed(
                Fault::Status(502),
                "35000",
                "status 502, expected 200; the service says `35000`",
            );
            self.lines(&[(14, 8, 0, 360, error)]);
        }
    }

    /// Slow on Tuesday mornings; once a page for people, with status 200, during work that was
    /// announced and crosses midnight.
    fn c2s(&mut self, chapter: Chapter) {
        if chapter == Chapter::First(10) || chapter == Chapter::Calendar(10) {
            self.lines(&[(12, 22, 0, 180, HTML_PAGE)]);
        }
        for tuesday in self.weekdays(Weekday::Tue) {
            self.add(tuesday.plus_ms(9 * HOUR_MS), 120, Event::Slow);
        }
    }

    fn etudiant_mesri(&mut self, chapter: Chapter) {
        if chapter.number() == Some(6) {
            let late = failed(
                Fault::Status(504),
                "25002",
                "status 504, expected 200; the service says `25002`",
            );
            self.lines(&[(9, 10, 0, 180, late)]);
        }
    }

    /// Two afternoons a month, three bad minutes in every twenty.
    fn boursier_cnous(&mut self) {
        let error = failed(
            Fault::Status(502),
            "26001",
            "status 502, expected 200; the service says `26001`",
        );
        for cycle in 0..9 {
            self.lines(&[
                (6, 14, cycle * 20, 3, error),
                (20, 14, cycle * 20, 3, error),
            ]);
        }
    }

    /// France Travail does not know its state for a whole week-end.
    fn emploi_ft(&mut self, chapter: Chapter) {
        let saturday = self.weekdays(Weekday::Sat).get(1).copied();
        if let Some(saturday) = saturday.filter(|_| chapter.number() == Some(4)) {
            let unknown = Event::Void {
                void: Void::StatedUnknown,
                cause: "",
                message: "`$.status` is `unknown`",
            };
            self.add(saturday, 48 * 60, unknown);
        }
        if chapter.number() == Some(5) {
            let error = failed(
                Fault::Status(502),
                "24001",
                "status 502, expected 200; the service says `24001`",
            );
            self.lines(&[(5, 9, 0, 150, error)]);
        }
    }

    /// Work every night: counted, it would break a commitment of 95 % by itself.
    fn scolarite_men(&mut self) {
        let hours = simulator::men_maintenance_hours();
        for window in hours.within(self.window).iter() {
            self.episodes.push(Episode {
                window: *window,
                event: MAINTENANCE,
            });
        }
    }

    fn franceconnect(&mut self, chapter: Chapter) {
        match chapter.number() {
            Some(8) => self.lines(&[(19, 11, 0, 95, REFUSED)]),
            Some(11) => self.lines(&[(4, 7, 10, 25, NAME_LOST)]),
            Some(_) | None => {}
        }
    }

    /// The route that needs a token: it expires and is renewed a week later; once we ask too
    /// often.
    fn etudiant_donnee(&mut self, chapter: Chapter) {
        match chapter.number() {
            Some(5) => {
                let limited = Event::Void {
                    void: Void::RateLimited,
                    cause: "00429",
                    message: "status 429, expected 404; the service says `00429`",
                };
                self.lines(&[(27, 10, 0, 30, limited)]);
            }
            Some(8) => {
                let expired = Event::Void {
                    void: Void::Credential(401),
                    cause: "00103",
                    message: "status 401, expected 404; the service says `00103`",
                };
                self.lines(&[(12, 0, 0, 7 * 24 * 60, expired)]);
            }
            Some(12) => {
                let error = failed(
                    Fault::Status(500),
                    "25000",
                    "status 500, expected 404; the service says `25000`",
                );
                self.lines(&[(2, 16, 0, 120, error)]);
            }
            Some(_) | None => {}
        }
    }

    /// Withdrawn in the middle of the first month; three days later we stop asking.
    fn svair_dgfip(&mut self, chapter: Chapter) {
        match chapter {
            Chapter::Before => {}
            Chapter::First(_) => self.lines(&[
                (15, 12, 0, 3 * 24 * 60, WITHDRAWN),
                (18, 12, 0, 31 * 24 * 60, Event::Retired),
            ]),
            Chapter::Calendar(_) | Chapter::Recent | Chapter::Running => {
                self.lines(&[(1, 0, 0, 32 * 24 * 60, Event::Retired)]);
            }
        }
    }
}

/// How long a service that is asked too often asks to be left alone, in milliseconds.
const RETRY_AFTER_MS: i64 = 30_000;

/// How an endpoint answers.
#[derive(Clone, Copy, Debug)]
struct Manner {
    seed: u64,
    address: SocketAddr,
    tls: bool,
    status: u16,
    latency_median_ms: u64,
    timeout_ms: u64,
    /// Now and then a single probe fails; never on contractual endpoints, whose figures are
    /// known.
    hiccups: bool,
}

/// Quantiles of a log-normal distribution (sigma 0.35) at sixteenths, in thousandths of the
/// median. Integers, so that the past is the same on every machine.
const QUANTILES: [u64; 17] = [
    417, 585, 669, 733, 790, 843, 894, 946, 1_000, 1_057, 1_118, 1_187, 1_266, 1_364, 1_495, 1_711,
    2_858,
];

/// How busy the hours of the day are, in thousandths.
const RHYTHM: [u64; 24] = [
    820, 800, 790, 790, 800, 830, 890, 980, 1_120, 1_260, 1_310, 1_280, 1_150, 1_140, 1_260, 1_290,
    1_240, 1_150, 1_050, 1_000, 960, 920, 880, 850,
];

impl Manner {
    fn of(endpoint: &Endpoint) -> Self {
        let seed = endpoint
            .id
            .as_str()
            .bytes()
            .fold(0, |seed, byte| mix(seed ^ u64::from(byte)));
        let (tls, status) = match &endpoint.probe {
            Probe::Http(http) => (http.url.tls, http.expected_statuses.first()),
            // The demo's own configuration knows HTTP only.
            Probe::Tcp(_) | Probe::Tls(_) | Probe::Dns(_) | Probe::Icmp(_) => (false, 200),
        };
        let (host, port) = if tls { (20, 443) } else { (10, 80) };
        let latency_median_ms = match endpoint.id.as_str() {
            "socle" => 38,
            "qf-cnaf-msa" => 210,
            "c2s" => 320,
            "etudiant-mesri" => 180,
            "boursier-cnous" => 240,
            "emploi-ft" => 160,
            "scolarite-men" => 290,
            "franceconnect" => 95,
            "etudiant-donnee" => 450,
            "entree" => 62,
            "sante" => 21,
            _ => 120,
        };
        Self {
            seed,
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, host)), port),
            tls,
            status,
            latency_median_ms,
            timeout_ms: endpoint.timeout_ms.unsigned_abs(),
            hiccups: !endpoint.contractual,
        }
    }

    /// What a probe at `tick` sees when `event` happens; nothing if nobody asked.
    fn see(&self, tick: Timestamp, zone: Tz, event: Event) -> Option<(Outcome, Trace)> {
        let chance = mix(self.seed ^ tick.unix_ms().unsigned_abs());
        let latency_ms = self.latency_ms(chance, tick, zone);
        Some(match event {
            Event::Nothing if self.hiccups && chance.is_multiple_of(2_500) => self.failure(
                latency_ms,
                Fault::Timeout(Stage::Processing),
                "",
                "no answer within the time allowed, once",
            ),
            Event::Nothing => self.answer(latency_ms),
            Event::Slow => self.answer((latency_ms * 7).min(self.timeout_ms * 9 / 10)),
            Event::Failed {
                fault,
                cause,
                message,
            } => self.failure(latency_ms, fault, cause, message),
            Event::Void {
                void,
                cause,
                message,
            } => {
                let status = match void {
                    Void::Credential(status) => Some(status),
                    Void::RateLimited => Some(429),
                    Void::StatedUnknown => Some(200),
                    Void::Resolver
                    | Void::Uplink
                    | Void::Clock
                    | Void::Token
                    | Void::NotExecuted => None,
                };
                let mut trace = self.trace(cause, message);
                if status.is_some() {
                    trace.phases = self.phases(latency_ms, Stage::Transfer);
                    trace.status = status;
                    trace.retry_after_ms = (void == Void::RateLimited).then_some(RETRY_AFTER_MS);
                } else {
                    trace.address = None;
                }
                (Outcome::Void(void), trace)
            }
            Event::Stopped | Event::Retired => return None,
        })
    }

    fn answer(&self, latency_ms: u64) -> (Outcome, Trace) {
        let outcome = Outcome::Answered {
            latency_us: u32::try_from(latency_ms * 1_000).unwrap_or(u32::MAX),
            partial: false,
        };
        let trace = Trace {
            phases: self.phases(latency_ms, Stage::Transfer),
            address: Some(self.address),
            status: Some(self.status),
            ..Trace::default()
        };
        (outcome, trace)
    }

    fn failure(
        &self,
        latency_ms: u64,
        fault: Fault,
        cause: &str,
        message: &str,
    ) -> (Outcome, Trace) {
        let elapsed_ms = match fault {
            Fault::Timeout(_) => self.timeout_ms,
            Fault::Dns
            | Fault::Connect
            | Fault::Tls(_)
            | Fault::Io(_)
            | Fault::Status(_)
            | Fault::Redirect
            | Fault::RedirectLoop
            | Fault::Content
            | Fault::TooLarge
            | Fault::Maintenance
            | Fault::Unspecified => latency_ms,
        };
        let mut trace = self.trace(cause, message);
        trace.phases = self.phases(elapsed_ms, fault.stage());
        match fault {
            Fault::Dns => trace.address = None,
            Fault::Status(status) => trace.status = Some(status),
            Fault::Content | Fault::TooLarge | Fault::Maintenance => {
                trace.status = Some(self.status);
            }
            Fault::Connect
            | Fault::Timeout(_)
            | Fault::Tls(_)
            | Fault::Io(_)
            | Fault::Redirect
            | Fault::RedirectLoop
            | Fault::Unspecified => {}
        }
        (Outcome::Failed(fault), trace)
    }

    fn trace(&self, cause: &str, message: &str) -> Trace {
        Trace {
            address: Some(self.address),
            cause: (!cause.is_empty()).then(|| cause.to_owned()),
            message: format!("{MARK}: {message}"),
            ..Trace::default()
        }
    }

    fn latency_ms(&self, chance: u64, tick: Timestamp, zone: Tz) -> u64 {
        // The upper bits choose the sixteenth and the place in it.
        let sixteenth = (chance >> 60) & 0xf;
        let place = (chance >> 50) & 0x3ff;
        let at = |idx: u64| usize::try_from(idx).map_or(1_000, |idx| QUANTILES[idx]);
        let (low, high) = (at(sixteenth), at(sixteenth + 1));
        let quantile = low + (high - low) * place / 1_024;
        let busy = tick
            .to_local(zone)
            .hour()
            .try_into()
            .map_or(1_000, |hour: usize| RHYTHM[hour]);
        // One in 512 takes four times as long.
        let tail = if (chance >> 40) & 0x1ff == 0 { 4 } else { 1 };
        let latency_ms = self.latency_median_ms * quantile * busy * tail / 1_000_000;
        latency_ms.clamp(1, self.timeout_ms * 9 / 10)
    }

    /// Splits a duration over the stages up to `last`, which carries the rest.
    fn phases(&self, elapsed_ms: u64, last: Stage) -> Phases {
        let mut phases = Phases::default();
        let mut rest_us = elapsed_ms * 1_000;
        for stage in Stage::ALL {
            if stage == Stage::Auth || (stage == Stage::Tls && !self.tls) {
                continue;
            }
            let share_us = match stage {
                Stage::Auth => 0,
                Stage::Resolve => elapsed_ms * 10,
                Stage::Connect => elapsed_ms * 80,
                Stage::Tls => elapsed_ms * 150,
                Stage::Write => elapsed_ms,
                Stage::Processing => elapsed_ms * 700,
                Stage::Transfer => rest_us,
            };
            let us = if stage == last { rest_us } else { share_us };
            rest_us -= us.min(rest_us);
            *phases.of_mut(stage) = u32::try_from(us).ok();
            if stage == last {
                break;
            }
        }
        phases
    }
}
