//! The words of the pages, one table per language, and how each language writes dates,
//! durations and figures.

mod endpoint;

use chrono::{Datelike, NaiveDate, Timelike};
use chrono_tz::Tz;

pub(super) use endpoint::EndpointWords;

use crate::board::StoreNow;
use crate::report;
use crate::sla::availability::{Availability, Outlook, Verdict};
use crate::sla::catalog::Language;
use crate::sla::commitment::Ppm;
use crate::sla::observation::{MissCause, Outcome, Void};
use crate::sla::timeline::State;
use crate::sla::window::{HOUR_MS, MINUTE_MS, SECOND_MS, Timestamp, Window};

/// No-break space: before units and French double punctuation.
const NBSP: char = '\u{a0}';

/// What the page says. A text that is missing in one language does not compile.
pub(super) struct Words {
    /// For `lang` attributes and links.
    pub(super) code: &'static str,
    language: Language,
    pub(super) title: &'static str,
    pub(super) skip: &'static str,
    pub(super) other_language: &'static str,
    pub(super) other_code: &'static str,
    pub(super) refresh_on: &'static str,
    pub(super) refresh_off: &'static str,
    pub(super) refresh_stop: &'static str,
    pub(super) refresh_start: &'static str,
    pub(super) state_heading: &'static str,
    pub(super) no_service: &'static str,
    pub(super) month_running: &'static str,
    pub(super) month_not_settled: &'static str,
    pub(super) month_elsewhere: &'static str,
    pub(super) no_commitment: &'static str,
    pub(super) nothing_measured: &'static str,
    pub(super) days_heading: &'static str,
    pub(super) days_none: &'static str,
    pub(super) days_table: &'static str,
    pub(super) today: &'static str,
    pub(super) legend: &'static str,
    pub(super) legend_good: &'static str,
    pub(super) legend_degraded: &'static str,
    pub(super) legend_down: &'static str,
    pub(super) legend_unknown: &'static str,
    pub(super) legend_none: &'static str,
    pub(super) maintenance_heading: &'static str,
    pub(super) endpoints_heading: &'static str,
    pub(super) informative: &'static str,
    pub(super) retired: &'static str,
    pub(super) col_day: &'static str,
    pub(super) col_availability: &'static str,
    pub(super) col_down: &'static str,
    pub(super) col_unknown: &'static str,
    pub(super) col_endpoint: &'static str,
    pub(super) col_state: &'static str,
    pub(super) col_since: &'static str,
    pub(super) col_last: &'static str,
    pub(super) col_latency: &'static str,
    pub(super) col_fault: &'static str,
    pub(super) never: &'static str,
    pub(super) never_succeeded: &'static str,
    pub(super) no_fault: &'static str,
    no_tick: &'static str,
    pub(super) being_confirmed: &'static str,
    pub(super) ours_heading: &'static str,
    pub(super) ours_intro: &'static str,
    pub(super) ours_saving: &'static str,
    pub(super) ours_not_loaded: &'static str,
    pub(super) ours_forwarding: &'static str,
    pub(super) ours_missed: &'static str,
    pub(super) ours_board: &'static str,
    pub(super) contact: &'static str,
    pub(super) machine_readable: &'static str,
    colon: &'static str,
    pub(super) endpoint: EndpointWords,
}

/// The words of a language.
pub(super) fn words(language: Language) -> &'static Words {
    match language {
        Language::French => &FRENCH,
        Language::English => &ENGLISH,
    }
}

