//! The pages as browsers, screen readers and the W3C see it.

use std::path::{Path, PathBuf};
use std::process::Command;

use vigie::sla::availability::Verdict;
use vigie::sla::catalog::Language;

use super::index::{page, shelved};
use super::{gallery, look, october};
use crate::web;

/// Where `tests/all` puts the checkers from npm.
fn checkers() -> PathBuf {
    let folder = std::env::var_os("VIGIE_CHECKERS")
        .expect("VIGIE_CHECKERS names the folder of the checkers: tests/all sets it");
    PathBuf::from(folder).join("node_modules")
}

/// Every kind of page, each in a file of its own.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut dressed = october();
    dressed.look = look();
    let editions = [shelved("2025-10", 1, Verdict::Missed, false)];
    std::fs::create_dir(folder.join("endpoint")).unwrap();
    let served = tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(web::gallery());
    for (name, content) in &served {
        std::fs::write(folder.join(name), content).unwrap();
    }
    let served = served.iter().map(|(name, _)| folder.join(name));
    let served = served.filter(|file| file.extension().is_some_and(|kind| kind == "html"));
    gallery()
        .into_iter()
        .map(|(name, case)| (name, case.html()))
        .chain([
            ("look", dressed.html()),
            ("index", page(Language::French, &editions)),
        ])
        .map(|(name, html)| {
            let file = folder.join(format!("{name}.html"));
            std::fs::write(&file, html).unwrap();
            file
        })
        .chain(served)
        .collect()
}

/// What a browser makes of a page once its scripts have run.
fn rendered(file: &Path) -> String {
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu"])
        .args(["--allow-file-access-from-files", "--dump-dom"])
        .args(["--virtual-time-budget=60000", "--window-size=1280,1024"])
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "needs java and vnu-jar: tests/all"]
fn the_html_checker_of_the_w3c_finds_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("java")
        .arg("-jar")
        .arg(checkers().join("vnu-jar/build/dist/vnu.jar"))
        .args(["--also-check-css", "--format", "text"])
        // Where a narrow screen shows a table as a list, some browsers take its roles away: they
        // are written out, which the checker cannot know the reason of.
        .args(["--filterpattern", ".*“(table|row|rowgroup|cell|columnheader|rowheader)” role.*|.*“role” attribute must not.*"])
        .args(pages(folder.path()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("No errors found") && !said.contains("warning"),
        "{said}"
    );
    // The checker works: it finds what is wrong.
    let wrong = folder.path().join("wrong.html");
    std::fs::write(
        &wrong,
        "<!DOCTYPE html><html lang=fr><title>x</title><p></b>",
    )
    .unwrap();
    let output = Command::new("java")
        .arg("-jar")
        .arg(checkers().join("vnu-jar/build/dist/vnu.jar"))
        .arg(&wrong)
        .output()
        .unwrap();
    assert!(!output.status.success());
}

#[test]
#[ignore = "needs chromium and axe-core: tests/all"]
fn axe_finds_no_violation() {
    let folder = tempfile::tempdir().unwrap();
    let axe = std::fs::read_to_string(checkers().join("axe-core/axe.min.js")).unwrap();
    std::fs::write(folder.path().join("axe.js"), axe).unwrap();
    let script = folder.path().join("axe.js");
    let probe = format!(r#"<script src="file://{}"></script>"#, script.display());
    let probe = probe
        + r#"<script>
for (const folded of document.querySelectorAll("details")) folded.open = true;
axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then((found) => {
  const said = found.violations.map((rule) => rule.id + ": " + rule.nodes.map((node) => node.target + " " + node.failureSummary).join("; "));
  document.title = "passed " + found.passes.length;
  document.body.textContent = "[axe " + said.join("\n") + "]";
});
</script></body>"#;
    for file in pages(folder.path()) {
        let html = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, html.replace("</body>", &probe)).unwrap();
        let dom = rendered(&file);
        let name = file.display();
        let (_, said) = dom
            .split_once("[axe ")
            .unwrap_or_else(|| panic!("{name}: {dom}"));
        let said = said.split_once(']').unwrap().0;
        assert!(said.is_empty(), "{name}: {said}");
        let passed = dom.split_once("<title>passed ").unwrap().1;
        let passed: u32 = passed.split_once('<').unwrap().0.parse().unwrap();
        assert!(passed > 20, "{name}: only {passed} rules applied");
    }
}

#[test]
#[ignore = "needs chromium: tests/all"]
fn the_page_fits_a_narrow_screen() {
    let folder = tempfile::tempdir().unwrap();
    let mut html = "<!DOCTYPE html><title>x</title>".to_owned();
    for file in pages(folder.path()) {
        let name = file.strip_prefix(folder.path()).unwrap().display();
        html.push_str(&format!(
            "<iframe width=320 height=700 style=\"border:0\" src=\"{name}\"></iframe>"
        ));
    }
    html.push_str(
        "<script>onload = () => { const wide = [...document.querySelectorAll(\"iframe\")]
  .filter((frame) => frame.contentDocument.scrollingElement.scrollWidth > frame.contentDocument.scrollingElement.clientWidth)
  .map((frame) => frame.getAttribute(\"src\")); document.title = \"too wide:\" + wide; }</script>",
    );
    let frames = folder.path().join("frames.html");
    std::fs::write(&frames, html).unwrap();
    let dom = rendered(&frames);
    assert!(
        dom.contains("<title>too wide:</title>"),
        "{}",
        dom.chars().take(300).collect::<String>()
    );
}
