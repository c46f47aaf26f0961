//! Opening a database on a server: whose it is, which version, who records.

use super::db::{Database, Found, Postgres, Role};
use super::error::cannot_open;
use super::{Store, StoreError, migrations};
use crate::config::ServerConfig;

pub(super) fn open(server: &ServerConfig) -> Result<Store, StoreError> {
    ready(server, Role::Recorder(server.vantage.clone()))
}

pub(super) fn open_beside(server: &ServerConfig) -> Result<Store, StoreError> {
    ready(server, Role::Beside)
}

pub(super) fn open_reader(server: &ServerConfig) -> Result<Store, StoreError> {
    let postgres = connect(server, Role::Reader)?;
    match look(server, &postgres)? {
        Found::Nothing | Found::Foreign => Err(not_ours(server, "this database holds nothing yet")),
        Found::Ours { schema } if schema < migrations::last() => Err(StoreError::Older {
            store: server.name.clone(),
            found: schema,
            known: migrations::last(),
        }),
        Found::Ours { .. } => Ok(store(server, postgres)),
    }
}

/// Connects, creates or upgrades the schema where needed.
fn ready(server: &ServerConfig, role: Role) -> Result<Store, StoreError> {
    let postgres = connect(server, role)?;
    let up_to_date = match look(server, &postgres)? {
        Found::Foreign => {
            return Err(not_ours(server, "this is a database of another program"));
        }
        Found::Nothing => false,
        Found::Ours { schema } => schema == migrations::last(),
    };
    let mut store = store(server, postgres);
    if !up_to_date {
        store.bring_up_to_date()?;
    }
    Ok(store)
}

fn connect(server: &ServerConfig, role: Role) -> Result<Postgres, StoreError> {
    Postgres::connect(server, role).map_err(|error| cannot_open(error, &server.name))
}

/// What is there, unless it is too new for us.
fn look(server: &ServerConfig, postgres: &Postgres) -> Result<Found, StoreError> {
    let found = postgres
        .look()
        .map_err(|error| cannot_open(error, &server.name))?;
    match found {
        Found::Ours { schema } if schema > migrations::last() => Err(StoreError::Newer {
            store: server.name.clone(),
            found: schema,
            known: migrations::last(),
        }),
        found => Ok(found),
    }
}

fn not_ours(server: &ServerConfig, what: &'static str) -> StoreError {
    StoreError::NotOurs {
        store: server.name.clone(),
        what,
    }
}

fn store(server: &ServerConfig, postgres: Postgres) -> Store {
    let database = Database::Postgres(Box::new(postgres));
    Store::new(database, server.name.clone(), None, None)
}
