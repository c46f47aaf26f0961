//! Uptime Kuma's SQLite file, of its versions 1 and 2: the beats of one monitor.
//!
//! | beat | becomes |
//! |---|---|
//! | 0 down | a failure |
//! | 1 up | an answer, in so many milliseconds |
//! | 2 pending | a failure: Kuma was still trying again, the attempt itself had failed. Void for monitors that ask nobody themselves (groups, Docker's own state, manual ones) |
//! | 3 maintenance | void: Kuma did not ask |
//!
//! Version 2 deletes most beats after a day and keeps those at which the state changed. Nothing
//! is made up in between: such time is silence, and so Unknown.

use std::io;
use std::path::Path;

use chrono::NaiveDateTime;
use rusqlite::{Connection, OpenFlags, Row};

use super::{
    Digesting, Fact, ImportError, Placed, Range, Readout, file_error, finish, latency_us, open,
};
use crate::sla::observation::{Fault, Observation, Outcome, Void};
use crate::sla::window::Timestamp;

/// Monitors that ask nobody themselves: a pending one of them tells nothing.
const PASSIVE_TYPES: [&str; 3] = ["group", "docker", "manual"];

/// Reads the beats of one monitor, by its number or its name; of a file with only one, that.
///
/// # Errors
/// A file that is not Kuma's or is still being written, an unknown monitor (the known ones are
/// listed), a beat that means nothing, or nothing in the range.
pub fn read(
    path: &Path,
    monitor: Option<&str>,
    range: Range,
    now: Timestamp,
) -> Result<Readout, ImportError> {
    let unfit = |what: String| ImportError::Unfit {
        path: path.to_owned(),
        what,
    };
    let sql = |error: rusqlite::Error| {
        let what = match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => {
                "this is not an SQLite file: give Uptime Kuma's `kuma.db` (an installation on MariaDB has none)".to_owned()
            }
            _ => format!("this is not Uptime Kuma's `kuma.db`: {error}"),
        };
        ImportError::Unfit {
            path: path.to_owned(),
            what,
        }
    };
    refuse_open_log(path)?;
    let mut file = Digesting::new(open(path)?);
    io::copy(&mut file, &mut io::sink()).map_err(|source| file_error(path, source))?;
    let sha256 = file.finish();

    // Immutable: its folder need not be writable, and nothing is left behind beside it.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(immutable_uri(path), flags).map_err(sql)?;
    let monitors = monitors(&connection).map_err(sql)?;
    let chosen = match monitor {
        // A number stands for one monitor only, a name perhaps for several.
        Some(wanted) => match monitors.iter().find(|one| one.id.to_string() == wanted) {
            Some(one) => vec![one],
            None => monitors.iter().filter(|one| one.name == wanted).collect(),
        },
        None => monitors.iter().collect(),
    };
    let [monitor] = chosen.as_slice() else {
        let list = if chosen.is_empty() {
            monitors.iter().collect()
        } else {
            chosen
        };
        if list.is_empty() {
            return Err(unfit("it has no monitor".to_owned()));
        }
        return Err(ImportError::Several {
            source_name: format!("`{}`", path.display()),
            list: list.into_iter().map(Monitor::to_string).collect(),
            how: "name one by its number with --monitor",
        });
    };

    let mut statement = connection
        .prepare(
            "SELECT id, status, time, ping, msg FROM heartbeat WHERE monitor_id = ?1 ORDER BY id",
        )
        .map_err(sql)?;
    let mut rows = statement.query([monitor.id]).map_err(sql)?;
    let mut read = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        let id: i64 = row.get(0).map_err(sql)?;
        let fact = beat(row, monitor).map_err(|what| ImportError::Place {
            path: path.to_owned(),
            place: format!("beat {id}"),
            what,
        })?;
        read.push(Placed {
            place: id.unsigned_abs(),
            fact,
        });
    }
    let source_name = format!("`{}`, monitor {}", path.display(), monitor.label());
    let facts = finish(read, "beat", range, now, &source_name)?;
    let mut remarks = Vec::new();
    let n_maintenance = facts
        .iter()
        .filter(|fact| fact.observation.outcome == Outcome::Void(Void::NotExecuted))
        .count();
    if n_maintenance > 0 {
        remarks.push(format!(
            "beats under Kuma's maintenance: {n_maintenance}; it did not ask, so that time is unknown; announce the work with `vigie declare maintenance`"
        ));
    }
    if monitor.upside_down {
        remarks
            .push("the monitor is upside down: its states are taken as Kuma shows them".to_owned());
    }
    Ok(Readout {
        tool: "kuma",
        source: format!("{}, monitor {}", path.display(), monitor.label()),
        sha256,
        facts,
        remarks,
    })
}

