//! The files that come with the program, and the reference page: every key, none too many.

use super::*;

/// What a line that is commented out as `#key = …` or `#[table]` would say.
fn commented_in(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('#')?;
    rest.starts_with(|first: char| first.is_ascii_lowercase() || first == '[')
        .then_some(rest)
}

/// The dotted paths of every key of `table`; what is under `headers` and `labels` has free
/// names.
fn paths(table: &toml::Table, prefix: &str, found: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = match (prefix, key) {
            ("", key) => key.clone(),
            (prefix, _) if prefix.ends_with(".headers") || prefix.ends_with(".labels") => {
                prefix.to_owned()
            }
            (prefix, key) => format!("{prefix}.{key}"),
        };
        found.insert(path.clone());
        let tables: Vec<&toml::Table> = match value {
            toml::Value::Table(table) => vec![table],
            toml::Value::Array(items) => items.iter().filter_map(toml::Value::as_table).collect(),
            _ => Vec::new(),
        };
        for table in tables {
            paths(table, &path, found);
        }
    }
}

#[test]
fn the_default_file_has_every_key() {
    good(DEFAULT_TOML);
    let all: Vec<&str> = DEFAULT_TOML
        .lines()
        .map(|line| commented_in(line).unwrap_or(line))
        .collect();
    let mut found = BTreeSet::new();
    paths(&all.join("\n").parse().unwrap(), "", &mut found);
    let known = keys();
    let unknown: Vec<_> = found.difference(&known).collect();
    assert!(
        unknown.is_empty(),
        "in the file, but not known: {unknown:?}"
    );
    for missing in known.difference(&found) {
        // Another way to write a key that is there, shown in its comment.
        let (_, key) = missing.rsplit_once('.').unwrap();
        assert!(
            DEFAULT_TOML.contains(&format!("{{ {key} = ")),
            "{missing} is not in the file"
        );
    }
    assert!(known.contains("service.endpoint.http.headers.file"));
    assert!(known.len() > 70, "{}", known.len());
}

#[test]
fn what_the_default_file_writes_is_what_leaving_it_out_gives() {
    let whole = Config {
        sha256: String::new(),
        ..good(DEFAULT_TOML)
    };
    let lines: Vec<&str> = DEFAULT_TOML.lines().collect();
    let mut n_defaults = 0;
    for (at, line) in lines.iter().enumerate() {
        let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| {
            key.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        }) else {
            continue;
        };
        let comments = lines[..at]
            .iter()
            .rev()
            .take_while(|line| line.starts_with("# "));
        let required = comments.clone().any(|line| line.contains("Required"))
            || ["reason", "daily", "weekly", "dated"].contains(&key);
        let without: Vec<&str> = lines
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .map(|(_, line)| *line)
            .collect();
        match read(&without.join("\n")) {
            Err(faults) => assert!(required, "line {}: `{key}`\n{faults}", at + 1),
            Ok(config) => {
                assert!(!required, "line {}: `{key}` is not required", at + 1);
                let config = Config {
                    sha256: String::new(),
                    ..config
                };
                assert_eq!(format!("{config:#?}"), format!("{whole:#?}"), "`{key}`");
                n_defaults += 1;
            }
        }
    }
    assert!(n_defaults >= 20, "{n_defaults}");
}

#[test]
fn every_key_without_a_default_can_be_put_in() {
    let lines: Vec<&str> = DEFAULT_TOML.lines().collect();
    let place_of = |start: &str| lines.iter().position(|line| line.starts_with(start));
    for (at, line) in lines.iter().enumerate() {
        let Some(key) = commented_in(line) else {
            continue;
        };
        let (file, url) = (place_of("path = ").unwrap(), place_of("#url = ").unwrap());
        let forward = place_of("#[forward]").unwrap();
        let (web, intake) = (
            place_of("[web]").unwrap(),
            place_of("#[web.intake]").unwrap(),
        );
        let is_of_the_server = file < at && at < forward;
        let mut lines = lines.clone();
        // A table that is left out is put in as a whole.
        let whole = match at {
            _ if forward <= at && at < web => forward..web,
            _ if intake <= at && Some(at) < place_of("[reports]") => {
                intake..place_of("[reports]").unwrap()
            }
            _ => 0..0,
        };
        for line in &mut lines[whole.clone()] {
            *line = commented_in(line).unwrap_or(line);
        }
        if whole.contains(&forward) {
            lines[file] = "";
        }
        // Parcels come over TLS or through a proxy.
        let other_ways: &[&str] = match key.starts_with("behind_proxy") {
            true => &[
                "listen",
                "certificate",
                "client_ca_file",
                "certificate_name",
            ],
            false => &["behind_proxy"],
        };
        if whole.contains(&intake) {
            for line in &mut lines[whole] {
                if other_ways.iter().any(|other| line.starts_with(other)) {
                    *line = "";
                }
            }
        }
        if is_of_the_server {
            lines[file] = "";
            lines[url] = lines[url].trim_start_matches('#');
        }
        lines[at] = key;
        let mut text = lines.join("\n");
        if key.starts_with("maintenance_") {
            text = text.replace("maintenance = \"counted\"", "maintenance = \"excluded\"");
        }
        if key.starts_with("logo") {
            let logo = repository("tests/it/report/logo.svg");
            text = text.replace("/etc/vigie/logo.svg", logo.to_str().unwrap());
        }
        if Some(at) > place_of("[service.endpoint.tcp]")
            && ["tls_name", "ca_file", "certificate_days_min"]
                .iter()
                .any(|terms| key.starts_with(terms))
        {
            text = text.replace("#starttls = ", "starttls = ");
        }
        if key.starts_with("leave_received") {
            text = text.replace("#until = 2026-01-01", "until = 2026-01-01");
        }
        good(&text);
    }
}

