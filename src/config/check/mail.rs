//! Letters: where they are handed over, in whose name, and what they bring.

use std::net::IpAddr;

use toml::Spanned;

use super::Checker;
use crate::config::kind::{Ms, Prose};
use crate::config::reader::Given;
use crate::config::{MailConfig, MailSecurity, MailTransport, RelayConfig, raw};
use crate::sla::catalog::{HostPort, Provider, SecretPlace};
use crate::sla::window::MINUTE_MS;

/// The page, which needs nothing but a browser.
const DEFAULT_ATTACH: [&str; 1] = ["rapport.html"];
const DEFAULT_TIMEOUT_MS: i64 = MINUTE_MS;

impl Checker<'_> {
    pub(super) fn mail(&self, raw: raw::Mail, provider: Option<&Provider>) -> Option<MailConfig> {
        let login = match raw.login.maybe()? {
            Some(login) => Some(self.login(login)?),
            None => None,
        };
        let security_at = raw.security.at();
        let security = raw.security.or(MailSecurity::Tls)?;
        let Ms(timeout_ms) = raw.timeout.or(Ms(DEFAULT_TIMEOUT_MS))?;
        let hello = raw.hello.maybe()?.map(|name| name.0);
        let ca_file = raw.ca_file.maybe()?.map(|path| self.base.join(path));
        if let (Some(_), Some(at)) = (raw.relay.at(), raw.folder.at()) {
            self.notes.fault(
                at,
                "letters go one way: `relay` is there already",
                "remove `folder`, or `relay`",
            );
        }
        let folder = raw.folder.maybe()?.map(|path| self.base.join(path));
        let from = match raw.from.maybe()? {
            Some(from) => from.0,
            None => provider?.contact.clone(),
        };
        let link_only_at = raw.link_only.at();
        let link_only = raw.link_only.or(false)?;
        if let (true, Some(at), None) = (link_only, link_only_at, raw.base_url.at()) {
            self.notes.fault(
                at,
                "letters would bring neither the report nor a link to it",
                "write `base_url`, where the reports' folder is served",
            );
        }
        let transport = match raw.relay.maybe()? {
            Some(relay) => {
                if let Some(at) = security_at
                    && security == MailSecurity::Plain
                    && !is_this_machine(&relay)
                {
                    self.notes.fault(
                        at,
                        "letters and the password would cross a network in the clear",
                        "write `\"tls\"` or `\"starttls\"`; `\"plain\"` is for a relay on this machine",
                    );
                }
                let domain = from.rsplit_once('@').map(|(_, domain)| domain.to_owned());
                Some(MailTransport::Relay(RelayConfig {
                    host: relay.host,
                    port: relay.port,
                    security,
                    login,
                    ca_file,
                    hello: hello.or(domain)?,
                    timeout_ms,
                }))
            }
            None => folder.map(MailTransport::Folder),
        };
        Some(MailConfig {
            transport,
            from,
            label: match raw.label.maybe()? {
                Some(label) => label.0,
                None => provider?.name.clone(),
            },
            reply_to: raw.reply_to.maybe()?.map(|mailbox| mailbox.0),
            return_path: raw.return_path.maybe()?.map(|mailbox| mailbox.0),
            signature: raw.signature.maybe()?.map(|Prose(text)| text),
            attach: match raw.attach {
                _ if link_only => Vec::new(),
                Some(names) => names.into_iter().map(|name| name.into_inner().0).collect(),
                None => DEFAULT_ATTACH.map(str::to_owned).to_vec(),
            },
            base_url: raw
                .base_url
                .maybe()?
                .map(|url| url.to_string().trim_end_matches('/').to_owned()),
            review: raw.review.or(false)?,
            revoked_partners: raw.revoked_partners.or(false)?,
        })
    }

    fn login(&self, raw: raw::Login) -> Option<(String, SecretPlace)> {
        let place = match (raw.file, raw.env) {
            (Given::Written(file), Given::LeftOut) => {
                SecretPlace::File(self.base.join(file.into_inner()))
            }
            (Given::LeftOut, Given::Written(env)) => SecretPlace::Env(env.into_inner().0),
            (Given::Wrong, _) | (_, Given::Wrong) => return None,
            (Given::Written(_), Given::Written(_)) | (Given::LeftOut, Given::LeftOut) => {
                self.notes.fault(
                    raw.at,
                    "the password has one place: a `file` or an `env`",
                    "write `login = { user = \"vigie\", file = \"/etc/vigie/mail-password\" }` or `login = { user = \"vigie\", env = \"MAIL_PASSWORD\" }`",
                );
                return None;
            }
        };
        Some((raw.user.map(Spanned::into_inner)?.0, place))
    }
}

fn is_this_machine(relay: &HostPort) -> bool {
    let address: Result<IpAddr, _> = relay.host.parse();
    address.map_or(relay.host == "localhost", |address| address.is_loopback())
}
