//! What a server refused or kept from us: in words, and what to do about it.

use std::error::Error as _;
use std::io;

use rustls::CertificateError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// What the server said, or what kept us from hearing it.
pub(in crate::store) fn words(error: &Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", said.message(), said.code().code());
    }
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

/// What to do about it, after a colon; empty if nothing general can be said.
pub(in crate::store) fn remedy(error: &Error) -> &'static str {
    if let Some(code) = error.code() {
        return remedy_of_state(code);
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            let tls = error.get_ref().and_then(|inner| inner.downcast_ref());
            return match tls {
                Some(error) => remedy_of_tls(error),
                None if error.kind() == io::ErrorKind::PermissionDenied => {
                    ": it is a copy: name the server that writes in `store.url`, too"
                }
                None => ": see that the server runs and can be reached from here (`store.url`)",
            };
        }
        cause = error.source();
    }
    ": see that the server offers TLS (or write `security = \"plain\"` where the network to it is trusted), and that `store.password` is there if it asks for one"
}

fn remedy_of_tls(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            ": no authority that we trust signed the server's certificate: name the file of the one that did as `store.ca_file`"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            ": name the server in `store.url` as its certificate does, or give it a certificate for this name"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => {
            ": renew the server's certificate (its `ssl_cert_file`) and reload the server; if it is valid, set our clock"
        }
        _ => {
            ": see the server's certificate and its settings of TLS (`ssl_cert_file`, `ssl_min_protocol_version`)"
        }
    }
}

fn remedy_of_state(code: &SqlState) -> &'static str {
    if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        ": it was opened for reading only, or the server is a copy: name the one that writes in `store.url`"
    } else if *code == SqlState::QUERY_CANCELED || *code == SqlState::LOCK_NOT_AVAILABLE {
        ": it took longer than `store.statement_timeout`; what was saved before is intact"
    } else if *code == SqlState::DISK_FULL {
        ": free space on the server's disk; what was saved before is intact"
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        ": raise the server's `max_connections`; an instance opens a handful"
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        ": the account of `store.url` must own the schema that it writes"
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        ": create the account, or let it in from here, with TLS or without as `store.security` says (the server's `pg_hba.conf`)"
    } else if code.code().starts_with("28") || *code == SqlState::UNDEFINED_DATABASE {
        ": correct `store.url` and `store.password`, or create the account and the database"
    } else if code.code().starts_with("57P") {
        ": the server is starting or stopping; try again"
    } else {
        ""
    }
}

/// Whether the connection that it happened on is of no more use to one who `writes`.
pub(super) fn ends_connection(error: &Error, writes: bool) -> bool {
    let Some(code) = error.code() else {
        return true;
    };
    // A server that was demoted, or is only a copy by now: the one that writes is looked for.
    (*code == SqlState::READ_ONLY_SQL_TRANSACTION && writes) || code.code().starts_with("57P")
}