#[test]
fn the_reference_has_every_key() {
    let reference = std::fs::read_to_string(repository("docs/configuration.md")).unwrap();
    let sections: Vec<(&str, &str)> = reference
        .split("\n## ")
        .filter_map(|section| section.split_once('\n'))
        .collect();
    for path in keys() {
        // The section of the nearest table that has one; the rest is told in its row.
        let mut table = path.as_str();
        let section = loop {
            let Some((parent, _)) = table.rsplit_once('.') else {
                break None;
            };
            table = parent;
            let headings = [format!("`[{parent}]`"), format!("`[[{parent}]]`")];
            let found = sections
                .iter()
                .find(|(heading, _)| headings.iter().any(|known| known == heading));
            if let Some((_, section)) = found {
                break Some(*section);
            }
        };
        let Some(section) = section else {
            let headings = [format!("`[{path}]`"), format!("`[[{path}]]`")];
            assert!(
                sections
                    .iter()
                    .any(|(heading, _)| headings.iter().any(|known| known == heading)),
                "no section for `{path}`"
            );
            continue;
        };
        let (_, key) = path.rsplit_once('.').unwrap();
        let told = section.contains(&format!("`{key}`")) || section.contains(&format!("{key} = "));
        assert!(told, "`{path}` is not in the reference");
    }
}

#[test]
fn the_installation_file_is_what_it_says() {
    let config = load(&repository("config/vigie.toml")).unwrap_or_else(|error| panic!("{error}"));
    let catalog = &config.catalog;
    assert_eq!(catalog.services.len(), 2);
    assert_eq!(catalog.endpoints().count(), 12);
    assert_eq!(catalog.partners.len(), 10);
    let counting: Vec<&str> = catalog
        .endpoints()
        .filter(|(_, endpoint)| endpoint.contractual)
        .map(|(_, endpoint)| endpoint.id.as_str())
        .collect();
    assert_eq!(counting, ["socle", "entree", "sante"]);
    let retired: Vec<&str> = catalog
        .endpoints()
        .filter(|(_, endpoint)| endpoint.retired)
        .map(|(_, endpoint)| endpoint.id.as_str())
        .collect();
    assert_eq!(retired, ["svair-dgfip"]);
    for (service, quote, period) in [
        (
            "particulier",
            "La DINSIC s'engage à ce que le Service soit accessible à 95% et la DINSIC s'engage à améliorer progressivement ce rendement.",
            PeriodSource::Assumption,
        ),
        (
            "droits-cnam",
            "La DINSIC garantit la disponibilité du Service 95 % du temps mensuel, apprécié au terme de chaque mois. Elle s'engage à améliorer progressivement cette disponibilité.",
            PeriodSource::Text,
        ),
    ] {
        let commitments = &catalog.service(service).unwrap().commitments;
        assert_eq!(commitments.len(), 1);
        assert_eq!(commitments[0].clause.quote, quote);
        assert_eq!(commitments[0].terms.target.to_string(), "95 %");
        assert_eq!(commitments[0].terms.maintenance, Maintenance::Counted);
        assert_eq!(commitments[0].period, period);
    }
    let october = Month::new(2025, 10, chrono_tz::Tz::Europe__Paris)
        .unwrap()
        .window();
    let work: Vec<(&str, i64)> = catalog.services[0]
        .maintenances
        .iter()
        .map(|work| {
            let endpoint = work.endpoint.as_ref().unwrap().as_str();
            (endpoint, work.when.within(october).length_ms() / MINUTE_MS)
        })
        .collect();
    assert_eq!(
        work,
        [
            // 31 nights of 80 minutes; in the one when clocks go back, 02:30 comes first at once.
            ("scolarite-men", 31 * 80),
            ("qf-cnaf-msa", 4 * 45),
            ("c2s", 180),
            ("socle", 180),
        ]
    );
    let region = catalog.partner("region-demonstration").unwrap();
    let windows: Vec<&Window> = region.memberships[0].windows.iter().collect();
    assert_eq!(windows[0].end().to_string(), "2025-11-04T23:00:00.000Z");
}

#[test]
fn the_file_of_a_remote_vantage_is_what_it_says() {
    let config = load(&repository("config/vantage.toml")).unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(config.store, StoreConfig::Collector(_)));
    assert!(config.catalog.partners.is_empty());
    // What it says of the collector holds there.
    let text = std::fs::read_to_string(repository("config/vantage.toml")).unwrap();
    let intake: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("#   "))
        .collect();
    let intake = good(&format!("{GOOD}\n{}\n", intake.join("\n")))
        .web
        .intake
        .unwrap();
    assert_eq!(intake.vantages[0].id, config.vantage);
}

#[test]
fn the_installation_file_can_take_the_later_terms() {
    let text = std::fs::read_to_string(repository("config/vigie.toml")).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .map(|line| commented_in(line).unwrap_or(line))
        .collect();
    let config = good(&lines.join("\n"));
    let commitments = &config.catalog.service("particulier").unwrap().commitments;
    let targets: Vec<String> = commitments
        .iter()
        .map(|commitment| commitment.terms.target.to_string())
        .collect();
    assert_eq!(targets, ["95 %", "99.5 %"]);
    assert_eq!(commitments[1].period, PeriodSource::Text);
}