const FRENCH: Words = Words {
    code: "fr",
    language: Language::French,
    title: "Disponibilité des services",
    skip: "Aller au contenu",
    other_language: "English",
    other_code: "en",
    refresh_on: "Cette page s’actualise toutes les minutes.",
    refresh_off: "L’actualisation automatique est arrêtée.",
    refresh_stop: "Arrêter l’actualisation",
    refresh_start: "Reprendre l’actualisation",
    state_heading: "En ce moment",
    no_service: "Aucun service n’est surveillé.",
    month_running: "mois en cours",
    month_not_settled: "Le mois en cours n’est pas encore calculé.",
    month_elsewhere: "Vu de ce seul point de mesure\u{a0}; le mois et l’état qui fait foi figurent sur la page du collecteur.",
    no_commitment: "Aucun engagement n’est en vigueur.",
    nothing_measured: "Rien n’a encore été mesuré ce mois-ci.",
    days_heading: "90 derniers jours",
    days_none: "Aucun jour n’est encore calculé.",
    days_table: "Valeurs jour par jour",
    today: "aujourd’hui",
    legend: "Légende",
    legend_good: "disponible",
    legend_degraded: "dégradé",
    legend_down: "indisponible (d’autant plus haut que la durée est longue)",
    legend_unknown: "non mesuré",
    legend_none: "hors période",
    maintenance_heading: "Maintenance programmée (7 prochains jours)",
    endpoints_heading: "Points d’accès",
    informative: "à titre indicatif",
    retired: "retiré",
    col_day: "Jour",
    col_availability: "Taux de disponibilité",
    col_down: "Indisponibilité constatée",
    col_unknown: "Temps non mesuré",
    col_endpoint: "Point d’accès",
    col_state: "État",
    col_since: "Depuis",
    col_last: "Dernier relevé",
    col_latency: "Délai de réponse",
    col_fault: "Dernier défaut",
    never: "jamais",
    never_succeeded: "aucune réponse attendue à ce jour",
    no_fault: "aucun",
    no_tick: "aucune",
    being_confirmed: "Défaut à confirmer",
    ours_heading: "État de la supervision",
    ours_intro: "La supervision se surveille aussi\u{a0}: ce qu’elle n’a pas pu voir ou garder est compté comme non mesuré.",
    ours_saving: "Relevés en attente d’enregistrement",
    ours_not_loaded: "les relevés enregistrés ne sont pas encore relus",
    ours_forwarding: "Transmission des relevés",
    ours_missed: "Mesures prévues non faites depuis le démarrage",
    ours_board: "Situation établie",
    contact: "Une question, ou une difficulté pour lire cette page",
    machine_readable: "Les mêmes données en JSON",
    colon: "\u{a0}: ",
    endpoint: endpoint::FRENCH,
};

const ENGLISH: Words = Words {
    code: "en",
    language: Language::English,
    title: "Service availability",
    skip: "Skip to content",
    other_language: "Français",
    other_code: "fr",
    refresh_on: "This page refreshes every minute.",
    refresh_off: "Automatic refresh is off.",
    refresh_stop: "Stop refreshing",
    refresh_start: "Resume refreshing",
    state_heading: "Right now",
    no_service: "No service is watched.",
    month_running: "month in progress",
    month_not_settled: "The current month has not been computed yet.",
    month_elsewhere: "As seen from this vantage point alone; the month and the state that counts are shown by the collector.",
    no_commitment: "No commitment is in force.",
    nothing_measured: "Nothing has been measured this month yet.",
    days_heading: "Last 90\u{a0}days",
    days_none: "No day has been computed yet.",
    days_table: "Figures day by day",
    today: "today",
    legend: "Key",
    legend_good: "available",
    legend_degraded: "degraded",
    legend_down: "unavailable (the longer, the higher)",
    legend_unknown: "not measured",
    legend_none: "outside the period",
    maintenance_heading: "Scheduled maintenance (next 7\u{a0}days)",
    endpoints_heading: "Endpoints",
    informative: "for information only",
    retired: "withdrawn",
    col_day: "Day",
    col_availability: "Availability rate",
    col_down: "Observed downtime",
    col_unknown: "Unmeasured time",
    col_endpoint: "Endpoint",
    col_state: "State",
    col_since: "Since",
    col_last: "Last check",
    col_latency: "Response time",
    col_fault: "Last fault",
    never: "never",
    never_succeeded: "no expected answer so far",
    no_fault: "none",
    no_tick: "none",
    being_confirmed: "Failure to be confirmed",
    ours_heading: "State of the monitoring",
    ours_intro: "The monitoring watches itself: what it could not see or keep counts as not measured.",
    ours_saving: "Measurements waiting to be saved",
    ours_not_loaded: "saved measurements have not been read back yet",
    ours_forwarding: "Handing in of measurements",
    ours_missed: "Planned checks not made since the start",
    ours_board: "Situation as of",
    contact: "A question, or trouble reading this page",
    machine_readable: "The same data as JSON",
    colon: ": ",
    endpoint: endpoint::ENGLISH,
};

