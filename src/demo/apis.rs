//! What the two APIs answer: their paths, bodies, statuses and quirks, with fictitious data.
//!
//! Pure: the simulator serves these answers, late or not at all if its scenario says so.

use chrono::SecondsFormat;
use chrono_tz::Tz;
use serde_json::json;

use crate::sla::window::{MINUTE_MS, SECOND_MS, Timestamp};

/// The token that the simulator accepts; it opens nothing anywhere.
pub const TOKEN: &str = "jeton-de-demonstration";
/// A token whose eighteen months are over.
pub const EXPIRED_TOKEN: &str = "jeton-de-demonstration-expire";
/// Calls of data routes per second and token, as the real API allows.
pub const CALLS_PER_SECOND: u32 = 20;

const ZONE: Tz = Tz::Europe__Paris;
const JSON: &str = "application/json; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Providers with a ping route, and for how many minutes the API caches an `ok`: an outage of a
/// CNAF route can stay invisible for half an hour.
const PINGS: [(&str, i64); 21] = [
    ("ants", 5),
    ("cnaf_msa_allocation_adulte_handicape", 30),
    ("cnaf_msa_allocation_soutien_familial", 30),
    ("cnaf_msa_participation_familiale_eaje", 30),
    ("cnaf_msa_prime_activite", 30),
    ("cnaf_msa_quotient_familial", 30),
    ("cnaf_msa_revenu_solidarite_active", 30),
    ("cnav_allocation_enfant_handicape", 30),
    ("cnous_etudiant_boursier_france_connect", 2),
    ("cnous_etudiant_boursier_identite", 2),
    ("cnous_etudiant_boursier_ine", 2),
    ("dsnj_service_national", 2),
    ("franceconnect", 2),
    ("insee_metadonnees", 2),
    ("men_scolarite", 15),
    ("mesri_statut_etudiant_identite", 2),
    ("mesri_statut_etudiant_ine", 2),
    ("pole_emploi_indemnites", 2),
    ("pole_emploi_status", 2),
    ("sdh_statut_sportif", 2),
    ("securite_sociale_complementaire_sante_solidaire", 30),
];

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// API Particulier.
    Particulier,
    /// API droits CNAM.
    DroitsCnam,
}

