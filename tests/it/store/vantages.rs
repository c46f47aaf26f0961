//! Who is alive, and who acts for all: one at a time, the next soon after it falls silent, and
//! never one that was replaced.

use std::sync::Arc;

use vigie::sla::catalog::{Endpoint, Probe};
use vigie::sla::window::Timestamp;
use vigie::store::{Caller, Definitions, Heard, Instance, Parcel, Store, StoreError};

use super::{Site, answered, at, finding, new_store, statement, vantage};
use crate::board::catalog;

on_both_databases! {
    one_instance_leads_and_another_takes_over,
    a_leader_that_was_replaced_writes_nothing,
    vantages_are_shown_with_what_they_last_saw,
    endpoints_that_vantages_define_differently_are_found,
    one_installation_speaks_for_a_vantage,
}

/// The first to come creates the tables, and those who come meanwhile wait for it.
#[test]
#[ignore = "needs PostgreSQL: tests/all"]
fn an_empty_database_may_be_opened_by_many_at_once() {
    let (server, database) = crate::postgres::shared();
    std::thread::scope(|scope| {
        for n in 0..12 {
            let place = server.store(&database, &format!("vantage-{n}"));
            scope.spawn(move || Store::open(&place).map(drop).unwrap());
        }
    });
    // One that broke off when the history was there and nothing else is gone on with.
    let (server, database) = crate::postgres::shared();
    server.sql(
        &database,
        "CREATE TABLE refinery_schema_history
             (version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255))",
    );
    Store::open(server.store(&database, "main")).unwrap();
}

/// Two installations under one name: the first is heard, the second told so, until the first has
/// been silent for a minute; a new process of the first is the first.
fn one_installation_speaks_for_a_vantage(site: Site) {
    let (home, _place, mut store) = new_store(site);
    let caller = |instance: &str, began: &str| Caller {
        vantage: vantage("lyon"),
        instance: instance.to_owned(),
        began: at(began),
        ahead_ms: 12,
        version: "0.1.0".to_owned(),
    };
    let first = caller("aa", "2025-10-01T00:00:00Z");
    let second = caller("bb", "2025-10-02T00:00:00Z");
    assert_eq!(store.hear(&first, now()).unwrap(), Heard::Yes);
    let Heard::Other { began, ago_ms } = store.hear(&second, now()).unwrap() else {
        panic!("the second is heard beside the first")
    };
    assert_eq!(began, first.began);
    assert!((0..60_000).contains(&ago_ms), "{ago_ms}");
    let again = caller("aa", "2025-10-03T00:00:00Z");
    assert_eq!(store.hear(&again, now()).unwrap(), Heard::Yes);

    home.change("UPDATE vantage SET seen = 0");
    assert_eq!(store.hear(&second, now()).unwrap(), Heard::Yes);
    assert!(matches!(
        store.hear(&first, now()).unwrap(),
        Heard::Other { .. }
    ));
    // One that records into the store itself holds the place that nobody hands in for.
    let here = instance("lyon", "2025-10-04T00:00:00Z");
    store.sign_of_life(&here, now()).unwrap();
    assert!(matches!(
        store.hear(&second, now()).unwrap(),
        Heard::Other { .. }
    ));
}

fn instance(id: &str, began: &str) -> Instance {
    Instance {
        vantage: vantage(id),
        began: at(began),
    }
}

/// The store's own clock, which a test cannot set on a server: what is known of the order there
/// is told by waiting signs of life out.
fn now() -> Timestamp {
    at("2025-11-01T00:00:00Z")
}

fn expire(home: &super::Home) {
    home.change("UPDATE lease SET expires = 0");
}

fn one_instance_leads_and_another_takes_over(site: Site) {
    let (home, place, mut store) = new_store(site);
    let mut other = Store::open_beside(&place).unwrap();
    let paris = instance("paris", "2025-10-01T00:00:00Z");
    let lyon = instance("lyon", "2025-10-02T00:00:00Z");
    let first = store.sign_of_life(&paris, now()).unwrap().fence;
    assert!(first.is_some());
    assert_eq!(other.sign_of_life(&lyon, now()).unwrap().fence, None);
    // Renewed under the same number, as often as it likes.
    assert_eq!(store.sign_of_life(&paris, now()).unwrap().fence, first);
    // A new instance of the same vantage is another one.
    let paris_again = instance("paris", "2025-10-03T00:00:00Z");
    assert_eq!(store.sign_of_life(&paris_again, now()).unwrap().fence, None);

    expire(&home);
    let second = other.sign_of_life(&lyon, now()).unwrap().fence;
    assert!(first < second, "{first:?} then {second:?}");
    assert_eq!(store.sign_of_life(&paris_again, now()).unwrap().fence, None);
    let leaders: Vec<_> = store
        .vantages()
        .unwrap()
        .into_iter()
        .filter(|vantage| vantage.leads)
        .map(|vantage| vantage.id)
        .collect();
    assert_eq!(leaders, [vantage("lyon")]);
}

