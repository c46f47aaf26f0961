//! The words of an endpoint's page.

use super::{NBSP, Words};
use crate::sla::catalog::{ConfirmationProbes, Endpoint, Language};
use crate::sla::commitment::Confirmation;
use crate::sla::observation::{Observation, Outcome, Stage};
use crate::sla::timeline::State;
use crate::sla::window::{SECOND_MS, show_duration_ms};

/// What only an endpoint's page says.
pub(in crate::web) struct EndpointWords {
    pub(in crate::web) all_services: &'static str,
    pub(in crate::web) details: &'static str,
    pub(in crate::web) rhythm: &'static str,
    pub(in crate::web) confirmation: &'static str,
    pub(in crate::web) judged: &'static str,
    pub(in crate::web) objective: &'static str,
    pub(in crate::web) target: &'static str,
    pub(in crate::web) vantages: &'static str,
    pub(in crate::web) everywhere: &'static str,
    pub(in crate::web) last_success: &'static str,
    pub(in crate::web) strip_heading: &'static str,
    pub(in crate::web) strip_none: &'static str,
    pub(in crate::web) strip_table: &'static str,
    pub(in crate::web) strip_first: &'static str,
    pub(in crate::web) strip_last: &'static str,
    pub(in crate::web) col_at: &'static str,
    pub(in crate::web) col_outcome: &'static str,
    pub(in crate::web) failures_heading: &'static str,
    pub(in crate::web) failures_none: &'static str,
    pub(in crate::web) failures_unread: &'static str,
    pub(in crate::web) in_short: &'static str,
    pub(in crate::web) success_heading: &'static str,
    pub(in crate::web) success_none: &'static str,
    pub(in crate::web) phases: &'static str,
    pub(in crate::web) col_stage: &'static str,
    pub(in crate::web) col_time: &'static str,
    pub(in crate::web) judging: &'static str,
    pub(in crate::web) headers: &'static str,
    pub(in crate::web) assertions: &'static str,
    pub(in crate::web) holds: &'static str,
    pub(in crate::web) fails: &'static str,
    pub(in crate::web) certificates: &'static str,
    pub(in crate::web) trusted: &'static str,
    pub(in crate::web) col_subject: &'static str,
    pub(in crate::web) col_issuer: &'static str,
    pub(in crate::web) col_end: &'static str,
    pub(in crate::web) no_date: &'static str,
    pub(in crate::web) commitment: &'static str,
    pub(in crate::web) not_counted: &'static str,
    pub(in crate::web) metrics: &'static str,
    pub(in crate::web) metrics_intro: &'static str,
    pub(in crate::web) in_short_for_all: &'static str,
}

pub(super) const FRENCH: EndpointWords = EndpointWords {
    all_services: "Tous les services",
    details: "Comment il est interrogé",
    rhythm: "Rythme",
    confirmation: "Après un défaut",
    judged: "Indisponible à partir de",
    objective: "Objectif de délai",
    target: "Cible",
    vantages: "Points de mesure",
    everywhere: "tous",
    last_success: "Dernière réponse attendue",
    strip_heading: "Derniers relevés",
    strip_none: "Aucun relevé pour le moment.",
    strip_table: "Relevé par relevé",
    strip_first: "le plus ancien",
    strip_last: "le dernier",
    col_at: "Instant",
    col_outcome: "Résultat",
    failures_heading: "Derniers défauts",
    failures_none: "Aucun défaut n’est enregistré.",
    failures_unread: "Les défauts enregistrés ne peuvent pas être lus d’ici pour le moment. Voici, en bref, ceux qui ont été vus depuis le démarrage.",
    in_short: "Ce défaut n’est conservé qu’en bref.",
    success_heading: "Dernière réponse attendue",
    success_none: "Aucune réponse attendue depuis le démarrage de la supervision.",
    phases: "Durée de chaque étape",
    col_stage: "Étape",
    col_time: "Durée",
    judging: "Examen de la réponse",
    headers: "En-têtes de la réponse",
    assertions: "Ce qui est vérifié",
    holds: "vérifié",
    fails: "non vérifié",
    certificates: "Certificats présentés",
    trusted: "La chaîne mène à une autorité reconnue.",
    col_subject: "Certificat de",
    col_issuer: "Délivré par",
    col_end: "Valable jusqu’au",
    no_date: "date illisible",
    commitment: "Engagement",
    not_counted: "Ce point d’accès est montré à titre indicatif\u{a0}: il ne compte pour aucun engagement.",
    metrics: "Métriques",
    metrics_intro: "Ce que Prometheus relève de ce point d’accès\u{a0}:",
    in_short_for_all: "Les détails techniques sont réservés à l’exploitant.",
};

