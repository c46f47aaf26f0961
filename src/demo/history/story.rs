//! What befell each endpoint, month by month.
//!
//! The months with known answers are told here; their figures are asserted by the tests of the
//! demo.

use chrono::{Datelike, NaiveDate, Weekday};

use crate::demo::simulator;
use crate::sla::observation::{Fault, Stage, TlsFault, Void};
use crate::sla::window::{HOUR_MS, MINUTE_MS, Month, Timestamp, Window};

/// Which part of the story a month tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chapter {
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
pub(super) struct Episode {
    pub(super) window: Window,
    pub(super) event: Event,
}

/// What a probe met.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
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

pub(super) fn event_at(episodes: &[Episode], at: Timestamp) -> Event {
    episodes
        .iter()
        .find(|episode| episode.window.contains(at))
        .map_or(Event::Nothing, |episode| episode.event)
}

pub(super) const fn failed(fault: Fault, cause: &'static str, message: &'static str) -> Event {
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
pub(super) struct Script {
    window: Window,
    days: Vec<(NaiveDate, Window)>,
    pub(super) episodes: Vec<Episode>,
}

/// Day, hour, minute, length in minutes, event.
type Line = (u32, i64, i64, i64, Event);

impl Script {
    pub(super) fn new(month: Month) -> Self {
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
    pub(super) fn everywhere(&mut self, chapter: Chapter) {
        match chapter.number() {
            // Stopped for nine hours; when it came back, the clock had to be set.
            Some(2) => self.lines(&[(11, 8, 0, 540, Event::Stopped), (11, 17, 0, 10, CLOCK_OFF)]),
            Some(3) => self.lines(&[(17, 19, 0, 600, CUT_OFF)]),
            Some(9) => self.lines(&[(9, 2, 0, 20, CUT_OFF)]),
            Some(_) | None => {}
        }
    }

    /// API Particulier ignores us for half a day: too many calls elsewhere from our address.
    pub(super) fn banned(&mut self, chapter: Chapter) {
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
    pub(super) fn socle(&mut self, chapter: Chapter) {
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
    pub(super) fn droits_cnam(&mut self, chapter: Chapter) {
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
    pub(super) fn entree(&mut self, chapter: Chapter) {
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
    pub(super) fn qf_cnaf_msa(&mut self, chapter: Chapter) {
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
    pub(super) fn c2s(&mut self, chapter: Chapter) {
        if chapter == Chapter::First(10) || chapter == Chapter::Calendar(10) {
            self.lines(&[(12, 22, 0, 180, HTML_PAGE)]);
        }
        for tuesday in self.weekdays(Weekday::Tue) {
            self.add(tuesday.plus_ms(9 * HOUR_MS), 120, Event::Slow);
        }
    }

    pub(super) fn etudiant_mesri(&mut self, chapter: Chapter) {
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
    pub(super) fn boursier_cnous(&mut self) {
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
    pub(super) fn emploi_ft(&mut self, chapter: Chapter) {
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
    pub(super) fn scolarite_men(&mut self) {
        let hours = simulator::men_maintenance_hours();
        for window in hours.within(self.window).iter() {
            self.episodes.push(Episode {
                window: *window,
                event: MAINTENANCE,
            });
        }
    }

    pub(super) fn franceconnect(&mut self, chapter: Chapter) {
        match chapter.number() {
            Some(8) => self.lines(&[(19, 11, 0, 95, REFUSED)]),
            Some(11) => self.lines(&[(4, 7, 10, 25, NAME_LOST)]),
            Some(_) | None => {}
        }
    }

    /// The route that needs a token: it expires and is renewed a week later; once we ask too
    /// often.
    pub(super) fn etudiant_donnee(&mut self, chapter: Chapter) {
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
    pub(super) fn svair_dgfip(&mut self, chapter: Chapter) {
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
