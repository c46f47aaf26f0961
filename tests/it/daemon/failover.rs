//! A primary and its copy, and the copy promoted in mid-run.
//!
//! Goal: the daemon goes on by itself; nothing that was shown is lost, nothing counts twice, and
//! one instance leads. Method: the real program; two real servers, the copy in step; the primary
//! hangs, as a machine does whose network fails, and comes back too late.

use vigie::store::Store;

use super::cable::Cable;
use super::killed::{check_evidence, on_servers, ran};
use super::outage::{handed_in, n_spooled};
use super::{Daemon, Target, ask_until, check_shown_is_stored, load, status};
use crate::postgres::Server;

const LEASE: &str = "SELECT fence FROM lease WHERE expires > 1000 * extract(epoch FROM now())";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: tests/all"]
async fn a_copy_that_is_promoted_takes_over() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let primary = Server::start();
    primary.new_database("evidence");
    let copy = primary.copy("copy");
    primary.wait_for_copy("copy");
    let cable = Cable::to(primary.port).await;
    let file = on_servers(directory.path(), &target, &[cable.port, copy.port]);
    let mut daemon = Daemon::start(&file);
    ran(&daemon, 200.0).await;
    let url = daemon.url("/api/status");
    let before = ask_until("its status", &url, status).await;
    let led = ask_until("a leader", &url, |_| {
        let fence = primary.sql("evidence", LEASE);
        (!fence.is_empty()).then_some(fence)
    })
    .await;

    cable.cut();
    ask_until("a spool in use", &url, |_| {
        (n_spooled(directory.path()) > 0).then_some(())
    })
    .await;
    copy.promote();
    let at_promotion = copy.sql("evidence", "SELECT seen FROM vantage");
    handed_in(&daemon.url, directory.path()).await;
    let told = format!("SELECT count(*) FROM vantage WHERE seen > {at_promotion}");
    ask_until("a sign of life on the copy", &url, |_| {
        (copy.sql("evidence", &told) == "1").then_some(())
    })
    .await;
    // The same instance leads, and nobody else did meanwhile.
    assert_eq!(copy.sql("evidence", LEASE), led);
    let after = ask_until("its status", &url, status).await;

    // The old one can be reached again, and takes no part: what it would acknowledge, it would
    // have to have on the copy.
    cable.mend();
    let n_runs = 200.0 + 4.0 * 50.0;
    ran(&daemon, n_runs).await;
    daemon.terminate();
    let config = load(&file);
    let store = check_evidence(&config, &copy.store("evidence", "main"));
    check_shown_is_stored(&before, &store, "before");
    check_shown_is_stored(&after, &store, "after");
    let old = Store::open_reader(primary.store("evidence", "main")).unwrap();
    let last = |store: &Store| store.span().unwrap().unwrap().end();
    assert!(last(&old) < last(&store), "the old one was written to");
}