/// What of a request, and of those before it, decides the answer.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Without the query.
    pub path: &'a str,
    /// After the question mark.
    pub query: &'a str,
    /// From `Authorization: Bearer` or `X-Api-Key`.
    pub token: Option<&'a str>,
    /// When it came.
    pub now: Timestamp,
    /// When the state of the provider behind this ping was last looked at; at most `now`.
    pub looked: Timestamp,
    /// How many data calls came before this one in the same second.
    pub calls_before: u32,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Media type of the body.
    pub content_type: &'static str,
    /// Other headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    fn json(status: u16, body: &serde_json::Value) -> Self {
        Self {
            status,
            content_type: JSON,
            headers: Vec::new(),
            body: body.to_string(),
        }
    }

    fn text(status: u16, body: &str) -> Self {
        Self {
            status,
            content_type: TEXT,
            headers: Vec::new(),
            body: body.to_owned(),
        }
    }

    fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// A ping whose provider fails: 502.
    pub fn bad_gateway(now: Timestamp) -> Self {
        let last_ok = now.plus_ms(-7 * MINUTE_MS);
        Self::json(502, &ping("bad_gateway", now, last_ok))
    }

    /// A ping in a planned window: **200**, and not available.
    pub fn maintenance(now: Timestamp, until: Timestamp) -> Self {
        let mut body = ping("maintenance", now, now.plus_ms(-MINUTE_MS));
        body["until"] = json!(local(until));
        Self::json(200, &body)
    }

    /// A ping without enough data: **200**, and says nothing.
    pub fn unknown(now: Timestamp) -> Self {
        let last_ok = now.plus_ms(-15 * MINUTE_MS);
        Self::json(200, &ping("unknown", now, last_ok))
    }

    /// A page for people where a machine expects JSON, with status 200.
    pub fn html_maintenance() -> Self {
        Self {
            status: 200,
            content_type: HTML,
            headers: Vec::new(),
            body: "<!doctype html>\n<html lang=\"fr\"><head><title>Maintenance</title></head>\
                   <body><h1>Service momentanément indisponible</h1>\
                   <p>Une opération de maintenance est en cours.</p></body></html>\n"
                .to_owned(),
        }
    }

    /// An error of a data provider, in the form of v3; `code` tells provider and cause
    /// (`35000`: CNAF & MSA, internal error).
    pub fn provider_error(
        status: u16,
        code: &str,
        title: &str,
        detail: &str,
        provider: &str,
        retry_in_s: Option<u32>,
    ) -> Self {
        let mut meta = json!({ "provider": provider });
        if let Some(retry_in_s) = retry_in_s {
            meta["retry_in"] = json!(retry_in_s);
        }
        Self::errors(status, code, title, detail, &meta)
    }

    /// CNAV did not answer within ten seconds: 504, `37002`.
    pub fn cnav_timeout() -> Self {
        Self::provider_error(
            504,
            "37002",
            "Intermédiaire hors-délai",
            "Temps d’attente d’une réponse du fournisseur de données écoulé.",
            "CNAV",
            None,
        )
    }

    /// MEN is in its planned window: 503, `30020`.
    pub fn men_maintenance() -> Self {
        Self::provider_error(
            503,
            "30020",
            "Maintenance du fournisseur de données",
            "Le fournisseur de données est en maintenance de 01:10 à 02:30",
            "MEN",
            Some(3_120),
        )
    }

    /// CNAF and MSA answered with an error of their own: 502, `35000`.
    pub fn cnaf_error() -> Self {
        Self::provider_error(
            502,
            "35000",
            "Erreur inconnue du fournisseur de données",
            "La réponse retournée par le fournisseur de données est invalide et inconnue de notre service.",
            "CNAF & MSA",
            None,
        )
    }

    /// CNOUS is out of reach: 502, `26001`.
    pub fn cnous_unavailable() -> Self {
        Self::provider_error(
            502,
            "26001",
            "Service non disponible",
            "Le service du fournisseur de données est temporairement indisponible.",
            "CNOUS",
            None,
        )
    }

    /// A provider error in the flat form of v2: 503.
    pub fn v2_network_error() -> Self {
        let body = json!({
            "error": "network_error",
            "reason": "timeout of 10000 ms exceeded",
            "message": "Une erreur est survenue lors de l'appel au fournisseur de donnée",
        });
        Self::json(503, &body)
    }

    /// An expired token: 401, `00103`.
    pub fn token_expired() -> Self {
        Self::errors(
            401,
            "00103",
            "Jeton expiré",
            "Votre jeton d'accès a expiré.",
            &json!({}),
        )
    }

    /// Too many calls: 429.
    pub fn too_many_requests(retry_after_s: u32) -> Self {
        Self::errors(
            429,
            "00429",
            "Trop de requêtes",
            "Vous avez effectué trop de requêtes.",
            &json!({ "retry_in": retry_after_s }),
        )
        .with("Retry-After", retry_after_s)
    }

    /// The simulator only knows `GET` and `HEAD`: 405.
    pub fn method_not_allowed() -> Self {
        Self::json(405, &json!({ "error": "method_not_allowed" })).with("Allow", "GET, HEAD")
    }

    fn errors(
        status: u16,
        code: &str,
        title: &str,
        detail: &str,
        meta: &serde_json::Value,
    ) -> Self {
        let error =
            json!({ "code": code, "title": title, "detail": detail, "source": null, "meta": meta });
        Self::json(status, &json!({ "errors": [error] }))
    }
}

/// What `api` answers when nothing is wrong.
pub fn usual(api: Api, call: &Call<'_>) -> Answer {
    match api {
        Api::Particulier => particulier(call),
        Api::DroitsCnam => droits_cnam(call),
    }
}

/// Whether a path of API Particulier is a data route: its calls are counted against the limit.
pub fn is_data_route(path: &str) -> bool {
    path.starts_with("/v3/") || path.starts_with("/api/v2/")
}

/// For how many milliseconds the ping at this path repeats an `ok`; nothing if there is none.
pub fn ping_cache_ms(path: &str) -> Option<i64> {
    let id = path.strip_prefix("/api/")?.strip_suffix("/ping")?;
    let (_, cached_min) = PINGS.iter().find(|(known, _)| *known == id)?;
    Some(cached_min * MINUTE_MS)
}

