//! What is found over the network: hosts, names and addresses.

use std::net::{IpAddr, SocketAddr};

use toml::de::DeValue;

use super::{Kind, Refusal, string};
use crate::config::fault::names_a_secret;
use crate::sla::catalog::{HostPort, Url};

impl Kind for SocketAddr {
    const NAME: &'static str = "an address to listen on";
    const WRITTEN: &'static str = "an IP address and a port in quotes";
    const EXAMPLE: &'static str = "\"127.0.0.1:8430\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        string(value)?
            .parse()
            .map_err(|_| Refusal::Wrong("is not an IP address and a port".to_owned()))
    }
}

/// A PostgreSQL database, without the password.
pub(in crate::config) struct DatabaseUrl(pub(in crate::config) tokio_postgres::Config);

impl Kind for DatabaseUrl {
    const NAME: &'static str = "the address of a database";
    const WRITTEN: &'static str =
        "`postgres://user@host:port/database` in quotes; several hosts with commas between them";
    const EXAMPLE: &'static str = "\"postgres://vigie@db.example/vigie\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        let wrong = |why: &str| Refusal::Wrong(format!("is not the address of a database: {why}"));
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(wrong("it does not begin with `postgres://`"));
        }
        // The parser's own words may repeat what was written.
        let config: tokio_postgres::Config = text
            .parse()
            .map_err(|_| wrong("PostgreSQL's rules for connection addresses do not allow it"))?;
        if config.get_password().is_some() {
            return Err(Refusal::WrongWithRemedy(
                "holds a password: addresses are shown and logged".to_owned(),
                "take it out, change it, and write `password = { file = \"/etc/vigie/database-password\" }`".to_owned(),
            ));
        }
        for (there, what) in [
            (config.get_user().is_some(), "user"),
            (!config.get_hosts().is_empty(), "host"),
            (config.get_dbname().is_some(), "database"),
        ] {
            if !there {
                return Err(wrong(&format!("it names no {what}")));
            }
        }
        Ok(Self(config))
    }
}

/// An absolute address without credentials. What was written is never repeated in a message.
impl Kind for Url {
    const NAME: &'static str = "an address";
    const WRITTEN: &'static str = "an absolute http or https address in quotes";
    const EXAMPLE: &'static str = "\"https://api.example/ping\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        let wrong = |why: &str| Refusal::Wrong(format!("is not an address: {why}"));
        if !text.starts_with("http://") && !text.starts_with("https://") {
            return Err(wrong("it begins with neither `http://` nor `https://`"));
        }
        if text
            .chars()
            .any(|letter| letter.is_whitespace() || letter.is_control())
        {
            return Err(wrong("it holds a space or a control character"));
        }
        let url = url::Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::WrongWithRemedy(
                "holds a user name or password".to_owned(),
                "send it as a header whose value is read from a file: `headers = { Authorization = { file = \"/etc/vigie/authorization\" } }`".to_owned(),
            ));
        }
        if let Some((name, _)) = url.query_pairs().find(|(name, _)| names_a_secret(name)) {
            return Err(Refusal::WrongWithRemedy(
                format!("holds a secret in its query, as `{name}`: addresses are shown and logged"),
                "send it as a header whose value is read from a file: `headers = { Authorization = { file = \"/etc/vigie/authorization\" } }`".to_owned(),
            ));
        }
        if url.fragment().is_some() {
            return Err(wrong("it has a `#` part, which is never sent"));
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(wrong("it names no host"));
        };
        if port == 0 {
            return Err(wrong("nothing listens on port 0"));
        }
        let host = match host {
            url::Host::Domain(name) => name.to_owned(),
            url::Host::Ipv4(address) => address.to_string(),
            url::Host::Ipv6(address) => address.to_string(),
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        if hyper::Uri::try_from(path.as_str()).is_err() {
            return Err(wrong(
                "its path or query holds a character that must be written as %XX",
            ));
        }
        Ok(Self {
            tls: url.scheme() == "https",
            host,
            port,
            path,
        })
    }
}