fn a_leader_that_was_replaced_writes_nothing(site: Site) {
    let (home, place, mut store) = new_store(site);
    let old = store
        .sign_of_life(&instance("paris", "2025-10-01T00:00:00Z"), now())
        .unwrap();
    let mut leader = Store::open_beside(&place).unwrap().led_by(old.fence);
    let save = |leader: &mut Store, partner: &str| {
        leader.save_statements(&[statement(partner, "{}", None)], "vigie", now())
    };
    save(&mut leader, "ville").unwrap();

    // It stalls; another takes over; it wakes up.
    expire(&home);
    let new = store
        .sign_of_life(&instance("lyon", "2025-10-02T00:00:00Z"), now())
        .unwrap();
    let refused = save(&mut leader, "hôpital").unwrap_err();
    assert!(matches!(refused, StoreError::NotLeader { .. }), "{refused}");
    assert_eq!(store.latest_statements(None, None).unwrap().len(), 1);
    let mut leader = leader.led_by(new.fence);
    save(&mut leader, "hôpital").unwrap();
    assert!(store.verify_journal().unwrap().is_whole());
}

fn vantages_are_shown_with_what_they_last_saw(site: Site) {
    let (_home, _place, mut store) = new_store(site);
    let tick = at("2025-10-01T00:00:00Z");
    store
        .append(&[
            finding("a", "paris", tick, 0, answered(1)),
            finding("b", "paris", tick.plus_ms(60_000), 0, answered(1)),
            finding("a", "lyon", tick, 0, answered(1)),
        ])
        .unwrap();
    let presence = store
        .sign_of_life(&instance("paris", "2025-09-30T00:00:00Z"), now())
        .unwrap();
    let shown = store.vantages().unwrap();
    let [lyon, paris] = shown.as_slice() else {
        panic!("{shown:?}")
    };
    assert_eq!(
        (&lyon.id, lyon.seen, lyon.last_tick),
        (&vantage("lyon"), None, Some(tick))
    );
    assert_eq!(paris.last_tick, Some(tick.plus_ms(60_000)));
    assert_eq!(paris.ahead_ms, Some(presence.ahead_ms));
    assert_eq!(paris.began, Some(at("2025-09-30T00:00:00Z")));
    let told = store.living_vantages().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
}

/// What they ask, how often, and how that is judged; of those that are alive, and until it is mended.
fn endpoints_that_vantages_define_differently_are_found(site: Site) {
    let (_home, _place, mut store) = new_store(site);
    let defined = |id: &str, edit: fn(&mut Endpoint)| {
        let mut catalog = catalog();
        edit(Arc::make_mut(&mut catalog.services[0].endpoints[0]));
        Definitions::of(&vantage(id), &catalog)
    };
    let told = |store: &Store| -> Vec<String> {
        let differing = store.differing(now()).unwrap();
        differing.iter().map(ToString::to_string).collect()
    };
    for (id, edit) in [
        ("brest", (|_| {}) as fn(&mut Endpoint)),
        ("lyon", |endpoint| {
            endpoint.label = "autrement dit".to_owned()
        }),
        ("nice", |endpoint| endpoint.interval_ms *= 2),
    ] {
        store.define(&defined(id, edit)).unwrap();
    }
    assert_eq!(told(&store), [""; 0], "nobody is alive");
    for id in ["brest", "lyon", "nice"] {
        let instance = instance(id, "2025-10-01T00:00:00Z");
        store.sign_of_life(&instance, now()).unwrap();
    }
    let only = told(&store);
    assert_eq!(only.len(), 1, "{only:?}");
    assert!(
        only[0].contains("for vantage `brest` as for `nice` (what differs: interval)"),
        "{only:?}"
    );

    // One that hands in tells it with what it saw.
    let address = defined("lyon", |endpoint| {
        if let Probe::Http(probe) = &mut endpoint.probe {
            Arc::make_mut(probe).method = "HEAD".to_owned();
        }
        endpoint.validity_ms += 1;
    });
    let parcel = Parcel {
        definitions: Some(address),
        ..Parcel::default()
    };
    let parcel = Parcel::from_bytes(&parcel.to_bytes()).unwrap();
    store.take_in(&parcel).unwrap();
    store.define(&defined("nice", |_| {})).unwrap();
    let only = told(&store);
    assert_eq!(only.len(), 1, "{only:?}");
    assert!(
        only[0].contains("`brest` as for `lyon` (what differs: request, validity)"),
        "{only:?}"
    );
    store.define(&defined("lyon", |_| {})).unwrap();
    assert_eq!(told(&store), [""; 0]);
}
