//! The daemon on a disk that is full for a while.

use std::sync::atomic::Ordering;

use vigie::store::Store;

use super::outage::check_no_hole;
use super::{Target, ask_until, check_shown_is_stored, installation, load, run_here, status};
use crate::disk::SmallDisk;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root, for a small disk: tests/all"]
async fn a_full_disk_holds_up_nothing_but_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let disk = SmallDisk::new(directory.path().join("disk"), "8m");
    let target = Target::start().await;
    let config = load(&installation(disk.path(), target.address, &[("api", 10)]));
    let daemon = run_here(&config).await;
    let url = daemon.url("/api/status");
    let shown = ask_until("the first probes", &url, |text| {
        status(text).filter(|status| status.store.size_bytes > 0)
    })
    .await;

    let filler = disk.fill();
    let refused = ask_until("a full disk", &url, |text| {
        status(text).filter(|status| status.store.write_errors > 0 && status.store.backlog > 0)
    })
    .await;
    // It goes on asking; what it sees waits.
    let n_answers = target.n_answers.load(Ordering::SeqCst);
    ask_until("a backlog that grows", &url, |text| {
        let backlog = status(text)?.store.backlog;
        (backlog > refused.store.backlog + 20).then_some(())
    })
    .await;
    assert!(target.n_answers.load(Ordering::SeqCst) >= n_answers + 20);

    std::fs::remove_file(filler).unwrap();
    // What was seen in the last moment always waits.
    let all = ask_until("the backlog of a moment", &url, |text| {
        status(text).filter(|status| status.store.backlog <= 5)
    })
    .await;
    assert_eq!(all.store.lost, 0);
    daemon.stop().await;
    let store = Store::open(&config.store).unwrap();
    for shown in [&shown, &refused, &all] {
        check_shown_is_stored(shown, &store, "on a full disk");
    }
    check_no_hole(&config, &store);
}
