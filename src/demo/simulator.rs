//! Both APIs on loopback: API Particulier in clear, API droits CNAM over TLS with a certificate
//! of a private authority that is made at start.
//!
//! A [`Scenario`] says what goes wrong, where and when, so that the demo shows life.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{Datelike, NaiveTime, Weekday};
use chrono_tz::Tz;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::DemoError;
use super::apis::{self, Answer, Api, Call};
use crate::clock::Clock;
use crate::sla::window::{DayRange, HOUR_MS, MINUTE_MS, SECOND_MS, Timestamp, WeeklyHours, Window};

/// More connections wait until one ends.
const CONNECTIONS_MAX: usize = 256;
/// How long the simulator's certificate lasts, in milliseconds: long enough for a demo, short
/// enough to be seen on a dashboard.
const CERTIFICATE_MS: i64 = 60 * 24 * HOUR_MS;

/// What goes wrong. Of several cues for one path, the first that holds acts.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    /// In order of precedence.
    pub cues: Vec<Cue>,
}

/// What one path does at some times.
#[derive(Clone, Debug)]
pub struct Cue {
    /// The path, without query.
    pub path: &'static str,
    /// When.
    pub when: When,
    /// What.
    pub act: Act,
}

/// When a cue holds.
#[derive(Clone, Debug)]
pub enum When {
    /// At any time.
    Always,
    /// For `for_ms` from `from_ms` after every multiple of `period_ms` since the epoch.
    Every {
        /// The length of the cycle, in milliseconds, at least 1.
        period_ms: i64,
        /// Where in the cycle it begins, in milliseconds.
        from_ms: i64,
        /// How long it lasts, in milliseconds; not beyond the end of the cycle.
        for_ms: i64,
    },
    /// At these hours of the week.
    Hours(WeeklyHours),
    /// Once.
    During(Window),
}

/// What happens instead of the usual answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The usual answer, this many milliseconds late.
    Slow(u64),
    /// This answer.
    Answer(Answer),
    /// The ping says `bad_gateway`, with 502.
    BadGateway,
    /// The ping says `maintenance`, with 200, until the cue ends.
    Maintenance,
    /// The ping says `unknown`, with 200.
    Unknown,
    /// Nothing, and the connection stays open.
    Hang,
    /// The connection is closed without an answer.
    Close,
}

impl Scenario {
    /// Nothing goes wrong.
    pub fn quiet() -> Self {
        Self::default()
    }

    /// What the demo shows. The contractual entries stay up, so that a demo that runs for long
    /// does not spoil its running month.
    pub fn demo() -> Self {
        let every = |period_min: i64, from_min: i64, for_min: i64| When::Every {
            period_ms: period_min * MINUTE_MS,
            from_ms: from_min * MINUTE_MS,
            for_ms: for_min * MINUTE_MS,
        };
        let cue = |path, when, act| Cue { path, when, act };
        Self {
            cues: vec![
                cue(
                    "/api/cnous_etudiant_boursier_ine/ping",
                    every(20, 5, 3),
                    Act::Answer(Answer::cnous_unavailable()),
                ),
                cue(
                    "/api/securite_sociale_complementaire_sante_solidaire/ping",
                    every(30, 10, 8),
                    Act::Slow(2_400),
                ),
                cue(
                    "/api/pole_emploi_status/ping",
                    every(60, 12, 9),
                    Act::Unknown,
                ),
                cue(
                    "/api/men_scolarite/ping",
                    When::Hours(men_maintenance_hours()),
                    Act::Maintenance,
                ),
                cue(
                    "/api/cnaf_msa_quotient_familial/ping",
                    every(180, 90, 12),
                    Act::Answer(Answer::html_maintenance()),
                ),
                cue("/api/franceconnect/ping", every(240, 200, 4), Act::Close),
                cue(
                    "/api/mesri_statut_etudiant_ine/ping",
                    every(360, 300, 6),
                    Act::Hang,
                ),
            ],
        }
    }
}

/// The daily window of MEN: 01:10 to 02:30 in Paris.
pub(super) fn men_maintenance_hours() -> WeeklyHours {
    const FROM: NaiveTime = NaiveTime::from_hms_opt(1, 10, 0).expect("a time of day");
    const TO: NaiveTime = NaiveTime::from_hms_opt(2, 30, 0).expect("a time of day");
    let mut day = Weekday::Mon;
    let ranges = std::iter::repeat_with(|| {
        day = day.succ();
        DayRange {
            day,
            from: FROM,
            to: TO,
        }
    });
    WeeklyHours {
        zone: Tz::Europe__Paris,
        ranges: ranges.take(7).collect(),
    }
}

