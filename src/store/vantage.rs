//! Which vantages are alive, and which instance acts for all of them.
//!
//! Month-ends and letters are for one instance at a time: the one that holds the lease. It renews
//! it with every sign of life; when it falls silent, the lease expires and another takes it, under
//! a higher number. What the leader writes is written only if its number still holds, so one that
//! stalled and woke up late changes nothing.
//!
//! Lives and leases are reckoned by the database's clock: instances need not agree on the time.
//! The number is that clock's, too, where it is the higher one: a server that takes the place of
//! one whose last leases it never heard of gives none of their numbers again.

use super::db::{self, Database, Isolation, Row, values};
use super::{Store, StoreError, id, instant, optional_instant};
use crate::sla::catalog::VantageId;
use crate::sla::window::Timestamp;

/// How long a lease holds without a sign of life, in milliseconds.
const LEASE_MS: i64 = 15_000;
const LEADER: &str = "leader";
/// Who was silent for longer may be replaced by another installation, in milliseconds.
const HELD_MS: i64 = 60_000;

/// One run of the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// As whom it records.
    pub vantage: VantageId,
    /// When it began, by its own clock: no two instances of a vantage begin at once.
    pub began: Timestamp,
}

/// What a sign of life brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// How far our clock is ahead of the database's, in milliseconds; negative if it is behind.
    pub ahead_ms: i64,
    /// Our number as the leader, if we are.
    pub fence: Option<i64>,
}

/// Who hands in what it saw, as it tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// As which vantage.
    pub vantage: VantageId,
    /// Which installation of it: no other one has this name.
    pub instance: String,
    /// When its process began, by its own clock.
    pub began: Timestamp,
    /// How far its clock is ahead of the database's, in milliseconds.
    pub ahead_ms: i64,
    /// The version of its program.
    pub version: String,
}

/// Whether a caller may speak for its vantage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It may; its sign of life was noted.
    Yes,
    /// Another one does.
    Other {
        /// When that one began, by its own clock.
        began: Timestamp,
        /// How long ago it was last heard of, in milliseconds.
        ago_ms: i64,
    },
}

/// A vantage as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VantageNow {
    /// Its id.
    pub id: VantageId,
    /// When its latest instance began; absent if none ever gave a sign of life.
    pub began: Option<Timestamp>,
    /// When it last gave a sign of life, by the database's clock.
    pub seen: Option<Timestamp>,
    /// How far its clock was then ahead of the database's, in milliseconds.
    pub ahead_ms: Option<i64>,
    /// The version of the program.
    pub version: Option<String>,
    /// The last tick that it has an observation of.
    pub last_tick: Option<Timestamp>,
    /// Whether it is the one that closes months and sends letters.
    pub leads: bool,
}

impl Store {
    /// The database's clock; `now` where it is this machine's.
    ///
    /// # Errors
    /// What the database says.
    pub fn clock(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        self.read("read the database's clock", |snapshot| {
            Ok(snapshot.clock(now)?)
        })
    }

    /// Tells that `instance` lives, and takes or renews the lease if it can be had. `now` is the
    /// instance's own clock.
    ///
    /// # Errors
    /// What the database says.
    pub fn sign_of_life(
        &mut self,
        instance: &Instance,
        now: Timestamp,
    ) -> Result<Presence, StoreError> {
        let holder = format!("{}/{}", instance.vantage, instance.began.unix_ms());
        self.transaction("give a sign of life", Isolation::OwnRows, |transaction| {
            let at = transaction.clock(now)?;
            let ahead_ms = now.since(at);
            transaction.execute(
                "INSERT INTO vantage (id, began, seen, ahead_ms, version)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET
                     began = excluded.began, seen = excluded.seen, instance = NULL,
                     ahead_ms = excluded.ahead_ms, version = excluded.version",
                &values![
                    instance.vantage.as_str(),
                    instance.began.unix_ms(),
                    at.unix_ms(),
                    ahead_ms,
                    env!("CARGO_PKG_VERSION"),
                ],
            )?;
            let fence = transaction.first(
                "INSERT INTO lease (name, holder, fence, expires) VALUES (?1, ?2, ?4, ?3)
                 ON CONFLICT (name) DO UPDATE SET
                     fence = CASE WHEN lease.holder = excluded.holder THEN lease.fence
                                  WHEN lease.fence < ?4 THEN ?4
                                  ELSE lease.fence + 1 END,
                     holder = excluded.holder, expires = excluded.expires
                 WHERE lease.holder = excluded.holder OR lease.expires <= ?4
                 RETURNING fence",
                &values![LEADER, holder, at.plus_ms(LEASE_MS).unix_ms(), at.unix_ms()],
                |row| row.get(0),
            )?;
            Ok(Presence { ahead_ms, fence })
        })
    }

