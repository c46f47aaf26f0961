//! Dashboards are written once, in `dashboards/source`, with every text in both languages.
//!
//! This makes Grafana's JSON of them. A test holds `dashboards/fr` and `dashboards/en` to it, and
//! writes them with `UPDATE_DOCS=1` in the environment.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A language that dashboards are made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    French,
    English,
}

impl Language {
    pub(crate) const ALL: [Self; 2] = [Self::French, Self::English];

    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::French => "fr",
            Self::English => "en",
        }
    }
}

/// A text in both languages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    fr: String,
    en: String,
}

impl Text {
    fn of(&self, language: Language) -> &str {
        match language {
            Language::French => &self.fr,
            Language::English => &self.en,
        }
    }
}

/// A text, or one that both languages share.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Legend {
    Shared(String),
    Each(Text),
}

impl Legend {
    fn of(&self, language: Language) -> &str {
        match self {
            Self::Shared(text) => text,
            Self::Each(text) => text.of(language),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    uid: Text,
    title: Text,
    about: Text,
    /// How far back the dashboard looks at first.
    span: String,
    variable: Vec<Variable>,
    panel: Vec<Panel>,
}

/// A choice above the panels.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    name: String,
    label: Text,
    query: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Panel {
    /// Never changed nor given again: links point to it.
    id: u32,
    kind: Kind,
    /// x, y, width, height; the page is 24 wide.
    at: [u32; 4],
    title: Text,
    help: Text,
    unit: String,
    decimals: Option<u32>,
    min: Option<i64>,
    max: Option<i64>,
    /// Which words stand for its numbers.
    values: Option<Words>,
    /// Grafana's name of a scheme of colours.
    color: Option<String>,
    #[serde(default)]
    style: Style,
    /// What a stat shows, if not value and name.
    text: Option<String>,
    /// What it says when there is nothing to show.
    nothing: Option<Text>,
    /// Of a table: the label that its questions have in common; each is a column.
    join: Option<String>,
    /// Of a table: the labels that become its rows and its columns.
    matrix: Option<[String; 2]>,
    /// Of a table: the labels that it shows, in order.
    columns: Option<Vec<String>>,
    ask: Vec<Ask>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Stat,
    Timeseries,
    Bargauge,
    Table,
    StateTimeline,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Style {
    #[default]
    Line,
    Bars,
    Stacked,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Words {
    Outlook,
    Verdict,
    State,
    Taken,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    expr: String,
    legend: Option<Legend>,
    /// A limit rather than a measurement.
    #[serde(default)]
    dashed: bool,
    /// Of a table: the heading of its column, and its unit if not the panel's.
    name: Option<Text>,
    unit: Option<String>,
}

const GREY: &str = "#8a8a8a";

impl Words {
    /// The words for 0, 1 and so on, each with its colour.
    fn list(self, language: Language) -> &'static [(&'static str, &'static str)] {
        match (self, language) {
            (Self::Outlook, Language::French) => {
                &[("assuré", "green"), ("ouvert", "blue"), ("perdu", "red")]
            }
            (Self::Outlook, Language::English) => {
                &[("secured", "green"), ("open", "blue"), ("lost", "red")]
            }
            (Self::Verdict, Language::French) => &[
                ("sans objet", GREY),
                ("tenu", "green"),
                ("non tenu", "red"),
                ("indéterminé", "orange"),
            ],
            (Self::Verdict, Language::English) => &[
                ("not applicable", GREY),
                ("met", "green"),
                ("missed", "red"),
                ("undetermined", "orange"),
            ],
            (Self::State, Language::French) => &[
                ("inconnu", GREY),
                ("indisponible", "red"),
                ("dégradé", "orange"),
                ("disponible", "green"),
            ],
            (Self::State, Language::English) => &[
                ("unknown", GREY),
                ("down", "red"),
                ("degraded", "orange"),
                ("up", "green"),
            ],
            (Self::Taken, Language::French) => &[("refusée", "red"), ("en vigueur", "green")],
            (Self::Taken, Language::English) => &[("refused", "red"), ("in force", "green")],
        }
    }
}

fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

fn dashboard(source: &Source, language: Language) -> Value {
    let words = |text: &Text| text.of(language).to_owned();
    let mut variables = vec![json!({
        "name": "datasource",
        "label": match language {
            Language::French => "Source",
            Language::English => "Data source",
        },
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "current": {},
    })];
    variables.extend(source.variable.iter().map(|variable| {
        json!({
            "name": variable.name,
            "label": words(&variable.label),
            "type": "query",
            "datasource": datasource(),
            "query": { "query": variable.query, "refId": variable.name },
            "refresh": 2,
            "sort": 1,
            "multi": true,
            "includeAll": true,
            "allValue": ".*",
            "current": {},
        })
    }));
    let panels: Vec<Value> = source
        .panel
        .iter()
        .map(|one| panel(one, language))
        .collect();
    json!({
        "uid": words(&source.uid),
        "title": words(&source.title),
        "description": words(&source.about),
        "tags": ["vigie"],
        "schemaVersion": 38,
        "version": 1,
        "editable": true,
        "timezone": "browser",
        "refresh": "1m",
        "time": { "from": source.span, "to": "now" },
        "annotations": { "list": [] },
        // From each dashboard to the others.
        "links": [{
            "title": "Vigie",
            "type": "dashboards",
            "tags": ["vigie"],
            "icon": "external link",
            "tooltip": "",
            "asDropdown": false,
            "includeVars": true,
            "keepTime": true,
            "targetBlank": false,
        }],
        "templating": { "list": variables },
        "panels": panels,
    })
}

fn panel(panel: &Panel, language: Language) -> Value {
    let [x, y, w, h] = panel.at;
    let mut shown = json!({
        "id": panel.id,
        "type": match panel.kind {
            Kind::Stat => "stat",
            Kind::Timeseries => "timeseries",
            Kind::Bargauge => "bargauge",
            Kind::Table => "table",
            Kind::StateTimeline => "state-timeline",
        },
        "title": panel.title.of(language),
        "description": panel.help.of(language),
        "datasource": datasource(),
        "gridPos": { "x": x, "y": y, "w": w, "h": h },
        "fieldConfig": { "defaults": defaults(panel, language), "overrides": overrides(panel, language) },
        "options": options(panel),
        "targets": targets(panel, language),
    });
    let transformations = transformations(panel);
    if !transformations.is_empty() {
        shown["transformations"] = Value::Array(transformations);
    }
    shown
}

fn defaults(panel: &Panel, language: Language) -> Value {
    let mut defaults = Map::new();
    defaults.insert("unit".to_owned(), json!(panel.unit));
    for (key, value) in [
        ("decimals", panel.decimals.map(|n| json!(n))),
        ("min", panel.min.map(|n| json!(n))),
        ("max", panel.max.map(|n| json!(n))),
        (
            "noValue",
            panel.nothing.as_ref().map(|text| json!(text.of(language))),
        ),
    ] {
        if let Some(value) = value {
            defaults.insert(key.to_owned(), value);
        }
    }
    if let Some(values) = panel.values {
        let words = values.list(language).iter().enumerate();
        let options: Map<String, Value> = words
            .map(|(n, (text, color))| {
                let word = json!({ "text": text, "color": color, "index": n });
                (n.to_string(), word)
            })
            .collect();
        defaults.insert(
            "mappings".to_owned(),
            json!([{ "type": "value", "options": options }]),
        );
    }
    // No limit is typed in here: words bring their colours, limits are series of their own.
    let plain = json!({ "mode": "absolute", "steps": [{ "color": "text", "value": null }] });
    match (&panel.color, panel.kind) {
        (Some(scheme), _) => {
            defaults.insert("color".to_owned(), json!({ "mode": scheme }));
        }
        (None, Kind::Timeseries) => {
            defaults.insert("color".to_owned(), json!({ "mode": "palette-classic" }));
        }
        (None, _) => {
            defaults.insert("color".to_owned(), json!({ "mode": "thresholds" }));
            defaults.insert("thresholds".to_owned(), plain);
        }
    }
    let custom = match (panel.kind, panel.style) {
        (Kind::Timeseries, style) => {
            let mut custom = json!({
                "drawStyle": if style == Style::Bars { "bars" } else { "line" },
                "lineWidth": 2,
                "fillOpacity": match style {
                    Style::Line => 0,
                    Style::Bars => 60,
                    Style::Stacked => 30,
                },
                "showPoints": "never",
                "spanNulls": false,
            });
            if style != Style::Line {
                custom["stacking"] = json!({ "mode": "normal", "group": "A" });
            }
            Some(custom)
        }
        (Kind::StateTimeline, _) => Some(json!({ "fillOpacity": 80, "lineWidth": 0 })),
        (Kind::Table, _) if panel.values.is_some() => {
            Some(json!({ "cellOptions": { "type": "color-text" } }))
        }
        (Kind::Table | Kind::Stat | Kind::Bargauge, _) => None,
    };
    if let Some(custom) = custom {
        defaults.insert("custom".to_owned(), custom);
    }
    Value::Object(defaults)
}

fn overrides(panel: &Panel, language: Language) -> Value {
    let mut overrides = Vec::new();
    for (n, ask) in panel.ask.iter().enumerate() {
        let mut properties = Vec::new();
        if ask.dashed {
            properties.push(json!({
                "id": "custom.lineStyle",
                "value": { "fill": "dash", "dash": [8, 6] },
            }));
        }
        let matcher = match &ask.name {
            // A joined table names its columns by question.
            Some(name) => {
                properties.push(json!({ "id": "displayName", "value": name.of(language) }));
                if let Some(unit) = &ask.unit {
                    properties.push(json!({ "id": "unit", "value": unit }));
                    properties.push(json!({ "id": "decimals", "value": 2 }));
                }
                json!({ "id": "byName", "options": format!("Value #{}", letter(n)) })
            }
            None => json!({ "id": "byFrameRefID", "options": letter(n) }),
        };
        if !properties.is_empty() {
            overrides.push(json!({ "matcher": matcher, "properties": properties }));
        }
    }
    Value::Array(overrides)
}

fn options(panel: &Panel) -> Value {
    let last = json!({ "calcs": ["lastNotNull"], "fields": "", "values": false });
    let legend = json!({ "displayMode": "list", "placement": "bottom", "showLegend": true });
    match panel.kind {
        Kind::Stat => json!({
            "reduceOptions": last,
            "textMode": panel.text.as_deref().unwrap_or("value_and_name"),
            "colorMode": if panel.values.is_some() { "background" } else { "none" },
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
        }),
        Kind::Bargauge => json!({
            "reduceOptions": last,
            "displayMode": "basic",
            "orientation": "horizontal",
            "showUnfilled": true,
        }),
        Kind::Timeseries => json!({
            "legend": legend,
            "tooltip": { "mode": "multi", "sort": "none" },
        }),
        Kind::StateTimeline => json!({
            "mergeValues": true,
            "showValue": "never",
            "rowHeight": 0.8,
            "legend": legend,
            "tooltip": { "mode": "single", "sort": "none" },
        }),
        Kind::Table => json!({ "showHeader": true, "cellHeight": "sm" }),
    }
}

fn targets(panel: &Panel, language: Language) -> Value {
    let targets = panel.ask.iter().enumerate().map(|(n, ask)| {
        let mut target = json!({
            "refId": letter(n),
            "datasource": datasource(),
            "expr": ask.expr,
        });
        if let Some(legend) = &ask.legend {
            target["legendFormat"] = json!(legend.of(language));
        }
        if panel.kind == Kind::Table {
            target["format"] = json!("table");
            target["instant"] = json!(true);
            target["range"] = json!(false);
        }
        target
    });
    targets.collect()
}

fn transformations(panel: &Panel) -> Vec<Value> {
    let mut steps = Vec::new();
    if let Some(label) = &panel.join {
        steps.push(json!({
            "id": "joinByField",
            "options": { "byField": label, "mode": "outer" },
        }));
        steps.push(json!({
            "id": "filterFieldsByName",
            "options": { "include": { "pattern": format!("^({label}|Value #.*)$") } },
        }));
    }
    if let Some([rows, columns]) = &panel.matrix {
        steps.push(json!({
            "id": "groupingToMatrix",
            "options": { "columnField": columns, "rowField": rows, "valueField": "Value" },
        }));
    }
    if let Some(columns) = &panel.columns {
        steps.push(json!({
            "id": "filterFieldsByName",
            "options": { "include": { "names": columns } },
        }));
    }
    steps
}

/// The name of the n-th question of a panel.
fn letter(n: usize) -> String {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    letters.get(n..=n).expect("few questions").to_owned()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/dashboards"))
}

/// Where each dashboard stands, and its JSON.
pub(crate) fn all() -> Vec<(Language, PathBuf, Value)> {
    let mut sources: Vec<PathBuf> = std::fs::read_dir(root().join("source"))
        .expect("dashboards/source")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    sources.sort();
    let mut made = Vec::new();
    for path in sources {
        let text = std::fs::read_to_string(&path).expect("a source");
        let source: Source =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for language in Language::ALL {
            let uid = source.uid.of(language);
            let name = format!("{}.json", uid.strip_prefix("vigie-").unwrap_or(uid));
            let place = root().join(language.folder()).join(name);
            made.push((language, place, dashboard(&source, language)));
        }
    }
    made
}

#[test]
fn dashboards_are_those_of_the_source() {
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let mut places = Vec::new();
    for (_, place, dashboard) in all() {
        let json = serde_json::to_string_pretty(&dashboard).expect("JSON") + "\n";
        if update {
            std::fs::write(&place, &json).expect("a place to write to");
        }
        let written = std::fs::read_to_string(&place).unwrap_or_default();
        assert!(
            written == json,
            "{} is not what its source says: run this test with UPDATE_DOCS=1",
            place.display()
        );
        places.push(place);
    }
    for language in Language::ALL {
        for entry in std::fs::read_dir(root().join(language.folder())).expect("a folder") {
            let place = entry.expect("an entry").path();
            assert!(places.contains(&place), "{} has no source", place.display());
        }
    }
}