pub(super) const ENGLISH: EndpointWords = EndpointWords {
    all_services: "All services",
    details: "How it is asked",
    rhythm: "Rhythm",
    confirmation: "After a failure",
    judged: "Unavailable from",
    objective: "Latency objective",
    target: "Target",
    vantages: "Vantages",
    everywhere: "all",
    last_success: "Last expected answer",
    strip_heading: "Latest checks",
    strip_none: "No check so far.",
    strip_table: "Check by check",
    strip_first: "earliest",
    strip_last: "latest",
    col_at: "When",
    col_outcome: "Outcome",
    failures_heading: "Latest failures",
    failures_none: "No failure is on record.",
    failures_unread: "The failures on record cannot be read from here at present. Those seen since the start follow, in short.",
    in_short: "This failure is kept in short only.",
    success_heading: "Last expected answer",
    success_none: "No expected answer since the monitoring started.",
    phases: "Time of each stage",
    col_stage: "Stage",
    col_time: "Time",
    judging: "Judging the answer",
    headers: "Headers of the answer",
    assertions: "What is checked",
    holds: "holds",
    fails: "does not hold",
    certificates: "Certificates presented",
    trusted: "The chain leads to a trusted authority.",
    col_subject: "Certificate of",
    col_issuer: "Issued by",
    col_end: "Valid until",
    no_date: "unreadable date",
    commitment: "Commitment",
    not_counted: "This endpoint is shown for information only: it counts for no commitment.",
    metrics: "Metrics",
    metrics_intro: "What Prometheus reads about this endpoint:",
    in_short_for_all: "Technical details are for the operator only.",
};

impl Words {
    /// How often it is asked, and how long it may take.
    pub(in crate::web) fn rhythm(&self, endpoint: &Endpoint) -> String {
        let (every, at_most) = (
            self.span(endpoint.interval_ms),
            self.span(endpoint.timeout_ms),
        );
        match self.language {
            Language::French => {
                format!("intervalle de {every}, réponse attendue en {at_most} au plus")
            }
            Language::English => format!("every {every}, an answer is awaited for {at_most}"),
        }
    }

    /// How it is asked again after a failure.
    pub(in crate::web) fn asked_again(&self, again: ConfirmationProbes) -> String {
        let (n, every) = (again.probes.get(), self.span(again.interval_ms));
        match (self.language, n) {
            (Language::French, 1) => format!("interrogé une fois de plus, {every} après"),
            (Language::French, n) => {
                format!("interrogé jusqu’à {n}{NBSP}fois de plus, à intervalles de {every}")
            }
            (Language::English, 1) => format!("asked once more, {every} later"),
            (Language::English, n) => format!("asked up to {n} more times, every {every}"),
        }
    }

    /// How many failures make it Down.
    pub(in crate::web) fn judged(&self, confirmation: Confirmation) -> String {
        let within = self.span(confirmation.within_ms);
        match (self.language, confirmation.failures.get()) {
            (Language::French, 1) => "1\u{a0}défaut".to_owned(),
            (Language::French, n) => format!("{n}{NBSP}défauts de suite en {within} au plus"),
            (Language::English, 1) => "1 failure".to_owned(),
            (Language::English, n) => format!("{n} failures in a row within {within}"),
        }
    }

