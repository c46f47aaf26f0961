//! The PDF edition, read with tools that are not ours.

use std::path::Path;
use std::process::Command;

use vigie::report::verdict_sentence;
use vigie::sla::catalog::Language;

use super::{Case, gallery};

/// What `program` says of `file`, with options before and after it.
fn output(program: &str, before: &[&str], file: &Path, after: &[&str]) -> String {
    let output = Command::new(program)
        .args(before)
        .arg(file)
        .args(after)
        .output()
        .unwrap_or_else(|err| panic!("{program}: {err}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{program} {}: {text}{}",
        file.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

fn written(case: &Case, folder: &Path) -> std::path::PathBuf {
    let documents = case.documents();
    let pdf = documents
        .iter()
        .find(|document| document.name == "rapport.pdf")
        .unwrap();
    let file = folder.join("rapport.pdf");
    std::fs::write(&file, &pdf.bytes).unwrap();
    file
}

/// Text as readers see it: sheets, lines and no-break spaces are no matter.
fn flat(text: &str) -> String {
    text.split(|sign: char| sign.is_whitespace() || sign == '\u{a0}' || sign == '\u{202f}')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
#[ignore = "needs qpdf and poppler-utils: tests/all"]
fn every_kind_of_month_is_a_sound_tagged_file_that_says_what_the_page_says() {
    let folder = tempfile::tempdir().unwrap();
    for (name, case) in gallery() {
        let file = written(&case, folder.path());
        let check = output("qpdf", &["--check"], &file, &[]);
        assert!(
            check.contains("No syntax or stream encoding errors"),
            "{name}: {check}"
        );

        let info = output("pdfinfo", &[], &file, &[]);
        let line = |label: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(label));
            line.unwrap_or_default().trim().to_owned()
        };
        assert_eq!(line("Tagged:"), "yes", "{name}");
        assert!(
            line("Title:").contains("API Particulier — "),
            "{name}: {info}"
        );
        let meta = output("pdfinfo", &["-meta"], &file, &[]);
        for claim in [
            "<pdfaid:part>2</pdfaid:part>",
            "<pdfaid:conformance>A</pdfaid:conformance>",
            "<pdfuaid:part>1</pdfuaid:part>",
        ] {
            assert!(meta.contains(claim), "{name}: {claim} in {meta}");
        }
        let lang = match case.language {
            Language::French => "/Lang (fr)",
            Language::English => "/Lang (en)",
        };
        let plain = output(
            "qpdf",
            &["--qdf", "--object-streams=disable"],
            &file,
            &["-"],
        );
        assert!(plain.contains(lang), "{name}");
        // Name, type, encoding (one word), embedded, subset, with its signs.
        let fonts = output("pdffonts", &[], &file, &[]);
        for font in fonts.lines().skip(2) {
            assert!(font.contains("yes yes yes"), "{name}: {font}");
        }

        let text = flat(&output("pdftotext", &["-raw"], &file, &["-"]));
        let sentence = case.with(|report| verdict_sentence(report).to_string());
        assert!(
            text.contains(&flat(&sentence)),
            "{name}: {sentence} in {text}"
        );
        // Nothing that the page does not say, besides the numbers of sheets.
        let page = shown(&case.html());
        for word in text.split(' ') {
            let number = word.bytes().all(|byte| byte.is_ascii_digit());
            assert!(
                number || ["Page", "sur", "of", "•"].contains(&word) || page.contains(word),
                "{name}: the page does not say {word}"
            );
        }
    }
}

/// All that a page shows, without white.
fn shown(html: &str) -> String {
    let text: String = html
        .split('<')
        .filter_map(|piece| Some(piece.split_once('>')?.1))
        .collect();
    flat(&text.replace("&amp;", "&").replace("&quot;", "\"")).replace(' ', "")
}
