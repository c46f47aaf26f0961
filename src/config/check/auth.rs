//! What proves to a service who asks.

use std::ops::Range;

use crate::config::raw;
use crate::config::reader::Given;
use crate::sla::catalog::{
    Authentication, ClientCertificate, ClientCredentials, SecretPlace, Url, Value,
};

use super::Checker;

impl Checker<'_> {
    /// Exactly one of the ways.
    pub(super) fn authentication(&self, raw: raw::Auth) -> Option<Authentication> {
        const WAYS: &str = "write one: `basic = { user = \"vigie\", password = { file = \"…\" } }`, `bearer = { file = \"…\" }` or `oauth2 = { token_url = \"…\", client_id = \"…\", client_secret = { file = \"…\" } }`";
        match (raw.basic, raw.bearer, raw.oauth2) {
            (Given::Written(basic), Given::LeftOut, Given::LeftOut) => {
                self.basic(basic.into_inner())
            }
            (Given::LeftOut, bearer @ Given::Written(_), Given::LeftOut) => self
                .place("bearer", bearer, raw.at)
                .map(Authentication::Bearer),
            (Given::LeftOut, Given::LeftOut, Given::Written(oauth2)) => self
                .oauth2(oauth2.into_inner())
                .map(Authentication::ClientCredentials),
            (Given::Wrong, _, _) | (_, Given::Wrong, _) | (_, _, Given::Wrong) => None,
            (Given::LeftOut, Given::LeftOut, Given::LeftOut) => {
                self.notes
                    .fault(raw.at, "`auth` does not say how to prove who asks", WAYS);
                None
            }
            _ => {
                self.notes
                    .fault(raw.at, "`auth` names more than one way", WAYS);
                None
            }
        }
    }

    fn basic(&self, raw: raw::Basic) -> Option<Authentication> {
        let password = self.place("password", raw.password, raw.at);
        let user = raw.user?;
        if user.get_ref().contains(':') || user.get_ref().chars().any(char::is_control) {
            self.notes.fault(
                user.span(),
                "`user` cannot be sent: it holds a colon or a control character",
                "write the name alone; the password has its own key",
            );
        }
        Some(Authentication::Basic {
            user: user.into_inner(),
            password: password?,
        })
    }

    fn oauth2(&self, raw: raw::OAuth2) -> Option<ClientCredentials> {
        if let Some(url) = &raw.token_url
            && !url.get_ref().tls
            && !is_this_machine(url.get_ref())
        {
            self.notes.fault(
                url.span(),
                "`token_url` is not `https`: everybody on the way could read the secret",
                "write an `https://` address",
            );
        }
        let client_secret = self.place("client_secret", raw.client_secret, raw.at);
        Some(ClientCredentials {
            token_url: raw.token_url?.into_inner(),
            client_id: raw.client_id?.into_inner(),
            client_secret: client_secret?,
            scope: raw.scope.maybe()?,
            in_body: raw.in_body.or(false)?,
            ca_file: raw.ca_file.maybe()?.map(|path| self.base.join(path)),
        })
    }

    pub(super) fn client_certificate(&self, raw: raw::Certificate) -> Option<ClientCertificate> {
        Some(ClientCertificate {
            file: self.base.join(raw.file?.into_inner()),
            key_file: self.base.join(raw.key_file?.into_inner()),
        })
    }

    /// Where a secret is that must be somewhere; `at` is the table that wants it.
    fn place(
        &self,
        key: &str,
        written: Given<raw::Value>,
        at: Range<usize>,
    ) -> Option<SecretPlace> {
        match written {
            Given::Wrong => None,
            Given::LeftOut => {
                self.notes.absence(
                    at,
                    format!("`{key}` is missing"),
                    format!(
                        "add its place, for example `{key} = {{ file = \"/etc/vigie/{key}\" }}`"
                    ),
                );
                None
            }
            Given::Written(value) => match self.text_or_secret(key, value.into_inner())? {
                Value::Secret(place) => Some(place),
                // Refused already: the key says that it is a secret.
                Value::Plain(_) => None,
            },
        }
    }
}

pub(super) fn is_this_machine(url: &Url) -> bool {
    url.host == "localhost"
        || url
            .host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}
