//! The spool: what waits on disk is handed in, in order, whole, and not without end.

use std::fs::{self, File};
use std::path::Path;

use proptest::prelude::*;
use vigie::sla::observation::{Fault, Finding, MissCause, Outcome, Trace};
use vigie::store::{Kept, Missed, Parcel, Sender, Spool};

use super::{answered, at, endpoint, finding, vantage};

const MIB: u64 = 1 << 20;

fn parcel(number: u32) -> Parcel {
    let tick = at("2025-10-01T00:00:00Z").plus_ms(i64::from(number) * 1_000);
    Parcel {
        findings: vec![
            finding("a", "paris", tick, 3, answered(number)),
            Finding {
                trace: Trace {
                    message: format!("réponse « n° {number} »\0"),
                    status: Some(503),
                    ..Trace::default()
                },
                ..finding("b", "paris", tick, 0, Outcome::Failed(Fault::Status(503)))
            },
        ],
        missed: vec![Missed {
            endpoint: endpoint("c"),
            vantage: vantage("paris"),
            first: tick,
            last: tick,
            count: 1,
            cause: MissCause::NotRunning,
        }],
        ..Parcel::default()
    }
}

fn open(folder: &Path) -> Spool {
    Spool::open(folder, 64 * MIB).unwrap()
}

/// Everything that waits, taken out.
fn take_all(spool: &mut Spool) -> Vec<Parcel> {
    let mut taken = Vec::new();
    while let Some(longest) = spool.longest_waiting().unwrap() {
        taken.extend(longest.parcels);
        spool.forget(&longest.file).unwrap();
    }
    assert!(spool.is_empty());
    taken
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|kind| kind != "lock"))
        .collect();
    files.sort();
    files
}

#[test]
fn what_waits_survives_and_is_handed_in_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    for number in 0..300 {
        assert_eq!(spool.put(&parcel(number)).unwrap(), Kept::Yes);
        if number % 70 == 0 {
            // The process was killed, and came back.
            drop(spool);
            spool = open(folder.path());
        }
    }
    assert_eq!(spool.n_findings(), 600);
    let expected: Vec<Parcel> = (0..300).map(parcel).collect();
    drop(spool);
    assert_eq!(take_all(&mut open(folder.path())), expected);
    assert_eq!(
        files(folder.path()),
        [] as [&Path; 0],
        "nothing stays behind"
    );
    assert!(open(folder.path()).is_empty());
}

/// Two that hand in the same files would lose what one of them puts meanwhile.
#[test]
fn one_process_uses_a_spool_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path());
    let refused = Spool::open(folder.path(), MIB).unwrap_err().to_string();
    assert!(refused.contains("another vigie"), "{refused}");
    drop(spool);
    open(folder.path());
}

#[test]
fn what_was_not_taken_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    for number in 0..3 {
        spool.put(&parcel(number)).unwrap();
    }
    spool.longest_waiting().unwrap().unwrap();
    spool.put(&parcel(3)).unwrap();
    let expected: Vec<Parcel> = (0..4).map(parcel).collect();
    assert_eq!(
        take_all(&mut spool),
        expected,
        "from the beginning, in order"
    );
}

#[test]
fn a_torn_end_is_passed_over_and_nothing_goes_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    for number in 0..3 {
        spool.put(&parcel(number)).unwrap();
    }
    let file = files(folder.path()).pop().unwrap();
    let whole = fs::metadata(&file).unwrap().len();
    drop(spool);
    for cut in [1, 20, 100] {
        File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_len(whole - cut)
            .unwrap();
        let mut spool = open(folder.path());
        assert_eq!(spool.n_findings(), 4, "cut by {cut}");
        spool.put(&parcel(7)).unwrap();
        let last = files(folder.path()).pop().unwrap();
        assert_ne!(last, file);
        fs::remove_file(last).unwrap();
    }
}

/// One parcel whose bytes are no longer what was written keeps no other from being handed in, and
/// is not thrown away.
#[test]
fn a_damaged_parcel_keeps_no_other_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    for number in 0..3 {
        spool.put(&parcel(number)).unwrap();
    }
    let file = files(folder.path()).pop().unwrap();
    let mut bytes = fs::read(&file).unwrap();
    // A bit that fell over in the first.
    bytes[40] ^= 1;
    fs::write(&file, bytes).unwrap();
    drop(spool);
    let mut spool = open(folder.path());
    assert_eq!(spool.n_findings(), 4);
    assert_eq!(take_all(&mut spool), [parcel(1), parcel(2)]);
    drop(spool);
    assert_eq!(files(folder.path()), [file.with_extension("damaged")]);
    assert!(open(folder.path()).is_empty());
}

#[test]
fn it_knows_since_when_something_waits() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    assert_eq!(spool.first_tick(), None);
    for number in 3..6 {
        spool.put(&parcel(number)).unwrap();
    }
    let first = Some(at("2025-10-01T00:00:03Z"));
    assert_eq!(spool.first_tick(), first);
    drop(spool);
    let mut spool = open(folder.path());
    assert_eq!(spool.first_tick(), first);
    // What is put in while the longest waiting are on their way waits behind them.
    let longest = spool.longest_waiting().unwrap().unwrap();
    assert_eq!(longest.parcels, [parcel(3), parcel(4), parcel(5)]);
    spool.put(&parcel(9)).unwrap();
    assert_eq!(spool.longest_waiting().unwrap(), Some(longest.clone()));
    // Twice is once: what waits behind it was not handed in.
    spool.forget(&longest.file).unwrap();
    spool.forget(&longest.file).unwrap();
    assert_eq!(spool.first_tick(), Some(at("2025-10-01T00:00:09Z")));
    assert_eq!(take_all(&mut spool), [parcel(9)]);
}

/// An installation keeps its name, and two processes never hand in from one folder.
#[test]
fn an_installation_has_a_name_of_its_own() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sender = Sender::of(here.path()).unwrap();
    let second = Sender::of(here.path()).unwrap_err().to_string();
    assert!(second.contains("another vigie"), "{second}");
    assert_ne!(sender.name, Sender::of(there.path()).unwrap().name);
    let name = sender.name.clone();
    drop(sender);
    assert_eq!(Sender::of(here.path()).unwrap().name, name);
}

#[test]
fn it_is_not_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path(), 2_000).unwrap();
    let kept = (0..20)
        .filter(|number| spool.put(&parcel(*number)).unwrap() == Kept::Yes)
        .count();
    assert!(0 < kept && kept < 20, "{kept}");
    let size: u64 = files(folder.path())
        .iter()
        .map(|file| fs::metadata(file).unwrap().len())
        .sum();
    assert!(size <= 2_000, "{size}");
    let expected: Vec<Parcel> = (0..).map(parcel).take(kept).collect();
    assert_eq!(take_all(&mut spool), expected);
    assert_eq!(
        spool.put(&parcel(20)).unwrap(),
        Kept::Yes,
        "there is room again"
    );
}

proptest! {
    /// Bytes from anywhere are refused or understood, and never a reason to panic.
    #[test]
    fn bytes_of_any_kind_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Parcel::from_bytes(&bytes);
    }
}