fn particulier(call: &Call<'_>) -> Answer {
    if is_data_route(call.path) {
        return limited(data_route(call), call.now, call.calls_before);
    }
    match call.path {
        "/api/ping" => Answer::json(200, &ping("ok", call.now, call.now)),
        "/api/pings" => {
            let all: Vec<_> = PINGS
                .iter()
                .map(|(id, _)| json!({ "name": id, "url": format!("/api/{id}/ping") }))
                .collect();
            Answer::json(200, &json!(all))
        }
        "/api/impots/svair" => Answer::errors(
            410,
            "27007",
            "Ressource retirée",
            "Cette API n'est plus disponible depuis le 08/01/2024.",
            &json!({ "provider": "DGFIP" }),
        ),
        path if ping_cache_ms(path).is_some() => {
            Answer::json(200, &ping("ok", call.looked, call.looked))
                .with("X-Response-Cached", call.looked != call.now)
        }
        _ => Answer::json(404, &json!({})),
    }
}

fn data_route(call: &Call<'_>) -> Answer {
    let has_ine = call
        .query
        .split('&')
        .any(|pair| pair.strip_prefix("ine=").is_some_and(|ine| !ine.is_empty()));
    match call.token {
        Some(EXPIRED_TOKEN) => return Answer::token_expired(),
        Some(TOKEN) => {}
        Some(_) | None => {
            return Answer::errors(
                401,
                "00101",
                "Jeton non valide ou non renseigné",
                "Votre jeton d'accès n'est pas valide ou n'est pas renseigné.",
                &json!({}),
            );
        }
    }
    match call.path {
        "/v3/mesri/statut_etudiant/ine" if has_ine => Answer::errors(
            404,
            "25003",
            "Dossier étudiant absent",
            "Aucun étudiant n'a pu être trouvé avec les critères de recherche fournis.",
            &json!({ "provider": "MESRI" }),
        ),
        "/v3/mesri/statut_etudiant/ine" => Answer::errors(
            422,
            "00401",
            "Entité non traitable",
            "Le paramètre ine n'est pas renseigné.",
            &json!({}),
        ),
        "/api/v2/etudiants" => Answer::json(
            404,
            &json!({
                "error": "not_found",
                "reason": "Student not found",
                "message": "Aucun étudiant n'a pu être trouvé avec les critères de recherche fournis",
            }),
        ),
        _ => Answer::json(404, &json!({})),
    }
}

/// Adds what the API says about its limit, or refuses.
fn limited(answer: Answer, now: Timestamp, calls_before: u32) -> Answer {
    let remaining = CALLS_PER_SECOND.saturating_sub(calls_before + 1);
    let answer = if calls_before < CALLS_PER_SECOND {
        answer
    } else {
        Answer::too_many_requests(1)
    };
    answer
        .with("RateLimit-Limit", CALLS_PER_SECOND)
        .with("RateLimit-Remaining", remaining)
        .with("RateLimit-Reset", now.unix_ms().div_euclid(SECOND_MS) + 1)
}

fn droits_cnam(call: &Call<'_>) -> Answer {
    match call.path {
        // Every call is refused: a real answer needs a real person's FranceConnect token.
        "/v1/droits/beneficiaires/me" => Answer::json(
            401,
            &json!({
                "error": "invalid_token",
                "error_description": "Jeton FranceConnect absent ou invalide",
            }),
        )
        .with("WWW-Authenticate", "Bearer realm=\"droits\""),
        // Invented: the real API publishes no health route.
        "/v1/sante" => Answer::text(200, "ok"),
        _ => Answer::json(404, &json!({ "error": "not_found" })),
    }
}

fn ping(status: &str, last_update: Timestamp, last_ok: Timestamp) -> serde_json::Value {
    json!({
        "status": status,
        "last_update": local(last_update),
        "last_ok_status": local(last_ok),
    })
}

fn local(at: Timestamp) -> String {
    at.to_local(ZONE)
        .to_rfc3339_opts(SecondsFormat::Millis, false)
}
