//! How long the month-end takes for many partners of one service:
//! `cargo bench --bench close -- 5000`.
//!
//! One endpoint asked every minute for a month with a few outages; every tenth partner joined
//! during the month. The month is closed (settled, saved, rendered, written, synced) and its
//! letters are handed to a mailer that keeps them in a folder. Told are the wall clock, the
//! processor time of the process and its largest resident set.

use std::fmt::Write as _;
use std::path::Path;

use vigie::app::close::{Kind, Order, close};
use vigie::app::letters::{Post, send_due};
use vigie::clock::Clock;
use vigie::config;
use vigie::mail::{Mailer, Sender};
use vigie::sla::catalog::{EndpointId, VantageId};
use vigie::sla::observation::{Fault, Finding, Observation, Outcome, Trace};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, Month};
use vigie::store::Store;

fn main() {
    let n_partners = std::env::args()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(200);
    let directory = tempfile::tempdir().expect("a temporary folder");
    let file = directory.path().join("vigie.toml");
    std::fs::create_dir(directory.path().join("letters")).expect("a folder");
    std::fs::write(&file, installation(n_partners)).expect("a file");
    let config = config::load(&file).unwrap_or_else(|error| panic!("{error}"));
    let mut store = Store::open(&config.store).expect("a new store");
    store.append(&findings()).expect("a store that writes");

    let before = Used::now();
    let order = Order {
        month: "2025-10",
        partner: None,
        service: None,
        kind: Kind::Final,
        who: "bench",
    };
    let closed = close(
        &config,
        &mut store,
        Clock::System.now(),
        &order,
        &mut |_| {},
    );
    assert_eq!(closed.expect("a month to close").len(), n_partners);
    before.tell(&format!("{n_partners} partners closed and rendered"));

    let before = Used::now();
    let sender = Sender::from_config(&config.mail).expect("a sender");
    let mut mailer = Mailer::new(&config.mail)
        .expect("a folder")
        .expect("a mailer");
    let post = Post {
        catalog: &config.catalog,
        sender: &sender,
        reports: &config.reports.directory,
        who: "bench",
    };
    let round = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(send_due(
            &mut store,
            &mut mailer,
            post,
            &Clock::System,
            &|| true,
        ));
    assert_eq!(round.expect("a store that writes").sent, n_partners);
    before.tell(&format!("{n_partners} letters handed over"));
}

fn installation(n_partners: usize) -> String {
    let mut text = r#"
[provider]
name = "Operator"
contact = "api@operator.example"
[vantage]
id = "bench"
[store]
path = "vigie.db"
[reports]
directory = "reports"
[mail]
folder = "letters"
[[service]]
id = "service"
name = "Service"
[[service.endpoint]]
id = "entrance"
label = "Entrance"
contractual = true
interval = "60s"
[service.endpoint.http]
url = "http://127.0.0.1:9/"
[[service.commitment]]
quote = "Le Service est accessible à 95 %."
reference = "Convention, article 3"
target = "95 %"
from = 2019-01-01
zone = "Europe/Paris"
period = "text"
"#
    .to_owned();
    for number in 0..n_partners {
        let from = if number % 10 == 9 {
            format!("2025-10-{:02}", 2 + number / 10 % 28)
        } else {
            "2024-01-01".to_owned()
        };
        let _ = write!(
            text,
            "[[partner]]\nid = \"p{number}\"\nname = \"Commune n° {number}\"\nlanguage = \"fr\"\n\
             contacts = [\"api@p{number}.example\"]\n[[partner.membership]]\nservice = \"service\"\n\
             from = {from}\n"
        );
    }
    text
}

/// A minute apart; Down for two hours on every fifth day.
fn findings() -> Vec<Finding> {
    let month = Month::parse("2025-10", chrono_tz::Tz::Europe__Paris).expect("a month");
    let start = month.window().start().plus_ms(-24 * HOUR_MS);
    let n_minutes = (month.window().length_ms() + 26 * HOUR_MS) / MINUTE_MS;
    (0..n_minutes)
        .map(|minute| {
            let tick = start.plus_ms(minute * MINUTE_MS);
            let is_down = (minute / 1_440) % 5 == 2 && minute % 1_440 < 120;
            Finding {
                endpoint: EndpointId::new("entrance").expect("an id"),
                vantage: VantageId::new("bench").expect("an id"),
                observation: Observation {
                    tick,
                    at: tick.plus_ms(minute * 37 % 200),
                    outcome: if is_down {
                        Outcome::Failed(Fault::Status(503))
                    } else {
                        Outcome::Answered {
                            latency_us: 60_000 + u32::try_from(minute * 31 % 90_000).unwrap_or(0),
                            partial: false,
                        }
                    },
                },
                trace: Trace::default(),
            }
        })
        .collect()
}

/// What the process has used until now.
struct Used {
    wall_s: f64,
    cpu_s: f64,
}

impl Used {
    fn now() -> Self {
        let read = |path: &str| std::fs::read_to_string(Path::new(path)).unwrap_or_default();
        let first = |text: &str| text.split(' ').next().and_then(|one| one.parse().ok());
        let stat = read("/proc/self/stat");
        // After the name of the program, which may hold spaces: fields 14 and 15 of all, in
        // hundredths of a second.
        let fields = stat.rsplit(") ").next().unwrap_or_default();
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks: f64 = ticks.filter_map(|one| one.parse::<f64>().ok()).sum();
        Self {
            wall_s: first(&read("/proc/uptime")).unwrap_or(0.0),
            cpu_s: ticks / 100.0,
        }
    }

    fn tell(&self, what: &str) {
        let now = Self::now();
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        println!(
            "{what}: {:.1} s by the wall clock, {:.1} s of processor time, at most {} resident",
            now.wall_s - self.wall_s,
            now.cpu_s - self.cpu_s,
            peak.unwrap_or("?").trim()
        );
    }
}