/// The address that a text of another place than a file writes.
pub(in crate::config) fn url(text: &str) -> Result<Url, String> {
    Url::read(&DeValue::String(text.into())).map_err(|refusal| match refusal {
        Refusal::Wrong(why) | Refusal::WrongWithRemedy(why, _) => why,
        Refusal::Other => format!("is not {}", Url::NAME),
    })
}

impl Kind for IpAddr {
    const NAME: &'static str = "an IP address";
    const WRITTEN: &'static str = "an IPv4 or IPv6 address in quotes";
    const EXAMPLE: &'static str = "\"192.0.2.10\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        string(value)?
            .parse()
            .map_err(|_| Refusal::Wrong("is not an IP address".to_owned()))
    }
}

/// The name of a host, as certificates carry it.
pub(in crate::config) struct HostName(pub(in crate::config) String);

impl Kind for HostName {
    const NAME: &'static str = "the name of a host";
    const WRITTEN: &'static str = "a name without scheme, port or path, in quotes";
    const EXAMPLE: &'static str = "\"api.example\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        match url::Host::parse(string(value)?) {
            Ok(url::Host::Domain(name)) => Ok(Self(name)),
            Ok(url::Host::Ipv4(_) | url::Host::Ipv6(_)) | Err(_) => {
                Err(Refusal::Wrong("is not the name of a host".to_owned()))
            }
        }
    }
}

/// A host, by its name or its address.
pub(in crate::config) struct Host(pub(in crate::config) String);

impl Kind for Host {
    const NAME: &'static str = "a host";
    const WRITTEN: &'static str = "a name or an address without port, in quotes";
    const EXAMPLE: &'static str = "\"192.0.2.1\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        if text.parse::<IpAddr>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        match url::Host::parse(text) {
            Ok(url::Host::Domain(name)) => Ok(Self(name)),
            Ok(url::Host::Ipv4(_) | url::Host::Ipv6(_)) | Err(_) => {
                Err(Refusal::Wrong("is not a host".to_owned()))
            }
        }
    }
}

/// A name that a name server can be asked for.
pub(in crate::config) struct DnsName(pub(in crate::config) String);

impl Kind for DnsName {
    const NAME: &'static str = "a name";
    const WRITTEN: &'static str = "a whole name, in quotes";
    const EXAMPLE: &'static str = "\"api.example\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        let whole = text.strip_suffix('.').unwrap_or(text);
        let fits = whole.len() <= 253
            && whole.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            });
        fits.then(|| Self(whole.to_owned()))
            .ok_or_else(|| Refusal::Wrong("is not a name that name servers know".to_owned()))
    }
}

/// The name that a name server is asked for.
pub(in crate::config) struct Asked(pub(in crate::config) String);

impl Kind for Asked {
    const NAME: &'static str = DnsName::NAME;
    const WRITTEN: &'static str = DnsName::WRITTEN;
    const EXAMPLE: &'static str = DnsName::EXAMPLE;

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        if let Ok(address) = string(value)?.parse::<IpAddr>() {
            let mut name = hickory_proto::rr::Name::from(address);
            name.set_fqdn(false);
            return Err(Refusal::WrongWithRemedy(
                "is an address, which has another name where name servers are asked for it"
                    .to_owned(),
                format!("write `name = \"{name}\"` and `record = \"PTR\"`"),
            ));
        }
        DnsName::read(value).map(|DnsName(name)| Self(name))
    }
}

/// A host and a port.
impl Kind for HostPort {
    const NAME: &'static str = "a host and a port";
    const WRITTEN: &'static str = "a name or address, a colon and a port, in quotes";
    const EXAMPLE: &'static str = "\"resolver.example:443\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let parts = string(value)?.rsplit_once(':');
        let wrong = || Refusal::Wrong("is not a host and a port".to_owned());
        let (host, port) = parts.ok_or_else(wrong)?;
        let host = match url::Host::parse(host).map_err(|_| wrong())? {
            url::Host::Domain(name) => name,
            url::Host::Ipv4(address) => address.to_string(),
            url::Host::Ipv6(address) => address.to_string(),
        };
        let port = port.parse().ok().filter(|port| *port > 0);
        Ok(Self {
            host,
            port: port.ok_or_else(wrong)?,
        })
    }
}