impl When {
    /// If it holds at `now`, until when.
    fn until(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Always => Some(Timestamp::MAX),
            Self::Every {
                period_ms,
                from_ms,
                for_ms,
            } => {
                let cycle = now.plus_ms(-now.unix_ms().rem_euclid(*period_ms));
                let from = cycle.plus_ms(*from_ms);
                let window = Window::between(from, from.plus_ms(*for_ms))?;
                window.contains(now).then_some(window.end())
            }
            Self::Hours(hours) => {
                let around = Window::between(now.plus_ms(-24 * HOUR_MS), now.plus_ms(24 * HOUR_MS));
                let hours = hours.within(around?);
                let holding = hours.iter().find(|window| window.contains(now))?;
                Some(holding.end())
            }
            Self::During(window) => window.contains(now).then_some(window.end()),
        }
    }
}

/// Both APIs, answering until this is dropped.
#[derive(Debug)]
pub struct Simulator {
    /// Where API Particulier answers, in clear.
    pub particulier: SocketAddr,
    /// Where API droits CNAM answers, over TLS.
    pub droits_cnam: SocketAddr,
    /// The certificate of the authority that signed API droits CNAM's, as PEM.
    pub ca_pem: String,
    tasks: [AbortHandle; 2],
}

impl Drop for Simulator {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Starts both APIs on free ports of 127.0.0.1.
///
/// # Errors
/// No port, or no certificate.
pub async fn start(scenario: Scenario, clock: Clock) -> Result<Simulator, DemoError> {
    let certificates = Certificates::new(clock.now())?;
    let listen = async || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    let (clear, particulier) = listen().await.map_err(DemoError::Listen)?;
    let (tls, droits_cnam) = listen().await.map_err(DemoError::Listen)?;
    let scene = Arc::new(Scene {
        scenario,
        clock,
        n_requests: AtomicU64::new(0),
        calls: Mutex::new((0, 0)),
        pings: Mutex::default(),
    });
    let tasks = [
        tokio::spawn(accept(clear, None, Api::Particulier, Arc::clone(&scene))).abort_handle(),
        tokio::spawn(accept(
            tls,
            Some(certificates.acceptor),
            Api::DroitsCnam,
            scene,
        ))
        .abort_handle(),
    ];
    Ok(Simulator {
        particulier,
        droits_cnam,
        ca_pem: certificates.ca_pem,
        tasks,
    })
}

struct Certificates {
    ca_pem: String,
    acceptor: TlsAcceptor,
}

impl Certificates {
    fn new(now: Timestamp) -> Result<Self, DemoError> {
        let day = |ms: i64| {
            let date = now.plus_ms(ms).to_utc();
            let part = |number: u32| u8::try_from(number).unwrap_or(1);
            rcgen::date_time_ymd(date.year(), part(date.month()), part(date.day()))
        };
        let mut ca = CertificateParams::new(Vec::new())?;
        ca.distinguished_name
            .push(DnType::CommonName, "Vigie demonstration authority");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        ca.not_before = day(-24 * HOUR_MS);
        ca.not_after = day(10 * CERTIFICATE_MS);
        let ca_key = KeyPair::generate()?;
        let ca_pem = ca.self_signed(&ca_key)?.pem();

        let names = ["localhost", "127.0.0.1", "droits-cnam.example"];
        let mut leaf = CertificateParams::new(names.map(str::to_owned))?;
        leaf.distinguished_name
            .push(DnType::CommonName, "droits-cnam.example");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        leaf.not_before = day(-24 * HOUR_MS);
        leaf.not_after = day(CERTIFICATE_MS);
        let key = KeyPair::generate()?;
        let certificate = leaf.signed_by(&key, &Issuer::new(ca, ca_key))?;

        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            ca_pem,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }
}

/// What all connections share.
struct Scene {
    scenario: Scenario,
    clock: Clock,
    n_requests: AtomicU64,
    /// The second of the last data call, and how many there were in it.
    calls: Mutex<(i64, u32)>,
    /// When the `ok` of a ping that is repeated was found, by path.
    pings: Mutex<HashMap<String, Timestamp>>,
}

/// Serves connections until the task is aborted; they end with it.
async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, api: Api, scene: Arc<Scene>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(connection(stream, tls.clone(), api, Arc::clone(&scene)));
                    }
                    // Out of file descriptors, most likely: others must end first.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, api: Api, scene: Arc<Scene>) {
    match tls {
        None => serve(stream, api, scene).await,
        Some(tls) => {
            // A client that does not trust us ends the handshake; that is its affair.
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, api, scene).await;
            }
        }
    }
}