impl Words {
    /// Between a name and what is said of it.
    pub(super) fn colon(&self) -> &'static str {
        self.colon
    }

    /// How reports of the same language write figures: pages and reports must not differ in it.
    fn figures(&self) -> &'static report::Words {
        report::words(self.language)
    }

    /// One rate where all is known, otherwise both bounds: `97,40 % à 99,96 %`.
    pub(super) fn rates(&self, availability: Availability) -> String {
        self.figures().rates(availability)
    }

    /// `95 %`, `99,5 %`.
    pub(super) fn target(&self, target: Ppm) -> String {
        self.figures().target(target)
    }

    /// `36 h`, `5 h 12 min`, `12 min 30 s`, of the absolute value; from an hour on, whole minutes.
    pub(super) fn duration(&self, ms: i64) -> String {
        match ms.abs() {
            0..SECOND_MS => format!("0{NBSP}min"),
            ms @ SECOND_MS..HOUR_MS => self.figures().duration(ms),
            ms => self.figures().duration(ms - ms % MINUTE_MS),
        }
    }

    /// `1 234 ms`.
    pub(super) fn milliseconds(&self, ms: u32) -> String {
        self.figures().milliseconds(ms)
    }

    /// Grouped by thousands: `10 000`.
    fn number(&self, number: u64) -> String {
        self.figures()
            .number(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// `novembre 2025`.
    pub(super) fn month(&self, date: NaiveDate) -> String {
        format!("{}{NBSP}{}", self.month_name(date), date.year())
    }

    fn month_name(&self, date: NaiveDate) -> &'static str {
        (self.figures().month_name)(date)
    }

    /// `1er décembre`.
    pub(super) fn day(&self, date: NaiveDate) -> String {
        let day = match (self.language, date.day()) {
            (Language::French, 1) => "1er".to_owned(),
            (_, day) => day.to_string(),
        };
        format!("{day}{NBSP}{}", self.month_name(date))
    }

    /// `1er décembre 2025`.
    pub(super) fn date(&self, date: NaiveDate) -> String {
        format!("{}{NBSP}{}", self.day(date), date.year())
    }

    /// `18 novembre 2025 à 9 h 05`.
    pub(super) fn instant(&self, at: Timestamp, zone: Tz) -> String {
        let local = at.to_local(zone);
        let date = self.date(local.date_naive());
        let time = self.clock(local.hour(), local.minute());
        match self.language {
            Language::French => format!("{date} à {time}"),
            Language::English => format!("{date} at {time}"),
        }
    }

    /// For tables: the time today, the date and time on another day.
    pub(super) fn short_instant(&self, at: Timestamp, now: Timestamp, zone: Tz) -> String {
        let (local, today) = (at.to_local(zone), now.to_local(zone));
        if local.date_naive() == today.date_naive() {
            return local.format("%H:%M:%S").to_string();
        }
        match self.language {
            Language::French => local.format("%d/%m/%Y\u{a0}%H:%M").to_string(),
            Language::English => local.format("%Y-%m-%d\u{a0}%H:%M").to_string(),
        }
    }

    /// Whose wall clock the page shows.
    pub(super) fn zone(&self, zone: Tz) -> String {
        (self.figures().zone)(zone)
    }

    /// The line below the title.
    pub(super) fn as_of(&self, at: Timestamp, zone: Tz) -> String {
        let (instant, zone_name) = (self.instant(at, zone), self.zone(zone));
        match self.language {
            Language::French => format!("État au {instant} ({zone_name})."),
            Language::English => format!("As of {instant} ({zone_name})."),
        }
    }

    /// The warning above a picture that is no longer renewed.
    pub(super) fn out_of_date(&self, at: Timestamp, zone: Tz) -> String {
        let instant = self.instant(at, zone);
        match self.language {
            Language::French => format!(
                "Attention{NBSP}: cette page n’est plus tenue à jour depuis le {instant}. L’état réel peut être différent."
            ),
            Language::English => format!(
                "Warning: this page has not been updated since {instant}. The actual state may differ."
            ),
        }
    }

    /// The first sentence of the page.
    pub(super) fn headline(&self, state: State, names: &[&str], all: bool) -> String {
        let list = self.figures().list(names);
        let several = names.len() > 1;
        match (self.language, state) {
            (Language::French, State::Up) if several => {
                "Tous les services fonctionnent.".to_owned()
            }
            (Language::French, State::Up) => "Le service fonctionne.".to_owned(),
            (Language::French, State::Degraded) => {
                let noun = if several {
                    "Services dégradés"
                } else {
                    "Service dégradé"
                };
                format!("{noun}{}{list}.", self.colon)
            }
            (Language::French, State::Down) => {
                let noun = if several {
                    "Services indisponibles"
                } else {
                    "Service indisponible"
                };
                format!("{noun}{}{list}.", self.colon)
            }
            (Language::French, State::Unknown) if all => {
                "L’état des services n’est pas établi.".to_owned()
            }
            (Language::French, State::Unknown) => format!("État non établi{}{list}.", self.colon),
            (Language::English, State::Up) if several => "All services are working.".to_owned(),
            (Language::English, State::Up) => "The service is working.".to_owned(),
            (Language::English, State::Degraded) => format!("Degraded: {list}."),
            (Language::English, State::Down) => format!("Unavailable: {list}."),
            (Language::English, State::Unknown) if all => {
                "The state of the services is not established.".to_owned()
            }
            (Language::English, State::Unknown) => format!("State not established: {list}."),
        }
    }

    /// A state, as a badge.
    pub(super) fn state(&self, state: State) -> &'static str {
        match (self.language, state) {
            (Language::French, State::Up) => "Disponible",
            (Language::French, State::Degraded) => "Dégradé",
            (Language::French, State::Down) => "Indisponible",
            (Language::French, State::Unknown) => "Non mesuré",
            (Language::English, State::Up) => "Available",
            (Language::English, State::Degraded) => "Degraded",
            (Language::English, State::Down) => "Unavailable",
            (Language::English, State::Unknown) => "Not measured",
        }
    }

    /// `depuis le 18 novembre 2025 à 8 h 12`.
    pub(super) fn since(&self, at: Timestamp, zone: Tz) -> String {
        let instant = self.instant(at, zone);
        match self.language {
            Language::French => format!("depuis le {instant}"),
            Language::English => format!("since {instant}"),
        }
    }

    /// What the large figure is.
    pub(super) fn rate_caption(&self, target: Ppm) -> String {
        let target = self.target(target);
        match self.language {
            Language::French => {
                format!("de disponibilité depuis le début du mois, pour un engagement de {target}")
            }
            Language::English => {
                format!("availability since the month began, for a commitment of {target}")
            }
        }
    }

    /// What is left of the budget; `min_ms` and `max_ms` differ by the unknown time.
    pub(super) fn budget(&self, allowed_ms: i64, min_ms: i64, max_ms: i64) -> String {
        let allowed = self.duration(allowed_ms);
        let (min, max) = (self.duration(min_ms), self.duration(max_ms));
        match (self.language, min_ms < 0, max_ms < 0) {
            (Language::French, _, true) => format!(
                "Durée maximale admise ({allowed}) dépassée de {max}{}.",
                self.at_least(min_ms != max_ms)
            ),
            (Language::French, true, false) => format!(
                "Marge d’indisponibilité restante{NBSP}: au plus {max} sur {allowed} admises, peut-être épuisée."
            ),
            (Language::French, false, false) if min == max => format!(
                "Marge d’indisponibilité restante{NBSP}: {max} sur {allowed} admises pour le mois."
            ),
            (Language::French, false, false) => format!(
                "Marge d’indisponibilité restante{NBSP}: entre {min} et {max} sur {allowed} admises pour le mois."
            ),
            (Language::English, _, true) => format!(
                "Allowed downtime ({allowed}) overrun by {max}{}.",
                self.at_least(min_ms != max_ms)
            ),
            (Language::English, true, false) => {
                format!("Allowed downtime left: at most {max} of {allowed}, possibly none.")
            }
            (Language::English, false, false) if min == max => {
                format!("Allowed downtime left: {max} of {allowed} for the month.")
            }
            (Language::English, false, false) => {
                format!(
                    "Allowed downtime left: between {min} and {max} of {allowed} for the month."
                )
            }
        }
    }

    fn at_least(&self, open: bool) -> &'static str {
        match (self.language, open) {
            (_, false) => "",
            (Language::French, true) => " au moins",
            (Language::English, true) => " at least",
        }
    }

    /// What was spent of the budget so far.
    pub(super) fn spent(&self, down_ms: i64, unknown_ms: i64) -> String {
        let down = self.duration(down_ms);
        let unknown = self.duration(unknown_ms);
        match (self.language, unknown_ms > 0) {
            (Language::French, false) => format!("Indisponibilité constatée{NBSP}: {down}."),
            (Language::French, true) => format!(
                "Indisponibilité constatée{NBSP}: {down}{NBSP}; temps non mesuré{NBSP}: {unknown}."
            ),
            (Language::English, false) => format!("Observed downtime: {down}."),
            (Language::English, true) => {
                format!("Observed downtime: {down}; unmeasured time: {unknown}.")
            }
        }
    }

    /// What can still become of the month.
    pub(super) fn outlook(&self, outlook: Outlook, target: Ppm) -> String {
        let target = self.target(target);
        match (self.language, outlook) {
            (Language::French, Outlook::Secured) => format!(
                "Résultat acquis{NBSP}: les {target} seront atteints quoi qu’il arrive d’ici la fin du mois."
            ),
            (Language::French, Outlook::Lost) => format!(
                "Résultat perdu{NBSP}: quelle que soit la disponibilité d’ici la fin du mois, le taux ne pourra plus atteindre {target}."
            ),
            (Language::French, Outlook::Open) => {
                format!("Résultat provisoire{NBSP}: l’engagement est apprécié au terme du mois.")
            }
            (Language::English, Outlook::Secured) => format!(
                "Secured: {target} will be reached whatever happens until the end of the month."
            ),
            (Language::English, Outlook::Lost) => format!(
                "Lost: whatever happens until the end of the month, the rate can no longer reach {target}."
            ),
            (Language::English, Outlook::Open) => {
                "Provisional: the commitment is assessed at the end of the month.".to_owned()
            }
        }
    }

    /// The month before, in one sentence.
    pub(super) fn previous(
        &self,
        month: NaiveDate,
        availability: Option<Availability>,
        verdict: Verdict,
    ) -> String {
        let month = self.month(month);
        let verdict = match (self.language, verdict) {
            (Language::French, Verdict::Met) => "engagement tenu",
            (Language::French, Verdict::Missed) => "engagement non tenu",
            (Language::French, Verdict::Undetermined) => "résultat indéterminé",
            (Language::French, Verdict::NotApplicable) => "sans objet",
            (Language::English, Verdict::Met) => "commitment met",
            (Language::English, Verdict::Missed) => "commitment missed",
            (Language::English, Verdict::Undetermined) => "undetermined result",
            (Language::English, Verdict::NotApplicable) => "not applicable",
        };
        let rates = availability.map(|figures| format!("{}, ", self.rates(figures)));
        let rates = rates.unwrap_or_default();
        match self.language {
            Language::French => {
                format!("Mois précédent ({month}){NBSP}: {rates}{verdict} (avant rapport mensuel).")
            }
            Language::English => {
                format!("Previous month ({month}): {rates}{verdict} (before the monthly report).")
            }
        }
    }

    /// The strip of days in one sentence: its text alternative.
    pub(super) fn days(
        &self,
        first: NaiveDate,
        last: NaiveDate,
        n_down: usize,
        n_unknown: usize,
    ) -> String {
        let (first, last) = (self.date(first), self.date(last));
        match self.language {
            Language::French => {
                let down = match n_down {
                    0 => "aucun jour avec indisponibilité".to_owned(),
                    1 => "1\u{a0}jour avec indisponibilité".to_owned(),
                    n => format!("{n}{NBSP}jours avec indisponibilité"),
                };
                let unknown = match n_unknown {
                    0 => String::new(),
                    1 => ", 1\u{a0}jour en partie non mesuré".to_owned(),
                    n => format!(", {n}{NBSP}jours en partie non mesurés"),
                };
                format!("Du {first} au {last}{NBSP}: {down}{unknown}.")
            }
            Language::English => {
                let down = match n_down {
                    0 => "no day with downtime".to_owned(),
                    1 => "1\u{a0}day with downtime".to_owned(),
                    n => format!("{n}{NBSP}days with downtime"),
                };
                let unknown = match n_unknown {
                    0 => String::new(),
                    1 => ", 1\u{a0}day partly unmeasured".to_owned(),
                    n => format!(", {n}{NBSP}days partly unmeasured"),
                };
                format!("From {first} to {last}: {down}{unknown}.")
            }
        }
    }

    /// What the pointer shows over a day.
    pub(super) fn day_title(
        &self,
        date: NaiveDate,
        availability: Option<Availability>,
        down_ms: i64,
        unknown_ms: i64,
    ) -> String {
        let day = self.date(date);
        let Some(availability) = availability else {
            return format!("{day}{}{}", self.colon, self.legend_none);
        };
        let rates = self.rates(availability);
        let mut title = format!("{day}{}{rates}", self.colon);
        if down_ms > 0 {
            let down = self.duration(down_ms);
            title.push_str(&match self.language {
                Language::French => format!(", indisponible {down}"),
                Language::English => format!(", unavailable for {down}"),
            });
        }
        if unknown_ms > 0 {
            let unknown = self.duration(unknown_ms);
            title.push_str(&match self.language {
                Language::French => format!(", non mesuré {unknown}"),
                Language::English => format!(", not measured for {unknown}"),
            });
        }
        title
    }

    /// Announced work: when, what, and how many more times.
    pub(super) fn maintenance(
        &self,
        window: Window,
        zone: Tz,
        reason: &str,
        n_more: usize,
    ) -> String {
        let (from, to) = (window.start().to_local(zone), window.end().to_local(zone));
        let when = if from.date_naive() == to.date_naive() {
            let day = self.date(from.date_naive());
            let (from, to) = (
                self.clock(from.hour(), from.minute()),
                self.clock(to.hour(), to.minute()),
            );
            match self.language {
                Language::French => format!("Le {day}, de {from} à {to}"),
                Language::English => format!("On {day}, from {from} to {to}"),
            }
        } else {
            let (from, to) = (
                self.instant(window.start(), zone),
                self.instant(window.end(), zone),
            );
            match self.language {
                Language::French => format!("Du {from} au {to}"),
                Language::English => format!("From {from} to {to}"),
            }
        };
        let more = match (self.language, n_more) {
            (_, 0) => String::new(),
            (Language::French, 1) => " (et une autre fois)".to_owned(),
            (Language::French, n) => format!(" (et {n}{NBSP}autres fois)"),
            (Language::English, 1) => " (and once more)".to_owned(),
            (Language::English, n) => format!(" (and {n}{NBSP}more times)"),
        };
        format!("{when}{}{reason}{more}", self.colon)
    }

    /// `9 h 05`.
    fn clock(&self, hour: u32, minute: u32) -> String {
        match self.language {
            Language::French => format!("{hour}{NBSP}h{NBSP}{minute:02}"),
            Language::English => format!("{hour}:{minute:02}"),
        }
    }

    /// How many endpoints a folded table holds.
    pub(super) fn endpoints_folded(&self, n: usize, n_not_up: usize) -> String {
        match (self.language, n_not_up) {
            (Language::French, 0) => format!("Afficher les {n}{NBSP}points d’accès"),
            (Language::French, 1) => {
                format!("Afficher les {n}{NBSP}points d’accès, dont 1 qui n’est pas disponible")
            }
            (Language::French, bad) => {
                format!(
                    "Afficher les {n}{NBSP}points d’accès, dont {bad} qui ne sont pas disponibles"
                )
            }
            (Language::English, 0) => format!("Show the {n}{NBSP}endpoints"),
            (Language::English, bad) => {
                format!("Show the {n}{NBSP}endpoints, {bad} of them not available")
            }
        }
    }

    /// A failed or void observation in a few words.
    pub(super) fn outcome(&self, outcome: Outcome) -> String {
        match (self.language, outcome) {
            (_, Outcome::Answered { .. }) => String::new(),
            (_, Outcome::Failed(fault)) => (self.figures().fault)(fault),
            (Language::French, Outcome::Void(void)) => void_fr(void),
            (Language::English, Outcome::Void(void)) => void_en(void),
        }
    }

    /// Why a tick was missed.
    pub(super) fn miss_cause(&self, cause: MissCause) -> &'static str {
        match (self.language, cause) {
            (Language::French, MissCause::Suspended) => "supervision suspendue",
            (Language::French, MissCause::NotRunning) => "supervision arrêtée",
            (Language::French, MissCause::Overrun) => "mesure précédente non terminée",
            (Language::English, MissCause::Suspended) => "monitoring suspended",
            (Language::English, MissCause::NotRunning) => "monitoring stopped",
            (Language::English, MissCause::Overrun) => "previous check still running",
        }
    }

    /// How many observations wait, of how many that can, and what was lost.
    pub(super) fn saving(&self, backlog: u64, backlog_max: u64, lost: u64) -> String {
        let (backlog, backlog_max) = (self.number(backlog), self.number(backlog_max));
        match (self.language, lost) {
            (Language::French, 0) => format!("{backlog} (au plus {backlog_max})"),
            (Language::French, 1) => {
                format!("{backlog} (au plus {backlog_max}), 1\u{a0}relevé perdu")
            }
            (Language::French, lost) => {
                format!("{backlog} (au plus {backlog_max}), {lost}{NBSP}relevés perdus")
            }
            (Language::English, lost) => {
                let limit = format!("{backlog} (at most {backlog_max})");
                if lost > 0 {
                    format!("{limit}, {lost} lost")
                } else {
                    limit
                }
            }
        }
    }

    /// How handing in goes, where what is seen is handed in; months are then told elsewhere.
    pub(super) fn forwarding(&self, store: StoreNow, zone: Tz) -> Option<String> {
        let taken_at = store.forwarding?.taken_at.map(|at| self.instant(at, zone));
        let waits_since = store.waits_since.map(|at| self.instant(at, zone));
        Some(match self.language {
            Language::French => {
                let taken = match taken_at {
                    Some(at) => format!("dernier accusé de réception du collecteur{NBSP}: {at}"),
                    None => "le collecteur n’a rien reçu depuis le démarrage".to_owned(),
                };
                let waits = match waits_since {
                    Some(at) => format!("plus ancien relevé en attente{NBSP}: {at}"),
                    None => "rien n’est en attente".to_owned(),
                };
                format!(
                    "{taken}{NBSP}; {waits}. Les bilans mensuels sont établis par le collecteur."
                )
            }
            Language::English => {
                let taken = match taken_at {
                    Some(at) => format!("last acknowledged by the collector: {at}"),
                    None => "the collector has acknowledged nothing since the start".to_owned(),
                };
                let waits = match waits_since {
                    Some(at) => format!("oldest measurement that waits: {at}"),
                    None => "nothing waits".to_owned(),
                };
                format!("{taken}; {waits}. Monthly reports are made by the collector.")
            }
        })
    }

    /// How many ticks were missed, and why.
    pub(super) fn causes(&self, counts: &[(MissCause, u64)]) -> String {
        let total: u64 = counts.iter().map(|(_, n)| n).sum();
        let told: Vec<&(MissCause, u64)> = counts.iter().filter(|(_, n)| *n > 0).collect();
        match told[..] {
            [] => self.no_tick.to_owned(),
            [(cause, n)] => format!("{} ({})", self.number(*n), self.miss_cause(*cause)),
            _ => {
                let parts: Vec<String> = told
                    .iter()
                    .map(|(cause, n)| {
                        let (cause, n) = (self.miss_cause(*cause), self.number(*n));
                        format!("{cause}{}{n}", self.colon)
                    })
                    .collect();
                format!("{} ({})", self.number(total), parts.join(", "))
            }
        }
    }
}