/// A log beside the file holds beats that neither the file nor its digest has.
fn refuse_open_log(path: &Path) -> Result<(), ImportError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    match std::fs::metadata(&log) {
        Ok(metadata) if metadata.len() > 0 => Err(ImportError::Unfit {
            path: path.to_owned(),
            what: format!(
                "`{}` stands beside it, so Uptime Kuma may be writing: stop it, or make a whole copy with `sqlite3 kuma.db \".backup copy.db\"`, and import that",
                Path::new(&log).display()
            ),
        }),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(file_error(Path::new(&log), source)),
    }
}

fn immutable_uri(path: &Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte));
            }
            // Writing to a String does not fail.
            other => _ = write!(uri, "%{other:02X}"),
        }
    }
    uri.push_str("?immutable=1");
    uri
}

struct Monitor {
    id: i64,
    name: String,
    kind: String,
    upside_down: bool,
    n_beats: i64,
}

impl Monitor {
    fn label(&self) -> String {
        format!("{} `{}`", self.id, self.name)
    }
}

impl std::fmt::Display for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} ({}, {} beats)",
            self.label(),
            self.kind,
            self.n_beats
        )
    }
}

fn monitors(connection: &Connection) -> rusqlite::Result<Vec<Monitor>> {
    let mut statement = connection.prepare(
        "SELECT id, coalesce(name, ''), coalesce(type, ''), upside_down,
                (SELECT count(*) FROM heartbeat WHERE monitor_id = monitor.id)
         FROM monitor ORDER BY id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Monitor {
            id: row.get(0)?,
            name: row.get(1)?,
            kind: row.get(2)?,
            upside_down: row.get(3)?,
            n_beats: row.get(4)?,
        })
    })?;
    rows.collect()
}

fn beat(row: &Row<'_>, monitor: &Monitor) -> Result<Fact, String> {
    let unreadable = |error: rusqlite::Error| error.to_string();
    let status: i64 = row.get(1).map_err(unreadable)?;
    let time: String = row.get(2).map_err(unreadable)?;
    let ping: Option<f64> = row.get(3).map_err(unreadable)?;
    let message: Option<String> = row.get(4).map_err(unreadable)?;
    // Kuma writes UTC without saying so.
    let at = NaiveDateTime::parse_from_str(&time, "%Y-%m-%d %H:%M:%S%.f")
        .ok()
        .and_then(|time| Timestamp::from_unix_ms(time.and_utc().timestamp_millis()))
        .ok_or_else(|| format!("`{time}` is not a time as Uptime Kuma writes it"))?;
    let outcome = match status {
        0 => Outcome::Failed(Fault::Unspecified),
        1 => Outcome::Answered {
            latency_us: ping.and_then(latency_us).unwrap_or(0),
            partial: false,
        },
        2 if PASSIVE_TYPES.contains(&monitor.kind.as_str()) => Outcome::Void(Void::StatedUnknown),
        2 => Outcome::Failed(Fault::Unspecified),
        3 => Outcome::Void(Void::NotExecuted),
        other => {
            return Err(format!(
                "status {other} is not one that we know (0 down, 1 up, 2 pending, 3 maintenance)"
            ));
        }
    };
    let message = match outcome {
        Outcome::Answered { .. } => String::new(),
        Outcome::Failed(_) | Outcome::Void(_) => message.unwrap_or_default(),
    };
    Ok(Fact {
        observation: Observation {
            tick: at,
            at,
            outcome,
        },
        message,
    })
}
