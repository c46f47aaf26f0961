//! Blocks in partitions: what docs/scaling.md says of large databases is so.
//!
//! Method: the tables are replaced by partitioned ones, as the page tells, and the story of an
//! observation is told on them.

use vigie::sla::window::{HOUR_MS, MINUTE_MS, Window};
use vigie::store::Store;

use super::{answered, at, endpoint, finding, vantage};

/// The statements that docs/scaling.md gives.
fn statements() -> String {
    let page = include_str!("../../../docs/scaling.md");
    let (_, rest) = page.split_once("```sql\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
#[ignore = "needs PostgreSQL: tests/all"]
fn blocks_may_lie_in_partitions() {
    let (server, database) = crate::postgres::shared();
    let place = server.store(&database, "main");
    drop(Store::open(&place).unwrap());
    server.sql(&database, &statements());

    let mut store = Store::open(&place).unwrap();
    // Across the border of two partitions.
    let border = at("2027-01-01T00:00:00Z");
    let first = border.plus_ms(-2 * HOUR_MS);
    let findings: Vec<_> = (0..240)
        .map(|minute| {
            finding(
                "a",
                "paris",
                first.plus_ms(minute * MINUTE_MS),
                3,
                answered(20),
            )
        })
        .collect();
    assert_eq!(store.append(&findings).unwrap().new, 240);
    let sealed = store.seal_all(border.plus_ms(4 * HOUR_MS)).unwrap();
    assert_eq!((sealed.n_blocks, sealed.n_observations), (4, 240));
    assert_eq!(store.append(&findings).unwrap().repeated, 240);
    let in_partition =
        |partition: &str| server.sql(&database, &format!("SELECT count(*) FROM {partition}"));
    assert_eq!(in_partition("sealed_day_2026"), "1");
    assert_eq!(in_partition("sealed_day_later"), "1");
    assert_eq!(in_partition("content_1"), "4");

    let window = Window::new(first, border.plus_ms(2 * HOUR_MS)).unwrap();
    let seen = store.observations(&endpoint("a"), window).unwrap();
    assert_eq!(seen[0].0, vantage("paris"));
    assert_eq!(seen[0].1.len(), 240);
    let check = store.verify_evidence(&mut |_, _| {}).unwrap();
    assert!(check.is_whole(), "{check:?}");
    assert_eq!((check.n_blocks, check.n_observations), (4, 240));
}