fn void_fr(void: Void) -> String {
    match void {
        Void::Resolver => "notre résolution de noms a échoué".to_owned(),
        Void::Uplink => "notre réseau a échoué".to_owned(),
        Void::Clock => "notre horloge n’est pas fiable".to_owned(),
        Void::Credential(status) => format!("nos droits d’accès sont refusés ({status})"),
        Void::Certificate => "notre certificat est refusé".to_owned(),
        Void::Token => "aucun jeton n’a pu être obtenu".to_owned(),
        Void::RateLimited => "nos appels sont limités".to_owned(),
        Void::StatedUnknown => "le service dit ne pas connaître son état".to_owned(),
        Void::NotExecuted => "mesure non exécutée".to_owned(),
    }
}

fn void_en(void: Void) -> String {
    match void {
        Void::Resolver => "our name resolution failed".to_owned(),
        Void::Uplink => "our network failed".to_owned(),
        Void::Clock => "our clock cannot be trusted".to_owned(),
        Void::Credential(status) => format!("our credentials were refused ({status})"),
        Void::Certificate => "our certificate was refused".to_owned(),
        Void::Token => "no token could be had".to_owned(),
        Void::RateLimited => "our calls are limited".to_owned(),
        Void::StatedUnknown => "the service does not know its own state".to_owned(),
        Void::NotExecuted => "check not carried out".to_owned(),
    }
}