    /// Hears a caller, unless another installation, or an instance that records here itself, spoke
    /// for the same vantage within the last minute. `now` is this machine's clock.
    ///
    /// # Errors
    /// What the database says.
    pub fn hear(&mut self, caller: &Caller, now: Timestamp) -> Result<Heard, StoreError> {
        self.transaction("hear a vantage", Isolation::OwnRows, |transaction| {
            let at = transaction.clock(now)?;
            let heard = transaction.first(
                "INSERT INTO vantage (id, began, seen, ahead_ms, version, instance)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (id) DO UPDATE SET
                     began = excluded.began, seen = excluded.seen,
                     ahead_ms = excluded.ahead_ms, version = excluded.version,
                     instance = excluded.instance
                 WHERE vantage.instance = excluded.instance OR vantage.seen <= ?7
                 RETURNING seen",
                &values![
                    caller.vantage.as_str(),
                    caller.began.unix_ms(),
                    at.unix_ms(),
                    caller.ahead_ms,
                    &caller.version,
                    &caller.instance,
                    at.plus_ms(-HELD_MS).unix_ms(),
                ],
                |row| instant(row, 0),
            )?;
            if heard.is_some() {
                return Ok(Heard::Yes);
            }
            Ok(transaction.one(
                "SELECT began, seen FROM vantage WHERE id = ?1",
                &values![caller.vantage.as_str()],
                |row| {
                    Ok(Heard::Other {
                        began: instant(row, 0)?,
                        ago_ms: at.since(instant(row, 1)?),
                    })
                },
            )?)
        })
    }

    /// From now on writes as the leader that has this number, or not at all.
    #[must_use]
    pub fn led_by(mut self, fence: Option<i64>) -> Self {
        self.fence = fence;
        self
    }

    /// The vantages that ever gave a sign of life: when it was, by the database's clock, and how
    /// far their clocks were ahead of it, in milliseconds.
    ///
    /// # Errors
    /// What the database says.
    pub fn living_vantages(&self) -> Result<Vec<(VantageId, Timestamp, i64)>, StoreError> {
        self.read("read the vantages", |snapshot| {
            Ok(snapshot.query(
                "SELECT id, seen, ahead_ms FROM vantage ORDER BY id",
                &[],
                |row| Ok((id(row, 0, VantageId::new)?, instant(row, 1)?, row.get(2)?)),
            )?)
        })
    }

    /// Every vantage that ever recorded here, in order of their ids.
    ///
    /// # Errors
    /// What the database says.
    pub fn vantages(&self) -> Result<Vec<VantageNow>, StoreError> {
        let mut last_ticks = std::collections::BTreeMap::new();
        for (_, vantage, tick) in self.last_ticks()? {
            let last = last_ticks.entry(vantage).or_insert(tick);
            *last = tick.max(*last);
        }
        let mut vantages = self.read("read the vantages", |snapshot| {
            let leader = "SELECT holder FROM lease WHERE name = ?1";
            let leader: Option<String> =
                snapshot.first(leader, &values![LEADER], |row| row.get(0))?;
            let leader = leader.unwrap_or_default();
            Ok(snapshot.query(
                "SELECT id, began, seen, ahead_ms, version FROM vantage ORDER BY id",
                &[],
                |row| vantage(row, &leader),
            )?)
        })?;
        for known in &mut vantages {
            known.last_tick = last_ticks.remove(&known.id);
        }
        vantages.extend(last_ticks.into_iter().map(|(id, tick)| VantageNow {
            id,
            began: None,
            seen: None,
            ahead_ms: None,
            version: None,
            last_tick: Some(tick),
            leads: false,
        }));
        vantages.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(vantages)
    }
}

fn vantage(row: &Row<'_>, leader: &str) -> db::Result<VantageNow> {
    let vantage = id(row, 0, VantageId::new)?;
    let began = instant(row, 1)?;
    let holder = format!("{vantage}/{}", began.unix_ms());
    Ok(VantageNow {
        leads: holder == leader,
        id: vantage,
        began: Some(began),
        seen: optional_instant(row, 2)?,
        ahead_ms: row.get(3)?,
        version: row.get(4)?,
        last_tick: None,
    })
}

/// Whether this number is still the leader's. Nobody can take the lease before the transaction
/// ends: the row is written.
pub(super) fn still_leads(transaction: &Database, fence: i64) -> db::Result<bool> {
    let held = "UPDATE lease SET fence = fence WHERE name = ?1 AND fence = ?2";
    Ok(transaction.execute(held, &values![LEADER, fence])? == 1)
}
