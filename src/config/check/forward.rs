//! Where what is seen is handed in, by an instance that keeps nothing itself.

use super::auth::is_this_machine;
use super::store::{DEFAULT_SPOOL, of_a_server};
use super::{Checker, Places, raw};
use crate::config::reader::Given;
use crate::config::{CertificateFiles, ForwardConfig};
use crate::sla::catalog::{SecretPlace, Url};

impl Checker<'_> {
    /// `override_url` stands in place of the written one.
    pub(super) fn forward(
        &self,
        raw: Given<raw::Forward>,
        override_url: Option<&Url>,
    ) -> Option<ForwardConfig> {
        let Some(raw) = raw.maybe()? else {
            self.notes.absence(
                0..0,
                "observations are to be handed in, and nothing says who hands them in",
                "add `[forward]` with `token = { file = \"/etc/vigie/token\" }`, or with a certificate",
            );
            return None;
        };
        if let (Given::LeftOut, Given::LeftOut) = (&raw.token, &raw.certificate) {
            self.notes.absence(
                raw.at.clone(),
                "nothing says who hands in: neither `token` nor `certificate` is there",
                "add `token = { file = \"/etc/vigie/token\" }`, or `certificate = { file = \"/etc/vigie/vigie.pem\", key_file = \"/etc/vigie/vigie-key.pem\" }`",
            );
        }
        // What the command line says has no place in the file.
        let url_at = raw.url.at().filter(|_| override_url.is_none());
        let written = raw.url.maybe()?;
        let url = override_url.cloned().or(written);
        match (&url, url_at) {
            (None, _) => self.notes.absence(
                raw.at,
                "`url` is missing in [forward]",
                "add the collector's address, for example `url = \"https://collector.example/\"`, or give it with `vigie run --forward`",
            ),
            (Some(url), at) if !url.tls && !is_this_machine(url) => self.notes.fault(
                at.unwrap_or(raw.at),
                "observations and the token would cross a network in the clear",
                "write an `https://` address",
            ),
            (Some(url), at) if url.path.contains('?') => self.notes.fault(
                at.unwrap_or(raw.at),
                "the address of a collector has no query",
                "write it up to the path where its intake is",
            ),
            (Some(_), _) => {}
        }
        let token = match raw.token.maybe()? {
            Some(token) => Some(self.token(token)?),
            None => None,
        };
        let certificate = match raw.certificate.maybe()? {
            Some(certificate) => Some(self.certificate(certificate)?),
            None => None,
        };
        Some(ForwardConfig {
            url: url?,
            token,
            certificate,
            ca_file: raw.ca_file.maybe()?.map(|path| self.base.join(path)),
            spool: self.path(raw.spool, DEFAULT_SPOOL)?,
        })
    }

    /// Refuses what only an instance with a store can do.
    pub(super) fn keeps_nothing(&self, file: &raw::File) {
        let store = &file.store;
        let of_a_store = [("path", store.path.at()), ("url", store.url.at())];
        for (key, at) in of_a_store.into_iter().chain(of_a_server(store)) {
            if let Some(at) = at {
                self.notes.fault(
                    at,
                    format!("`{key}` is about a store, and this instance hands in what it sees"),
                    format!("remove `{key}`, or `[forward]`"),
                );
            }
        }
        for (what, at) in [
            ("letters are sent", file.mail.relay.at()),
            ("letters are written", file.mail.folder.at()),
            ("other vantages hand in", file.intake.at()),
        ] {
            if let Some(at) = at {
                self.notes.fault(
                    at,
                    format!("{what} where the store is, and this instance has none"),
                    "remove it here, and write it where the collector runs",
                );
            }
        }
    }

    pub(super) fn token(&self, raw: raw::Password) -> Option<SecretPlace> {
        let places = Places {
            what: "the token",
            file: "token = { file = \"/etc/vigie/token\" }",
            env: "token = { env = \"VIGIE_TOKEN\" }",
        };
        self.secret_place(raw.at, raw.file, raw.env, places)
    }

    pub(super) fn certificate(&self, raw: raw::Certificate) -> Option<CertificateFiles> {
        Some(CertificateFiles {
            file: self.base.join(raw.file?.into_inner()),
            key_file: self.base.join(raw.key_file?.into_inner()),
        })
    }
}
