//! Letters: where they are handed over, in whose name, and what they bring.

use std::net::IpAddr;

use toml::Spanned;

use super::{Checker, Places};
use crate::config::kind::{FileName, HostName, Ms, Prose};
use crate::config::reader::nearest;
use crate::config::{DkimConfig, MailConfig, MailSecurity, MailTransport, RelayConfig, raw};
use crate::report::DOCUMENT_NAMES;
use crate::sla::catalog::{HostPort, Provider, SecretPlace};
use crate::sla::window::MINUTE_MS;

/// What offices keep: it is tagged, dated and printed as it is. Many mail systems take a page that
/// is attached for a trap.
const DEFAULT_ATTACH: [&str; 1] = ["rapport.pdf"];
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
        let dkim = match raw.dkim.maybe()? {
            Some(dkim) => Some(self.dkim(dkim, &from)?),
            None => None,
        };
        for name in raw.attach.iter().flatten() {
            self.is_document(name);
        }
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
            dkim,
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

    /// Notes a name that no document of a report has: letters would wait for it.
    fn is_document(&self, name: &Spanned<FileName>) {
        let written = name.get_ref().0.as_str();
        if !DOCUMENT_NAMES.contains(&written) {
            let known = nearest(written, DOCUMENT_NAMES.into_iter());
            self.notes.fault(
                name.span(),
                format!("no document of a report is called `{written}`"),
                match known {
                    Some(known) => format!("write `\"{known}\"`"),
                    None => format!("write one of: {}", DOCUMENT_NAMES.join(", ")),
                },
            );
        }
    }

    fn login(&self, raw: raw::Login) -> Option<(String, SecretPlace)> {
        let place = self.secret_place(
            raw.at,
            raw.file,
            raw.env,
            Places {
                what: "the password",
                file: "login = { user = \"vigie\", file = \"/etc/vigie/mail-password\" }",
                env: "login = { user = \"vigie\", env = \"MAIL_PASSWORD\" }",
            },
        );
        Some((raw.user.map(Spanned::into_inner)?.0, place?))
    }

    fn dkim(&self, raw: raw::Dkim, from: &str) -> Option<DkimConfig> {
        let key = self.secret_place(
            raw.at,
            raw.file,
            raw.env,
            Places {
                what: "the key",
                file: "dkim = { selector = \"vigie\", file = \"/etc/vigie/dkim.pem\" }",
                env: "dkim = { selector = \"vigie\", env = \"DKIM_KEY\" }",
            },
        );
        let sender = from.rsplit_once('@').map_or("", |(_, domain)| domain);
        // As signatures and the name service write it.
        let sender = url::Host::parse(sender).map_or(sender.to_owned(), |host| host.to_string());
        let at = raw.domain.at();
        let domain = raw.domain.or(HostName(sender.clone()))?.0;
        let is_below = |one: &str, other: &str| one.ends_with(&format!(".{other}"));
        let aligned = domain == sender || is_below(&domain, &sender) || is_below(&sender, &domain);
        if let (false, Some(at)) = (aligned, at) {
            self.notes.fault(
                at,
                format!("`{domain}` cannot sign for a sender of `{sender}`: receivers would not count its signature (DMARC)"),
                format!("write `domain = \"{sender}\"`, or leave it out"),
            );
        }
        Some(DkimConfig {
            domain,
            selector: raw.selector?.into_inner().0,
            key: key?,
        })
    }
}

fn is_this_machine(relay: &HostPort) -> bool {
    let address: Result<IpAddr, _> = relay.host.parse();
    address.map_or(relay.host == "localhost", |address| address.is_loopback())
}
