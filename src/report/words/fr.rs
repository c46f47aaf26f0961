//! Le français: no-break spaces, decimal comma, elision, plural from two.

mod spelling;

use chrono::{Datelike, Weekday};

use self::spelling::{
    MONTHS_SHORT, clock, date, in_month, month, month_name, of_month, plural, with_of, zone,
};
use super::{NBSP, NNBSP, Sentence, Words};
use crate::sla::availability::Verdict;
use crate::sla::catalog::Progress;
use crate::sla::cause::Attribution;
use crate::sla::commitment::{Quorum, Rule};
use crate::sla::ledger::{Acceptance, Class, ExclusionKind};
use crate::sla::observation::{Fault, Stage, TlsFault};
use crate::sla::window::{HOUR_MS, MINUTE_MS, SECOND_MS};
pub(super) static WORDS: Words = Words {
    lang: "fr",

    decimal: ',',
    thousands: NNBSP,
    percent: "\u{a0}%",
    colon: "\u{a0}: ",
    list_comma: ", ",
    list_and: " et ",
    less_than_a_second: "moins d’une seconde",
    month,
    month_name: |date| month_name(date.month()),
    month_short: |month| {
        format!(
            "{}\u{a0}{}",
            MONTHS_SHORT[month.number() as usize - 1],
            month.year()
        )
    },
    date,
    weekday_short: |date| match date.weekday() {
        Weekday::Mon => "lun.",
        Weekday::Tue => "mar.",
        Weekday::Wed => "mer.",
        Weekday::Thu => "jeu.",
        Weekday::Fri => "ven.",
        Weekday::Sat => "sam.",
        Weekday::Sun => "dim.",
    },
    date_in_table: "%d/%m/%Y",
    date_and_clock: |day, hour, minute| format!("{} à {}", date(day), clock(hour, minute)),
    zone,
    points: |text, size| {
        let unit = if size >= 200 { "points" } else { "point" };
        format!("{text}{NBSP}{unit}")
    },
    yes: "oui",
    no: "non",
    none: "–",

    title: "Rapport mensuel de disponibilité",
    title_provisional: "Situation provisoire de disponibilité",
    title_correction: "Rapport mensuel de disponibilité (rectificatif)",
    addressed_to: "À l’attention de",
    skip: "Aller au résultat du mois",
    contents: "Sommaire",
    sheet: |number, of| format!("Page {number} sur {of}"),
    label_service: "Service",
    label_period: "Période",
    period: |month, zone, length| format!("du 1er au {}, {zone}, {length}", date(month.last_day())),
    label_commitment: "Engagement",
    commitment: |quote, reference, from| {
        format!(
            "«\u{a0}{quote}\u{a0}» ({reference}\u{a0}; en vigueur depuis le {})",
            date(from)
        )
    },
    label_number: "Rapport",
    number: |number, established| format!("n°\u{a0}{number}, établi le {established}"),
    replaces: |number, established, reason| {
        format!(
            "Ce rapport annule et remplace le rapport n°\u{a0}{number} du {established}. Motif\u{a0}: {reason}."
        )
    },
    replaced_figures: |verdict, rates, down_ms, down_change_ms, unknown_change_ms| {
        let change = |ms: i64| match ms {
            0 => "est inchangé".to_owned(),
            1.. => format!("augmente de {}", WORDS.duration(ms)),
            _ => format!("diminue de {}", WORDS.duration(-ms)),
        };
        let since = match (down_change_ms, unknown_change_ms) {
            (0, 0) => "ces chiffres sont inchangés".to_owned(),
            (down_ms, unknown_ms) => format!(
                "le temps d’indisponibilité {} et le temps non mesuré {}",
                change(down_ms),
                change(unknown_ms)
            ),
        };
        format!(
            "Il indiquait\u{a0}: {verdict}, taux de {rates}, {} d’indisponibilité. Depuis, {since}.",
            WORDS.duration(down_ms)
        )
    },
    subject: |service, of, verdict| {
        format!(
            "Disponibilité {} — {}\u{a0}: {verdict}",
            with_of(service),
            month(of)
        )
    },
    subject_correction: |subject| format!("Rectificatif — {subject}"),
    subject_verdict: |verdict| match verdict {
        Verdict::Met => "engagement tenu",
        Verdict::Missed => "engagement non tenu",
        Verdict::Undetermined => "résultat indéterminé",
        Verdict::NotApplicable => "sans objet",
    },
    subject_provisional: "résultat provisoire",

    letter_greeting: "Bonjour,",
    letter_connected: |service, of| {
        format!(
            "Vous êtes raccordé à {service}. Conformément à la convention, voici le résultat du mois {}.",
            of_month(of)
        )
    },
    letter_was_connected: |service, last_day, of| {
        format!(
            "Vous avez été raccordé à {service} jusqu’au {}. Conformément à la convention, voici le résultat du mois {}.",
            date(last_day),
            of_month(of)
        )
    },
    letter_attached: "Le rapport complet est joint à ce message.",
    letter_attached_and_linked: "Le rapport complet est joint à ce message et consultable à l’adresse",
    letter_linked: "Le rapport complet est consultable à l’adresse",
    letter_on_request: "Le rapport complet vous est communiqué sur demande.",
    letter_contact: "Pour toute question\u{a0}:",

    section_result: "Résultat du mois",
    met: |said| Sentence {
        headline: "Engagement tenu.".to_owned(),
        body: format!(
            "{}, le Service a été disponible {} du temps{}, pour un engagement de {}. L’indisponibilité constatée s’élève à {}, pour une durée maximale admise de {}.",
            in_month(said.month),
            said.lower,
            if said.any_unknown { " au moins" } else { "" },
            said.target,
            said.down,
            said.allowed,
        ),
    },
    missed: |said| Sentence {
        headline: "Engagement non tenu.".to_owned(),
        body: format!(
            "{}, le Service a été disponible {} du temps, pour un engagement de {}. L’indisponibilité constatée s’élève à {} et dépasse de {} la durée maximale admise ({}). Les causes et les actions engagées figurent aux parties 3 et 7.",
            in_month(said.month),
            if said.any_unknown {
                format!("entre {} et {}", said.lower, said.upper)
            } else {
                said.lower.clone()
            },
            said.target,
            said.down,
            said.overrun,
            said.allowed,
        ),
    },
    undetermined: |said| Sentence {
        headline: "Résultat indéterminé.".to_owned(),
        body: format!(
            "{}, l’état du Service n’a pas pu être établi pendant {}. Selon que le Service était disponible ou non pendant ce temps, le taux est compris entre {} et {}, pour un engagement de {}. Les mesures disponibles ne permettent donc pas de dire si l’engagement a été tenu.",
            in_month(said.month),
            said.unknown,
            said.lower,
            said.upper,
            said.target,
        ),
    },
    no_measure: |of| Sentence {
        headline: "Résultat indéterminé.".to_owned(),
        body: format!(
            "Aucune mesure exploitable n’a été recueillie en {}.",
            month(of)
        ),
    },
    not_applicable: |of| Sentence {
        headline: "Sans objet.".to_owned(),
        body: format!(
            "{}, aucun temps n’entrait dans l’engagement\u{a0}: votre organisme n’était pas raccordé au Service, ou tout le temps du mois en était exclu.",
            in_month(of)
        ),
    },
    running: |said| Sentence {
        headline: format!(
            "Résultat provisoire au {} à {}.",
            date(said.day),
            clock(said.hour, said.minute)
        ),
        body: {
            let unknown = match &said.unknown {
                Some(unknown) => format!(" et {unknown} de temps non mesuré"),
                None => String::new(),
            };
            format!(
                "L’engagement est apprécié au terme du mois. À ce stade\u{a0}: {} d’indisponibilité{unknown}, sur {} admises pour l’ensemble du mois.",
                said.down, said.allowed
            )
        },
    },
    running_lost: |target| {
        format!(
            "Quelle que soit la disponibilité d’ici la fin du mois, le taux ne pourra plus atteindre {target}."
        )
    },
    running_secured: |target| {
        format!(
            "Quelle que soit la disponibilité d’ici la fin du mois, le taux ne pourra plus être inférieur à {target}."
        )
    },
    verdict: |verdict| match verdict {
        Verdict::Met => "Tenu",
        Verdict::Missed => "Non tenu",
        Verdict::Undetermined => "Indéterminé",
        Verdict::NotApplicable => "Sans objet",
    },
    verdict_provisional: "Provisoire",
    note_joined: |windows| {
        let spans: Vec<String> = windows
            .iter()
            .map(|span| match span.last {
                Some(last) if span.first == last => format!("le {}", date(span.first)),
                Some(last) => format!("du {} au {}", date(span.first), date(last)),
                None => format!("à partir du {}", date(span.first)),
            })
            .collect();
        format!(
            "Votre organisme a été raccordé au Service pendant une partie du mois seulement ({}). Le taux et la durée maximale admise portent sur ce temps\u{a0}; le reste du mois est hors engagement.",
            spans.join(", puis ")
        )
    },
    note_measured_since: |day| {
        format!(
            "La mesure a commencé le {}\u{a0}; les jours antérieurs sont comptés comme non mesurés.",
            date(day)
        )
    },
    note_assumed_period: |target| {
        format!(
            "La convention fixe un taux de {target} sans préciser de période\u{a0}; le présent rapport l’apprécie au terme de chaque mois."
        )
    },
    note_resolution: |bound| {
        format!(
            "L’écart entre le taux et l’engagement est inférieur à la résolution de la mesure ({bound} pour l’ensemble du mois). Le résultat reste celui que donnent les relevés."
        )
    },
    note_conditional: |requested, rate, verdict| {
        format!(
            "Des demandes d’exclusion sont en attente de décision (partie 4)\u{a0}: {requested}. Si toutes étaient acceptées, le taux serait de {rate} et le résultat deviendrait\u{a0}: {verdict}."
        )
    },
    note_would_decide: |decide| {
        format!(
            "L’engagement serait tenu si le Service avait été disponible pendant au moins {decide} du temps non mesuré, et non tenu sinon."
        )
    },
    figure_rate: "Taux de disponibilité",
    figure_rate_so_far: "Taux à ce stade",
    rate_at_least: |observed| format!("au moins\u{a0}; {observed}"),
    rate_between: |lower, upper| format!("{lower} à {upper}"),
    rate_observed: |observed, coverage| {
        format!("{observed} du temps mesuré, qui représente {coverage} du temps compté")
    },
    figure_target: "Engagement",
    figure_target_step: |step| format!("objectif interne\u{a0}: {step}"),
    figure_down: "Indisponibilité constatée",
    figure_incidents: |n| format!("{}\u{a0}{}", n, plural(n, "incident", "incidents")),
    figure_allowed: "Indisponibilité maximale admise",
    figure_remaining: |left, at_most| {
        format!(
            "marge restante\u{a0}: {left}{}",
            if at_most { " au plus" } else { "" }
        )
    },
    figure_overrun: |overrun, at_least| {
        format!(
            "dépassement\u{a0}: {overrun}{}",
            if at_least { " au moins" } else { "" }
        )
    },
    figure_unknown: "Temps non mesuré",
    figure_coverage: |coverage| format!("{coverage} du temps compté a été mesuré"),
    ledger_caption: "Décompte du temps du mois",
    ledger_head: ["État", "Durée", "Part du mois", "Durée exacte (ms)"],
    ledger_total: "Mois entier",
    ledger_fraction: |part, whole, rate| {
        format!(
            "Taux minimal\u{a0}: {part}\u{a0}ms ÷ {whole}\u{a0}ms = {rate}, arrondi par défaut."
        )
    },
    class: |class| match class {
        Class::Up => "Disponible",
        Class::Degraded => "Dégradé",
        Class::Down => "Indisponible",
        Class::Unknown => "Non mesuré",
        Class::Credited => "Maintenance créditée",
        Class::Excluded => "Exclu",
        Class::OutOfScope => "Hors engagement",
    },
    class_meaning: |class| match class {
        Class::Up => "compté comme disponible",
        Class::Degraded => "réponse correcte mais lente ou partielle, comptée comme disponible",
        Class::Down => "compté comme indisponible",
        Class::Unknown => "ni disponible ni indisponible",
        Class::Credited => "maintenance programmée, comptée comme disponible",
        Class::Excluded => "retiré du temps compté",
        Class::OutOfScope => "hors raccordement ou hors plage d’ouverture",
    },
    class_future: "À venir",
    windows_caption: "Plages du mois où le Service n’était pas simplement disponible",
    windows_head: ["Début", "Fin", "Durée", "État"],
    days_caption: "Disponibilité par jour",
    days_head: [
        "Jour",
        "Disponibilité minimale",
        "Disponibilité maximale",
        "Indisponibilité",
        "Non mesuré",
        "Exclu ou hors engagement",
        "Marge restante au plus, en fin de jour",
    ],

    section_evolution: "Évolution",
    better: |said| {
        format!(
            "En progression\u{a0}: {} par rapport à {}.",
            said.change,
            month(said.since)
        )
    },
    worse: |said| {
        format!(
            "En recul\u{a0}: {} par rapport à {}.",
            said.change,
            month(said.since)
        )
    },
    stable: |said| {
        format!(
            "Stable par rapport à {} (écart inférieur à 0,05\u{a0}point).",
            month(said.since)
        )
    },
    change_not_shown: |said| {
        format!(
            "Évolution non démontrée par rapport à {}\u{a0}: l’écart entre les taux minimaux ({}) ne dépasse pas l’incertitude due au temps non mesuré.",
            month(said.since),
            said.change
        )
    },
    no_comparison: |of, verdict| {
        let state = match verdict {
            Verdict::NotApplicable => "aucun temps n’était compté",
            Verdict::Met | Verdict::Missed | Verdict::Undetermined => "le résultat est indéterminé",
        };
        format!("Comparaison impossible\u{a0}: pour {}, {state}.", month(of))
    },
    no_previous: "Comparaison impossible\u{a0}: le mois précédent n’a pas été suivi.",
    comparison_after_month: "La comparaison avec le mois précédent sera établie au terme du mois.",
    down_compared: |down, before, since| {
        format!(
            "Indisponibilité constatée\u{a0}: {down}, contre {before} en {}.",
            month(since)
        )
    },
    verdict_count: |n_months, met, missed, undetermined| {
        let months = match n_months {
            12 => "Sur les douze derniers mois".to_owned(),
            1 => "Sur un seul mois suivi".to_owned(),
            n => format!("Sur les {n}\u{a0}derniers mois suivis"),
        };
        format!(
            "{months}\u{a0}: engagement tenu {met}\u{a0}fois, non tenu {missed}\u{a0}fois, indéterminé {undetermined}\u{a0}fois."
        )
    },
    trend_improved: "Sur les trois derniers mois, la disponibilité progresse par rapport aux trois mois précédents, temps non mesuré compris.",
    trend_regressed: "Sur les trois derniers mois, la disponibilité recule par rapport aux trois mois précédents, temps non mesuré compris.",
    trend_not_shown: "Sur les trois derniers mois, les mesures ne démontrent ni progression ni recul par rapport aux trois mois précédents.",
    months_caption: "Résultats des treize derniers mois",
    months_head: [
        "Mois",
        "Disponibilité minimale",
        "Disponibilité maximale",
        "Engagement",
        "Indisponibilité",
        "Non mesuré",
        "Résultat",
    ],
    months_step: "Objectif interne",
    step_in_table: |step, reached| match reached {
        Some(verdict) => format!("{step} ({})", step_verdict(verdict)),
        None => step.to_owned(),
    },
    step_of_month: |step, verdict| {
        format!(
            "Objectif interne du mois ({step})\u{a0}: {}.",
            step_verdict(verdict)
        )
    },
    steps_reached: |n_reached, n_months| {
        format!(
            "Depuis qu’il est déclaré, l’objectif interne a été atteint {n_reached}\u{a0}fois sur {n_months}\u{a0}mois suivis. Il ne change pas le résultat, qui ne dépend que de l’engagement."
        )
    },
    pooled_caption: "Cumul de plusieurs mois (somme des temps)",
    pooled_head: [
        "Période",
        "Disponibilité minimale",
        "Disponibilité maximale",
        "Indisponibilité",
        "Non mesuré",
        "Indisponibilité, écart avec la période précédente",
    ],
    pooled_period: |n_months, first, last| {
        format!("{n_months}\u{a0}mois ({} à {})", month(first), month(last))
    },

    section_incidents: "Indisponibilités et incidents du mois",
    no_incident: "Aucune indisponibilité n’a été constatée.",
    incidents_summary: |n, down| {
        format!(
            "{n}\u{a0}{}, pour une indisponibilité constatée de {down}.",
            plural(n, "incident compté", "incidents comptés")
        )
    },
    incidents_longest: |longest| format!("La plus longue durée comptée est de {longest}."),
    incidents_mean: |mean| format!("Durée moyenne de rétablissement\u{a0}: {mean}."),
    incidents_clipped: "Un incident à cheval sur deux mois n’est compté que pour sa part dans le mois.",
    incidents_worst_day: |day, down| {
        format!("Jour le plus touché\u{a0}: le {} ({down}).", date(day))
    },
    incidents_worst_hour: |day, hour, down| {
        format!(
            "Heure la plus touchée\u{a0}: le {}, de {hour}\u{a0}h à {}\u{a0}h ({down}).",
            date(day),
            hour + 1
        )
    },
    incidents_caption: "Indisponibilités constatées",
    incidents_head: [
        "N°",
        "Début",
        "Fin",
        "Durée",
        "Point d’accès",
        "Constat",
        "Programmée",
        "Comptée",
    ],
    incident_ongoing: "en cours",
    incident_partly: "en partie",
    incident_request: |counts, kind, acceptance, reason| {
        format!(
            "{counts} ({}, demande {}\u{a0}: {reason})",
            exclusion_kind(kind),
            acceptance_said(acceptance)
        )
    },
    incident_month_part: |part| format!("{part} dans le mois"),
    causes_stated: "Les sondes constatent une indisponibilité, non sa cause. Voici ce qu’en dit l’exploitant\u{a0}; cela ne change rien au décompte.",
    cause_stated: |(first, last), why, attribution, by, day| {
        let incidents = match last - first {
            0 => format!("Incident n°\u{a0}{first}"),
            1 => format!("Incidents n°\u{a0}{first} et {last}"),
            _ => format!("Incidents n°\u{a0}{first} à {last}"),
        };
        let attribution = match attribution {
            Attribution::Service => "Imputable au Service.",
            Attribution::DataProvider => "Imputable à un fournisseur de données.",
            Attribution::Host => "Imputable à l’hébergeur.",
            Attribution::Unknown => "Imputation inconnue.",
        };
        format!("{incidents}\u{a0}: {why}. {attribution} Indiqué par {by} le {day}.")
    },
    cause_in_french: ToOwned::to_owned,
    stage,
    fault,
    fault_unknown: "non précisé",
    transient: |ms| {
        format!(
            "Échecs isolés, démentis par le relevé suivant et comptés comme disponibles\u{a0}: {ms}."
        )
    },
    disputed: |ms| {
        format!("Temps pendant lequel les points de mesure se contredisaient\u{a0}: {ms}.")
    },

    section_maintenance: "Maintenances programmées",
    no_maintenance: "Aucune maintenance programmée n’a été annoncée pour ce mois.",
    maintenance_caption: "Maintenances annoncées",
    maintenance_head: [
        "Objet",
        "Concerne",
        "Début prévu",
        "Fin prévue",
        "Préavis",
        "Indisponibilité comptée pendant la plage",
        "Comptée dans l’indisponibilité",
    ],
    whole_service: "tout le Service",
    maintenance_several: |n| format!("{n}\u{a0}plages"),
    maintenance_total: |total| format!("{total} au total"),
    notice_unknown: "non renseigné",
    notice_late: "annoncée après son début",
    treated_counted: "oui",
    treated_excluded: "non, temps exclu",
    treated_credited: "non, temps crédité",
    treated_aside: "sans objet, point d’accès à titre indicatif",
    without_maintenance: |rate| {
        format!("À titre indicatif, le taux hors maintenance programmée serait de {rate}.")
    },
    requests_title: "Autres demandes d’exclusion",
    requests_caption: "Demandes d’exclusion portant sur le mois",
    requests_head: ["Nature", "Début", "Fin", "Motif", "Décision"],
    exclusion_kind,
    acceptance: acceptance_said,

    section_endpoints: "Points d’accès et fournisseurs de données",
    endpoints_note: "Seuls les points d’accès contractuels entrent dans le résultat du mois\u{a0}; les autres figurent à titre indicatif.",
    no_endpoint: "Aucun point d’accès n’est suivi individuellement.",
    endpoints_caption: "Disponibilité par point d’accès",
    endpoints_head: [
        "Point d’accès",
        "Fournisseur",
        "Contractuel",
        "Disponibilité",
        "Indisponibilité",
        "Non mesuré",
        "Incidents",
        "Délai médian",
        "95e centile",
    ],
    retired: "(retiré)",
    latency_caption: "Délai de réponse par jour",
    latency_head: ["Jour", "Médiane", "95e centile", "99e centile"],

    section_usage: "Utilisation du Service",
    no_usage: "Ces données ne sont pas mesurées par cet outil.",
    usage: |calls, good, rate| {
        format!("Appels adressés au Service\u{a0}: {calls}, dont {good} aboutis ({rate}).")
    },
    usage_source: |source| format!("Source\u{a0}: {source}."),
    usage_differs: |rates| {
        format!(
            "Ce taux s’écarte du taux de disponibilité mesuré par les sondes ({rates}). La \
             disponibilité compte du temps, ce taux compte des appels\u{a0}: un appel peut échouer \
             pour une raison propre à la demande, et une panne ne touche que les appels faits \
             pendant qu’elle dure."
        )
    },

    section_actions: "Actions d’amélioration",
    no_action: "Aucune action d’amélioration n’a été déclarée pour ce mois.",
    improvement: |progress, date, what| {
        let state = match progress {
            Progress::Planned => "Prévue",
            Progress::Engaged => "Engagée",
            Progress::Done => "Achevée",
        };
        match date {
            Some(on) => format!("{state} (le {})\u{a0}: {what}", self::date(on)),
            None => format!("{state}\u{a0}: {what}"),
        }
    },
    trajectory: |steps| {
        format!("Trajectoire d’amélioration déclarée, au-delà de l’engagement\u{a0}: {steps}.")
    },
    trajectory_step: |step, from| format!("{step} à partir du {}", date(from)),

    section_method: "Méthode de mesure",
    method_intro: "Cette partie donne ce qu’il faut pour refaire le calcul.",
    method_scope: "Périmètre",
    method_scope_text: |endpoints, rule| format!("{endpoints}. {rule}"),
    rule: |rule, main| match rule {
        Rule::All => {
            "Le Service est disponible lorsque tous les points d’accès contractuels le sont."
                .to_owned()
        }
        Rule::Any => {
            "Le Service est disponible lorsqu’au moins un point d’accès contractuel l’est."
                .to_owned()
        }
        Rule::AtLeast(n) => format!(
            "Le Service est disponible lorsqu’au moins {n}\u{a0}points d’accès contractuels le sont."
        ),
        Rule::Main(_) => format!(
            "Le Service est disponible lorsque le point d’accès «\u{a0}{main}\u{a0}» l’est."
        ),
    },
    method_vantages: "Points de mesure",
    method_vantages_text: |vantages, n, quorum| match n {
        0 | 1 => format!("{vantages}."),
        _ => format!("{vantages}. {quorum}"),
    },
    method_imported: |vantages| {
        format!(
            "Les relevés attribués à {vantages} ont été faits par un autre outil de mesure et repris tels quels\u{a0}; leur source et leur empreinte sont consignées au journal. Ils comptent pour le temps pendant lequel cet outil mesurait."
        )
    },
    quorum: |quorum| match quorum {
        Quorum::Majority => {
            "Une indisponibilité est retenue lorsque plus de la moitié d’entre eux la constatent."
                .to_owned()
        }
        Quorum::AtLeast(n) => format!(
            "Une indisponibilité est retenue lorsque {n} d’entre eux au moins la constatent."
        ),
    },
    method_interval: "Périodicité",
    method_interval_text: |interval, timeout, validity| {
        format!(
            "Intervalle entre deux relevés\u{a0}: {interval}. Délai d’attente d’une réponse\u{a0}: {timeout}. Un relevé vaut jusqu’au suivant, au plus {validity}\u{a0}; au-delà, le temps est non mesuré."
        )
    },
    method_confirmation: "Seuil de confirmation",
    confirmation_none: "Un seul échec suffit\u{a0}: l’indisponibilité court du premier relevé en échec au premier relevé réussi.",
    confirmation_many: |n, within| {
        format!(
            "{n}\u{a0}échecs de suite en {within} au plus\u{a0}: l’indisponibilité court alors du premier d’entre eux au premier relevé réussi."
        )
    },
    minimum_outage: |minimum| {
        format!("Les interruptions de moins de {minimum} ne sont pas comptées.")
    },
    method_slow: "Réponses lentes",
    slow_up: "Une réponse correcte mais lente ou partielle est comptée comme disponible\u{a0}; elle est signalée comme dégradée. Au-delà du délai d’attente de la sonde, elle est comptée comme indisponible.",
    slow_down: "Une réponse lente ou partielle est comptée comme indisponible.",
    method_maintenance: "Maintenance programmée",
    maintenance_counted: "Comptée comme le reste du temps\u{a0}: la convention ne prévoit pas d’exclusion.",
    maintenance_excluded: "Retirée du temps compté lorsqu’elle remplit les conditions de l’engagement.",
    maintenance_credited: "Comptée comme disponible lorsqu’elle remplit les conditions de l’engagement.",
    maintenance_notice: |notice| format!("Préavis d’au moins {notice}."),
    maintenance_cap: |cap| format!("Au plus {cap} par mois."),
    maintenance_hours: "Seulement aux heures prévues par l’engagement.",
    method_unknown: "Temps non mesuré",
    method_unknown_text: |unknown| {
        format!(
            "{unknown} pour ce mois. Il n’est compté ni comme disponible ni comme indisponible\u{a0}: le taux minimal le suppose indisponible, le taux maximal le suppose disponible. L’engagement est dit tenu si le taux minimal l’atteint, non tenu si le taux maximal ne l’atteint pas, indéterminé sinon."
        )
    },
    method_hours: "Plage d’ouverture",
    hours_always: "Permanente, 24\u{a0}heures sur 24 et 7\u{a0}jours sur 7.",
    hours_limited: "Limitée aux heures prévues par l’engagement\u{a0}; le reste est hors engagement.",
    method_rounding: "Arrondi",
    method_rounding_text: "Le résultat est établi sur des millisecondes entières. Les taux sont affichés avec deux décimales arrondies par défaut, les durées à la seconde inférieure\u{a0}: un chiffre affiché ne peut pas contredire le résultat. Dans le décompte du temps, la part du temps disponible est elle aussi arrondie par défaut et les autres parts la complètent, de sorte que leur somme fait 100\u{a0}%\u{a0}; les durées en millisecondes sont exactes.",
    method_resolution: "Résolution",
    method_resolution_text: |interval, bound, deviation| {
        format!(
            "Chaque début et chaque fin d’incident est connu à un intervalle de mesure près ({interval}), soit au plus {bound} sur l’indisponibilité du mois (écart type\u{a0}: {deviation})."
        )
    },
    method_period: "Période",
    method_period_text: "Mois civil entier, de minuit à minuit en heure locale\u{a0}; les changements d’heure allongent ou raccourcissent le mois d’une heure.",
    method_period_assumed: "La convention ne précise pas de période\u{a0}; le mois civil est une lecture de l’exploitant.",
    method_engine: "Moteur de calcul",
    method_evidence: "Empreinte des relevés (SHA-256)",
    method_recompute: "Refaire le calcul",
    method_recompute_text: "Avec le document des relevés de ce mois, la commande suivante redonne les mêmes chiffres.",

    section_contact: "Nous contacter, vos données, accessibilité",
    contact_title: "Nous contacter",
    contact: |name| format!("{name}\u{a0}:"),
    data_title: "Vos données",
    data: |controller, contact, protection| {
        let officer = match protection {
            Some(protection) => {
                format!(", écrire au délégué à la protection des données ({protection})")
            }
            None => String::new(),
        };
        format!(
            "Les coordonnées professionnelles de votre organisme (adresse électronique, fonction) sont traitées par {controller} pour vous communiquer les résultats de disponibilité prévus par la convention. Base légale\u{a0}: mission d’intérêt public (article 6-1-e du RGPD). Elles sont conservées pendant la durée fixée par le cadre légal applicable. Vous pouvez exercer vos droits d’accès, de rectification, d’opposition et de limitation à l’adresse {contact}{officer}, ou saisir la CNIL (www.cnil.fr)."
        )
    },
    accessibility_title: "Accessibilité",
    accessibility: "L’édition HTML de ce rapport en est l’édition de référence. Elle se lit sans image ni couleur\u{a0}: chaque graphique est décrit et ses données figurent dans un tableau. Si une information vous reste inaccessible, écrivez-nous\u{a0}: nous vous la fournirons sous une autre forme.",

    index_title: "Rapports de disponibilité",
    index_text: "Chaque dossier contient le rapport, ses graphiques, ses données et les relevés dont ils sont tirés. Les commandes ci-dessous contrôlent les fichiers d’un dossier et refont le calcul du mois.",
    index_caption: "Rapports établis, le plus récent en premier",
    index_head: [
        "Mois",
        "Service",
        "Rapport",
        "Disponibilité minimale",
        "Résultat",
        "Documents",
    ],
    index_replaced: "(annulé et remplacé)",
    index_files: [
        ("rapport.html", "page web"),
        ("rapport.pdf", "PDF"),
        ("mesures-tableur.csv", "données pour tableur"),
        ("mesures.csv", "données (CSV)"),
        ("statement.json", "résultat (JSON)"),
        ("evidence.json", "relevés (JSON)"),
    ],

    chart_data: "Données du graphique",
    scroll: "défilement horizontal possible",
    axis_from: |floor| format!("L’axe commence à {floor}."),
    chart_calendar: |of| format!("Le mois heure par heure — {of}"),
    chart_calendar_text: |zone| {
        format!(
            "Une ligne par jour, de 0\u{a0}h à 24\u{a0}h ({zone})\u{a0}; les indisponibilités sont les plages les plus sombres."
        )
    },
    chart_daily: |of| format!("Disponibilité par jour — {of}"),
    chart_daily_text: |n_full, n_days, target| {
        format!(
            "{n_full}\u{a0}{} sur {n_days} sans indisponibilité ni temps non mesuré. Le trait marque l’engagement de {target}, qui s’apprécie sur le mois entier.",
            plural(n_full, "jour", "jours")
        )
    },
    chart_nothing_counted: "Aucun temps du mois n’entre dans l’engagement.",
    chart_daily_worst: |day, rate| {
        format!("Jour le plus bas\u{a0}: le {}, {rate} au moins.", date(day))
    },
    chart_budget: |of| format!("Marge d’indisponibilité restante — {of}"),
    chart_budget_text: |allowed, left| {
        format!(
            "La marge part de {allowed} et descend avec chaque indisponibilité\u{a0}; sous zéro, l’engagement n’est pas tenu. En fin de période, {left}."
        )
    },
    chart_budget_band: "si le temps non mesuré était indisponible",
    chart_budget_line: "marge restante",
    chart_budget_pace: "consommation régulière",
    chart_budget_spent: "dépassement",
    chart_trend: |of| format!("Disponibilité sur treize mois — {of}"),
    chart_trend_text: |n_months| {
        format!(
            "{n_months}\u{a0}mois {}\u{a0}; chaque trait vertical va du taux minimal au taux maximal, le palier marque l’engagement.",
            plural(n_months, "suivi", "suivis")
        )
    },
    chart_trend_target: "engagement",
    chart_trend_step: "objectif interne",
    chart_trend_range: "du taux minimal au taux maximal",
    chart_latency: |of| format!("Délai de réponse par jour — {of}"),
    chart_latency_text: |worst| {
        format!(
            "Médiane, 95e et 99e centiles des réponses correctes de chaque jour. 99e centile le plus élevé\u{a0}: {worst}."
        )
    },
    chart_latency_none: "Aucun délai de réponse n’a été relevé.",
    latency_median: "médiane",
    latency_p95: "95e centile",
    latency_p99: "99e centile",
    chart_outages: |of| format!("Chronologie des indisponibilités — {of}"),
    chart_outages_text: |n, longest| {
        format!(
            "{n}\u{a0}{}\u{a0}; la hauteur de chaque barre donne la durée, la plus longue est de {longest}.",
            plural(n, "indisponibilité", "indisponibilités")
        )
    },
    chart_outages_none: "Aucune indisponibilité constatée",
    hour_axis: |hour| format!("{hour}\u{a0}h"),
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

/// Whether an inner step was reached; an agreement in the masculine.
fn step_verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "atteint",
        Verdict::Missed => "non atteint",
        Verdict::Undetermined => "indéterminé",
        Verdict::NotApplicable => "sans objet",
    }
}