async fn serve<S>(stream: S, api: Api, scene: Arc<Scene>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let scene = Arc::clone(&scene);
        async move { scene.respond(api, &request).await }
    });
    // The client's way to end a connection is its affair, too.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Makes hyper close the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the scenario closes this connection")]
struct Closed;

impl Scene {
    async fn respond(
        &self,
        api: Api,
        request: &Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Closed> {
        let now = self.clock.now();
        let path = request.uri().path();
        let call = || Call {
            path,
            query: request.uri().query().unwrap_or_default(),
            token: token(request),
            now,
            looked: self.looked(path, now),
            calls_before: self.calls_before(path, now),
        };
        let answer = if request.method() == Method::GET || request.method() == Method::HEAD {
            let usual = || apis::usual(api, &call());
            let act = self.act(path, now);
            if act.is_some_and(|(act, _)| !matches!(act, Act::Slow(_))) {
                self.forget(path);
            }
            match act {
                None => usual(),
                Some((Act::Slow(delay_ms), _)) => {
                    tokio::time::sleep(Duration::from_millis(*delay_ms)).await;
                    usual()
                }
                Some((Act::Answer(answer), _)) => answer.clone(),
                Some((Act::BadGateway, _)) => Answer::bad_gateway(now),
                Some((Act::Maintenance, until)) => Answer::maintenance(now, until),
                Some((Act::Unknown, _)) => Answer::unknown(now),
                Some((Act::Hang, _)) => std::future::pending().await,
                Some((Act::Close, _)) => return Err(Closed),
            }
        } else {
            Answer::method_not_allowed()
        };
        let mut response = Response::builder()
            .status(answer.status)
            .header("Content-Type", answer.content_type)
            .header("X-Request-ID", self.request_id());
        for (name, value) in &answer.headers {
            response = response.header(*name, value);
        }
        // Statuses and headers come from our own tables, so this cannot fail.
        response
            .body(Full::new(Bytes::from(answer.body)))
            .map_err(|_| Closed)
    }

    fn act(&self, path: &str, now: Timestamp) -> Option<(&Act, Timestamp)> {
        self.scenario
            .cues
            .iter()
            .filter(|cue| cue.path == path)
            .find_map(|cue| Some((&cue.act, cue.when.until(now)?)))
    }

    /// When the provider behind a ping was last looked at: now, unless a good answer is repeated.
    fn looked(&self, path: &str, now: Timestamp) -> Timestamp {
        let Some(cache_ms) = apis::ping_cache_ms(path) else {
            return now;
        };
        let mut pings = self.pings.lock().unwrap_or_else(PoisonError::into_inner);
        let looked = pings.entry(path.to_owned()).or_insert(now);
        if !(0..cache_ms).contains(&now.since(*looked)) {
            *looked = now;
        }
        *looked
    }

    /// Only good answers are repeated: after any other, the provider is looked at anew.
    fn forget(&self, path: &str) {
        let mut pings = self.pings.lock().unwrap_or_else(PoisonError::into_inner);
        pings.remove(path);
    }

    /// How many data calls came before this one in the same second.
    fn calls_before(&self, path: &str, now: Timestamp) -> u32 {
        if !apis::is_data_route(path) {
            return 0;
        }
        let second = now.unix_ms().div_euclid(SECOND_MS);
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.0 != second {
            *calls = (second, 0);
        }
        calls.1 += 1;
        calls.1 - 1
    }

    /// The form of a UUID, and different for every request.
    fn request_id(&self) -> String {
        let n = self.n_requests.fetch_add(1, Ordering::Relaxed);
        let (left, right) = (super::mix(n), super::mix(!n));
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            left >> 32,
            left >> 16 & 0xffff,
            left & 0xfff,
            right >> 48 & 0xfff,
            right & 0xffff_ffff_ffff,
        )
    }
}

fn token(request: &Request<Incoming>) -> Option<&str> {
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "))
        .or_else(|| header("x-api-key"))
}
