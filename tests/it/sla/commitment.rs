//! What a convention's numbers may look like.

use std::num::NonZeroU32;

use vigie::sla::catalog::{EndpointId, PartnerId};
use vigie::sla::commitment::{Ppm, Quorum};

#[test]
fn a_target_is_read_exactly() {
    for (text, parts) in [
        ("95 %", 950_000),
        ("95%", 950_000),
        ("99.5%", 995_000),
        ("99,5 %", 995_000),
        ("99.95\u{a0}%", 999_500),
        ("99.9999\u{202f}%", 999_999),
        ("0 %", 0),
        ("0.0001 %", 1),
        ("100 %", 1_000_000),
        ("100.0000 %", 1_000_000),
        ("095 %", 950_000),
        ("950000 ppm", 950_000),
        ("950000ppm", 950_000),
        ("0 ppm", 0),
    ] {
        assert_eq!(text.parse::<Ppm>().map(Ppm::parts), Ok(parts), "{text}");
    }
}

#[test]
fn what_is_not_a_target_is_refused() {
    for text in [
        "",
        "%",
        "ppm",
        " %",
        "95",
        "0.95",
        "95 % ",
        " 95 %",
        "95.00001 %",
        "100.0001 %",
        "101 %",
        "1000001 ppm",
        "-1 %",
        "+95 %",
        "9 5 %",
        "95..5 %",
        "95,5,5 %",
        ".5 %",
        "95. %",
        "95.5 ppm",
        "9.5e1 %",
        "NaN %",
        "４５ %",
        "95 %%",
        "429496729600 %",
        "99999999999999999999 ppm",
        "-950000 ppm",
        "95 pour cent",
    ] {
        let error = text.parse::<Ppm>().unwrap_err().to_string();
        assert!(
            error.contains(&format!("`{text}` is not a target")),
            "{error}"
        );
        assert!(error.contains("\"95 %\""), "shows a right value: {error}");
    }
}

#[test]
fn a_target_is_written_as_it_is_read() {
    for parts in [
        0, 1, 10, 9_999, 10_000, 950_000, 995_000, 999_999, 1_000_000,
    ] {
        let target = Ppm::new(parts).unwrap();
        assert_eq!(target.to_string().parse(), Ok(target));
    }
    assert_eq!(Ppm::new(995_000).unwrap().to_string(), "99.5 %");
    assert_eq!(Ppm::new(950_000).unwrap().to_string(), "95 %");
    assert_eq!(Ppm::new(1_000_001), None);
}

#[test]
fn a_majority_is_more_than_half() {
    for (n_vantages, needed) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)] {
        assert_eq!(
            Quorum::Majority.needed(n_vantages),
            needed,
            "of {n_vantages}"
        );
    }
    let two = Quorum::AtLeast(NonZeroU32::new(2).unwrap());
    assert_eq!(two.needed(5), 2);
}

#[test]
fn an_id_is_short_and_visible() {
    let long = "x".repeat(200);
    for text in ["a", "Métropole de Lyon", &long] {
        assert_eq!(PartnerId::new(text).unwrap().as_str(), text);
    }
    for text in ["", "a\nb", "a\u{7f}", &"x".repeat(201)] {
        assert_eq!(EndpointId::new(text), None, "{text:?}");
    }
}