fn exclusion_kind(kind: ExclusionKind) -> &'static str {
    match kind {
        ExclusionKind::Maintenance => "maintenance programmée",
        ExclusionKind::ForceMajeure => "force majeure",
        ExclusionKind::PartnerNetwork => "réseau du partenaire",
        ExclusionKind::PartnerRequest => "demande du partenaire",
        ExclusionKind::Correction => "mesure erronée, retirée",
        ExclusionKind::Other => "autre",
    }
}

/// An agreement in the feminine, with "demande".
fn acceptance_said(acceptance: Acceptance) -> &'static str {
    match acceptance {
        Acceptance::Accepted => "acceptée",
        Acceptance::Pending => "en attente",
        Acceptance::Refused => "refusée",
    }
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Auth => "obtention du jeton",
        Stage::Resolve => "résolution du nom",
        Stage::Connect => "connexion",
        Stage::Tls => "négociation TLS",
        Stage::Write => "envoi de la requête",
        Stage::Processing => "attente de la réponse",
        Stage::Transfer => "lecture de la réponse",
    }
}

fn fault(fault: Fault) -> String {
    match fault {
        Fault::Dns => "échec DNS".to_owned(),
        Fault::Connect => "connexion impossible".to_owned(),
        Fault::Timeout(at) => format!("délai dépassé ({})", stage(at)),
        Fault::Tls(kind) => {
            let kind = match kind {
                TlsFault::Expired => "certificat expiré",
                TlsFault::NotYetValid => "certificat pas encore valide",
                TlsFault::WrongHost => "certificat d’un autre nom",
                TlsFault::SelfSigned => "certificat autosigné",
                TlsFault::UnknownAuthority => "autorité inconnue",
                TlsFault::WeakProtocol => "version trop ancienne",
                TlsFault::ClientCertificate => "certificat client exigé",
                TlsFault::Refused => "refus par le service",
                TlsFault::Handshake => "négociation impossible",
            };
            format!("échec TLS ({kind})")
        }
        Fault::Io(at) => format!("connexion rompue ({})", stage(at)),
        Fault::Status(status) => format!("code HTTP\u{a0}{status}"),
        Fault::Content => "contenu inattendu".to_owned(),
        Fault::Redirect => "redirections trop nombreuses ou sans but".to_owned(),
        Fault::RedirectLoop => "redirections en boucle".to_owned(),
        Fault::TooLarge => "réponse trop volumineuse".to_owned(),
        Fault::Maintenance => "maintenance annoncée par le Service".to_owned(),
        Fault::Unspecified => "non précisé".to_owned(),
    }
}
