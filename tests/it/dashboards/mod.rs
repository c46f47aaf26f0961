//! What ops load into Prometheus and Grafana: it names only what the program exports, the runbook
//! knows every alert, and promtool agrees.

mod live;
mod source;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use vigie::metrics::SHAPES;

use crate::metrics::python;

const RULES: &str = include_str!("../../../dashboards/rules/vigie.yml");
const RULE_TESTS: [&str; 3] = [
    include_str!("../../../dashboards/rules/tests/outages.yml"),
    include_str!("../../../dashboards/rules/tests/partial.yml"),
    include_str!("../../../dashboards/rules/tests/month-and-monitoring.yml"),
];
const RUNBOOK: &str = include_str!("../../../docs/runbook.md");
/// Every name that a scrape can show.
fn exported() -> BTreeSet<&'static str> {
    SHAPES.iter().map(|shape| shape.name).collect()
}

/// The series that the rules write.
fn recorded() -> BTreeSet<&'static str> {
    RULES
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- record: "))
        .collect()
}

/// The names of series of ours that a text speaks of.
fn named(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        .map(|word| word.trim_matches(':'))
        .filter(|word| word.contains("vigie_"))
        .collect()
}

/// Complains of each name in `text` that nobody exports or records.
fn check_names(place: &str, text: &str) {
    let (exported, recorded) = (exported(), recorded());
    for name in named(text) {
        let part_of_histogram = ["_bucket", "_count", "_sum"]
            .iter()
            .filter_map(|suffix| name.strip_suffix(suffix))
            .any(|family| exported.contains(family));
        assert!(
            exported.contains(name) || recorded.contains(name) || part_of_histogram,
            "{place} names `{name}`, which is neither exported nor recorded"
        );
    }
}

/// The expressions of a dashboard's panels and variables.
fn expressions(dashboard: &Value) -> Vec<&str> {
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().expect("targets"))
        .map(|target| target["expr"].as_str().expect("an expression"));
    let variables = dashboard["templating"]["list"]
        .as_array()
        .expect("variables")
        .iter()
        .filter(|variable| variable["type"] == "query")
        .map(|variable| variable["query"]["query"].as_str().expect("a query"));
    targets.chain(variables).collect()
}

/// The text of each alert, from its name to the next rule.
fn alerts() -> Vec<(&'static str, &'static str)> {
    RULES
        .split("      - ")
        .filter_map(|rule| rule.strip_prefix("alert: "))
        .map(|rule| rule.split_once('\n').expect("more than a name"))
        .collect()
}

#[test]
fn rules_and_dashboards_name_only_what_exists() {
    let expressions_of_rules: String = RULES
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| [line, "\n"])
        .collect();
    check_names("vigie.yml", &expressions_of_rules);
    for tests in RULE_TESTS {
        check_names("a test of the rules", tests);
    }
    check_names("runbook.md", RUNBOOK);
    for (_, place, dashboard) in source::all() {
        let name = place.display().to_string();
        let expressions = expressions(&dashboard);
        assert!(expressions.len() > 8, "{name} asks too little");
        for expression in expressions {
            assert!(!named(expression).is_empty(), "{name}: {expression}");
            check_names(&name, expression);
        }
    }
}

#[test]
fn every_alert_is_routed_said_in_two_languages_explained_and_tested() {
    let headings: BTreeSet<&str> = RUNBOOK
        .lines()
        .filter_map(|line| line.strip_prefix("## Vigie"))
        .collect();
    let mut names = BTreeSet::new();
    for (alert, rule) in alerts() {
        names.insert(alert.strip_prefix("Vigie").expect("our prefix"));
        let labels = rule
            .lines()
            .find_map(|line| line.trim().strip_prefix("labels: "))
            .expect("labels");
        let is_one_of = |key: &str, values: &[&str]| {
            values
                .iter()
                .any(|value| labels.contains(&format!("{key}: {value}")))
        };
        assert!(
            is_one_of("severity", &["page", "ticket", "info"]),
            "{alert}"
        );
        assert!(is_one_of("owner", &["service", "monitoring"]), "{alert}");
        for summary in ["summary_fr: \"", "summary_en: \""] {
            assert!(rule.contains(summary), "{alert} has no {summary}");
        }
        let link = format!(
            "runbook_url: docs/runbook.md#{}\n",
            alert.to_ascii_lowercase()
        );
        assert!(rule.contains(&link), "{alert} does not link to its section");
        // By its name, or as a row of the table.
        let tier = labels.split("tier: ").nth(1).and_then(|rest| rest.get(..2));
        let is_tested = RULE_TESTS.iter().any(|tests| {
            tests.contains(alert)
                || tier.is_some_and(|tier| tests.contains(&format!("tier=\"{tier}\"")))
        });
        assert!(is_tested, "{alert} has no test");
    }
    assert_eq!(names, headings);
}

