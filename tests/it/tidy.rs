//! The house's own rules: who may import whom, and what does not belong in the tree.
//!
//! Method: read the sources as text; a rule that the compiler cannot hold is held here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What each module of the crate may name after `crate::`, beside itself. The table of
/// ARCHITECTURE.md.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("sla", &[]),
    ("board", &["sla"]),
    ("exchange", &["sla"]),
    ("handover", &["sla"]),
    ("report", &["sla"]),
    ("schedule", &["sla"]),
    ("clock", &["sla"]),
    ("config", &["sla", "report"]),
    ("export", &["sla"]),
    ("forward", &["sla", "config", "handover", "pem", "secret"]),
    ("import", &["sla", "secret"]),
    ("mail", &["sla", "report", "config", "secret"]),
    ("metrics", &["sla", "board", "config"]),
    ("pem", &["sla", "secret"]),
    ("probe", &["sla", "secret"]),
    ("secret", &["sla"]),
    ("store", &["sla", "config", "secret"]),
    (
        "web",
        &[
            "sla", "board", "report", "metrics", "config", "handover", "pem", "secret",
        ],
    ),
    (
        "app",
        &[
            "sla", "board", "exchange", "report", "schedule", "clock", "config", "export",
            "forward", "handover", "import", "mail", "metrics", "probe", "store", "web",
        ],
    ),
    (
        "demo",
        &["sla", "schedule", "clock", "config", "store", "app"],
    ),
    (
        "cli",
        &[
            "sla", "board", "exchange", "report", "clock", "config", "export", "forward", "import",
            "mail", "probe", "store", "web", "app", "demo",
        ],
    ),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The modules a source names: `crate::name` anywhere, and each of `use crate::{a, b::c}`.
fn imports(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in source.match_indices("crate::") {
        // `$crate::` and other crates' `some_crate::` are not ours.
        let before = source[..at].chars().next_back().unwrap_or(' ');
        if before.is_alphanumeric() || before == '_' || before == '$' {
            continue;
        }
        let rest = &source[at + "crate::".len()..];
        let name = |text: &str| -> String {
            text.trim_start()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        };
        match rest.strip_prefix('{') {
            Some(list) => {
                let mut depth = 0;
                let mut item = String::new();
                for c in list.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => names.push(name(&std::mem::take(&mut item))),
                        _ if depth == 0 => item.push(c),
                        _ => {}
                    }
                }
                names.push(name(&item));
            }
            None => names.push(name(rest)),
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn imports_point_inwards() {
    let table: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let src = root().join("src");
    let mut faults = Vec::new();
    for file in rust_files(&src) {
        let relative = file.strip_prefix(&src).unwrap();
        let module = relative.components().next().unwrap().as_os_str();
        let module = module.to_str().unwrap().trim_end_matches(".rs");
        if module == "lib" || module == "main" {
            continue;
        }
        let allowed = table
            .get(module)
            .unwrap_or_else(|| panic!("`{module}` stands in no layer: add it to the table"));
        let source = std::fs::read_to_string(&file).unwrap();
        for import in imports(&source) {
            if import != module && !allowed.contains(&import.as_str()) {
                faults.push(format!("{} imports {import}", relative.display()));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "against the layers:\n{}",
        faults.join("\n")
    );
}

#[test]
fn the_import_reader_sees_every_form() {
    let source = "use crate::sla::window;\nuse crate::{board, store::{a, b}, web};\nfn f() { crate::app::run(); $crate::x!(); }";
    assert_eq!(imports(source), ["sla", "board", "store", "web", "app"]);
}

/// The core is std, chrono and nothing that waits, logs or serialises; and it does not touch
/// files, sockets or the environment.
#[test]
fn the_core_is_pure() {
    let forbidden = [
        "tokio",
        "hyper",
        "reqwest",
        "tracing",
        "serde",
        "rusqlite",
        "std::fs",
        "std::io",
        "std::env",
        "TcpStream",
        "async fn",
        "println!",
        "SystemTime",
    ];
    for file in rust_files(&root().join("src/sla")) {
        let source = std::fs::read_to_string(&file).unwrap();
        for word in forbidden {
            assert!(!source.contains(word), "{} names {word}", file.display());
        }
    }
}

#[test]
fn no_unfinished_work_stands_in_the_tree() {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME")];
    for folder in ["src", "tests"] {
        for file in rust_files(&root().join(folder)) {
            let source = std::fs::read_to_string(&file).unwrap();
            for word in words {
                assert!(!source.contains(word), "{} has {word}", file.display());
            }
        }
    }
}

/// Two migrations of one number would each be run by some programs only; a number that is skipped
/// can never be used, since databases that are beyond it would refuse it.
#[test]
fn migrations_are_numbered_one_after_the_other() {
    /// Given up before there was a database to remember them.
    const SKIPPED: [usize; 2] = [4, 7];
    let mut numbers: Vec<usize> = std::fs::read_dir(root().join("src/store/migrations"))
        .unwrap()
        .map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let number = name
                .strip_prefix('V')
                .and_then(|name| name.split("__").next());
            number.unwrap().parse().unwrap()
        })
        .collect();
    numbers.sort_unstable();
    let expected: Vec<usize> = (1..=numbers.len() + SKIPPED.len())
        .filter(|number| !SKIPPED.contains(number))
        .collect();
    assert_eq!(numbers, expected);
}

/// What a source says of a rule or a law can be looked up.
#[test]
fn rules_and_laws_stand_in_the_specification() {
    let text = std::fs::read_to_string(root().join("docs/settlement.md")).unwrap();
    let mut files = rust_files(&root().join("src/sla"));
    files.extend(rust_files(&root().join("tests/it/sla")));
    let sources: Vec<String> = files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    let numbers = |pattern: &str, text: &str| -> BTreeSet<u32> {
        let pattern = regex::Regex::new(pattern).unwrap();
        let found = pattern.captures_iter(text);
        found.map(|found| found[1].parse().unwrap()).collect()
    };
    let all = sources.concat();

    let rules = numbers(r"(?m)^(\d+)\. ", &text);
    assert_eq!(rules, (1..=29).collect());
    let named = numbers(r"\b[Rr]ule (\d+)\b", &all);
    assert!(named.len() > 15, "{named:?}");
    assert!(named.is_subset(&rules), "{named:?}");

    let laws = numbers(r"(?m)^- P(\d+): ", &text);
    assert_eq!(laws, (1..=16).collect());
    assert_eq!(
        numbers(r"/// P(\d+)\b", &all),
        laws,
        "each law has its test"
    );
}