    /// `1 min 30 s`, to the millisecond where it needs to be.
    fn span(&self, ms: i64) -> String {
        match ms % SECOND_MS {
            0 => self.duration(ms),
            _ => show_duration_ms(ms),
        }
    }

    /// Microseconds: `0,25 ms`, `182,3 ms`.
    pub(in crate::web) fn microseconds(&self, us: u32) -> String {
        let (whole, hundredths) = (us / 1_000, us % 1_000 / 10);
        let point = match self.language {
            Language::French => ',',
            Language::English => '.',
        };
        match whole {
            0..10 => format!("{whole}{point}{hundredths:02}{NBSP}ms"),
            10..1_000 => format!("{whole}{point}{}{NBSP}ms", hundredths / 10),
            _ => self.milliseconds(whole),
        }
    }

    /// A stage of a probe.
    pub(in crate::web) fn stage(&self, stage: Stage) -> &'static str {
        (self.figures().stage)(stage)
    }

    /// Until when a certificate is valid, in days.
    pub(in crate::web) fn days_left(&self, days: i64) -> String {
        let plural = if days.abs() > 1 { "s" } else { "" };
        match (self.language, days) {
            (Language::French, 0..) => format!("encore {days}{NBSP}jour{plural}"),
            (Language::French, _) => format!("expiré depuis {}{NBSP}jour{plural}", -days),
            (Language::English, 0..) => format!("{days}{NBSP}day{plural} left"),
            (Language::English, _) => format!("expired {}{NBSP}day{plural} ago", -days),
        }
    }

    /// What an observation says, in a few words.
    pub(in crate::web) fn told(&self, observation: &Observation, state: State) -> String {
        match observation.outcome {
            Outcome::Answered { latency_us, .. } => {
                let state = self.state(state);
                format!("{state}, {}", self.microseconds(latency_us))
            }
            Outcome::Failed(_) | Outcome::Void(_) => self.outcome(observation.outcome),
        }
    }

    /// The strip of observations in one sentence: its text alternative.
    pub(in crate::web) fn strip(&self, n: usize, n_down: usize, n_unknown: usize) -> String {
        match self.language {
            Language::French => {
                let down = match n_down {
                    0 => "aucun en défaut".to_owned(),
                    n_down => format!("{n_down} en défaut"),
                };
                let unknown = match n_unknown {
                    0 => String::new(),
                    n_unknown => format!(", {n_unknown} sans conclusion"),
                };
                let noun = if n == 1 { "relevé" } else { "relevés" };
                format!("{n}{NBSP}{noun}{NBSP}: {down}{unknown}.")
            }
            Language::English => {
                let down = match n_down {
                    0 => "none failed".to_owned(),
                    n_down => format!("{n_down} failed"),
                };
                let unknown = match n_unknown {
                    0 => String::new(),
                    n_unknown => format!(", {n_unknown} without conclusion"),
                };
                let noun = if n == 1 { "check" } else { "checks" };
                format!("{n} {noun}: {down}{unknown}.")
            }
        }
    }

    /// Which failure a probe was to confirm.
    pub(in crate::web) fn confirms(&self, failed_at: &str) -> String {
        match self.language {
            Language::French => format!("Mesure faite pour confirmer le défaut de {failed_at}."),
            Language::English => format!("Asked to confirm the failure of {failed_at}."),
        }
    }

    /// Why a certificate was refused.
    pub(in crate::web) fn refused(&self, fault: &str) -> String {
        match self.language {
            Language::French => format!("Refusé{NBSP}: {fault}."),
            Language::English => format!("Refused: {fault}."),
        }
    }

    /// How much of an answer came.
    pub(in crate::web) fn body_bytes(&self, bytes: usize) -> String {
        let bytes = self.number(u64::try_from(bytes).unwrap_or(u64::MAX));
        match self.language {
            Language::French => format!("{bytes}{NBSP}octets"),
            Language::English => format!("{bytes}{NBSP}bytes"),
        }
    }
}