#[test]
fn dashboards_import_unchanged() {
    let mut uids = BTreeSet::new();
    for (_, place, dashboard) in source::all() {
        let name = place.display().to_string();
        let name = name.as_str();
        assert!(uids.insert(dashboard["uid"].to_string()), "uid of {name}");
        let variables: BTreeSet<&str> = dashboard["templating"]["list"]
            .as_array()
            .expect("variables")
            .iter()
            .map(|variable| variable["name"].as_str().expect("a name"))
            .collect();
        for expression in expressions(&dashboard) {
            for variable in expression.split('$').skip(1) {
                let end = variable
                    .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                    .unwrap_or(variable.len());
                assert!(
                    variables.contains(&variable[..end]) || variable.starts_with("__"),
                    "{name} has no variable for {expression}"
                );
            }
        }
        assert_no_fixed_datasource(name, &dashboard);
        let mut ids = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for panel in dashboard["panels"].as_array().expect("panels") {
            let title = panel["title"].as_str().expect("a title");
            assert!(ids.insert(panel["id"].as_u64()), "id of {title}");
            let side = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
            assert!(
                side("x") + side("w") <= 24,
                "{title} is wider than the page"
            );
            for x in side("x")..side("x") + side("w") {
                for y in side("y")..side("y") + side("h") {
                    assert!(
                        taken.insert((x, y)),
                        "{title} lies over another panel of {name}"
                    );
                }
            }
            assert!(
                panel["fieldConfig"]["defaults"]["unit"].is_string(),
                "{title}"
            );
        }
    }
}

fn assert_no_fixed_datasource(name: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(datasource) = fields.get("datasource") {
                assert_eq!(datasource["uid"], "${datasource}", "{name}: {value}");
            }
            for field in fields.values() {
                assert_no_fixed_datasource(name, field);
            }
        }
        Value::Array(values) => {
            for value in values {
                assert_no_fixed_datasource(name, value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What Grafana's own types say of dashboards.
fn check_schema(places: &[PathBuf]) -> (bool, String) {
    let output = python()
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/it/dashboards/schema.py"
        ))
        .args(places)
        .output()
        .expect("python runs");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// Grafana's published types know all of it; and they would have found what they do not know.
#[test]
#[ignore = "needs grafana-foundation-sdk: tests/all"]
fn grafana_knows_everything_in_the_dashboards() {
    let places: Vec<PathBuf> = source::all()
        .into_iter()
        .map(|(_, place, _)| place)
        .collect();
    let (content, said) = check_schema(&places);
    assert!(content && said.is_empty(), "{said}");

    let (_, place, _) = &source::all()[0];
    let good = std::fs::read_to_string(place).expect("a dashboard");
    let folder = tempfile::tempdir().expect("a folder");
    let spoiled = folder.path().join("spoiled.json");
    for (right, wrong, complaint) in [
        (
            r#""type": "bargauge""#,
            r#""type": "thermometer""#,
            "`thermometer` is not a kind of panel",
        ),
        (
            r#""colorMode":"#,
            r#""colourMode":"#,
            "`colourMode` is not known",
        ),
        (
            r#""textMode": "value_and_name""#,
            r#""textMode": "loud""#,
            "'loud' is none of",
        ),
        (
            r#""unit": "percentunit""#,
            r#""unit": "percents""#,
            "`percents` is not a unit",
        ),
        (
            r#""lineWidth":"#,
            r#""lineWidht":"#,
            "`lineWidht` is not known",
        ),
        (
            r#""gridPos":"#,
            r#""gridPlace":"#,
            "`gridPlace` is not known",
        ),
    ] {
        assert!(good.contains(right), "{right}");
        std::fs::write(&spoiled, good.replacen(right, wrong, 1)).expect("written");
        let (content, said) = check_schema(std::slice::from_ref(&spoiled));
        assert!(!content && said.contains(complaint), "{wrong}: {said}");
    }
}

fn check_promtool(args: &[&str]) {
    let output = Command::new("promtool")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/dashboards"))
        .args(args)
        .output()
        .expect("promtool runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
}

#[test]
#[ignore = "needs promtool: tests/all"]
fn promtool_accepts_the_configuration() {
    check_promtool(&["check", "config", "prometheus.yml"]);
}

#[test]
#[ignore = "needs promtool: tests/all"]
fn promtool_accepts_the_rules() {
    check_promtool(&["check", "rules", "rules/vigie.yml"]);
}

/// Ten days are played minute by minute, the files side by side.
#[test]
#[ignore = "needs promtool: tests/all"]
fn every_alert_fires_when_it_must_and_ends() {
    std::thread::scope(|scope| {
        for tests in ["outages", "partial", "month-and-monitoring"] {
            let file = format!("rules/tests/{tests}.yml");
            scope.spawn(move || check_promtool(&["test", "rules", &file]));
        }
    });
}

/// The example is one that Alertmanager takes, and leads each alert to whom it is for.
#[test]
#[ignore = "needs prometheus-alertmanager: tests/all"]
fn alerts_are_led_to_whom_they_are_for() {
    let amtool = |args: &[&str]| {
        let output = Command::new("amtool")
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/dashboards"))
            .args(args)
            .output()
            .expect("amtool runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    amtool(&["check-config", "alertmanager.yml"]);
    for (alert, rule) in alerts() {
        let labels = rule
            .lines()
            .find_map(|line| line.trim().strip_prefix("labels: {"))
            .and_then(|labels| labels.strip_suffix('}'))
            .expect("labels");
        let label = |name: &str| {
            let mut pairs = labels.split(", ").filter_map(|pair| pair.split_once(": "));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let expected = match (label("owner"), label("severity")) {
            (_, Some("info")) => "service-information",
            (Some("service"), Some("page")) => "service-pages",
            (Some("service"), Some("ticket")) => "service-tickets",
            (Some("monitoring"), Some("page")) => "monitoring-pages",
            (Some("monitoring"), Some("ticket")) => "monitoring-tickets",
            other => panic!("{alert}: {other:?}"),
        };
        let pairs: Vec<String> = labels
            .split(", ")
            .map(|pair| pair.replace(": ", "="))
            .collect();
        let mut args = vec!["config", "routes", "test", "--config.file=alertmanager.yml"];
        args.extend(pairs.iter().map(String::as_str));
        assert_eq!(amtool(&args), expected, "{alert}");
    }
}
