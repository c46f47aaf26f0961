//! DNS records as they are compared: what means the same to a name server is equal, and nothing
//! else is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::RecordType;

/// What a DNS record holds. Shown as zone files write it: `10 mx.example`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DnsRecord {
    /// `A`, `AAAA`.
    Address(IpAddr),
    /// `CNAME`, `NS`, `PTR`.
    Name(DomainName),
    /// `MX`.
    Mail {
        /// The smaller is asked first.
        preference: u16,
        /// The mail server.
        host: DomainName,
    },
    /// `SRV`.
    Service {
        /// The smaller is asked first.
        priority: u16,
        /// How often it is asked among those of one priority.
        weight: u16,
        /// Where it listens.
        port: u16,
        /// The server.
        host: DomainName,
    },
    /// `SOA`.
    Zone {
        /// The first name server.
        primary: DomainName,
        /// Who is responsible, with a dot in place of the `@`.
        mailbox: DomainName,
        /// Serial, then refresh, retry, expire and minimum in seconds.
        numbers: [i64; 5],
    },
    /// `CAA`.
    Issuance {
        /// As a number: 128 is critical.
        flags: u8,
        /// `issue`, in small letters.
        tag: String,
        /// Exactly as it is.
        value: String,
    },
    /// `TXT`: its strings without a gap, exactly as they are.
    Text(String),
}

/// A name as name servers compare it: whatever its case, with or without the dot at its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DomainName(String);

impl DomainName {
    /// The name of an answer, of whatever signs.
    pub fn new(name: &str) -> Self {
        let whole = match name.strip_suffix('.') {
            Some("") | None => name,
            Some(whole) => whole,
        };
        Self(whole.to_ascii_lowercase())
    }

    /// A name that a person wrote, if it can be one. A host's address is none.
    fn read(text: &str) -> Option<Self> {
        // "There is none", as RFC 7505 and RFC 2782 write it.
        if text == "." {
            return Some(Self::new(text));
        }
        let whole = text.strip_suffix('.').unwrap_or(text);
        // RFC 2317 puts a `/` into names of addresses, a mailbox may have a `\.`.
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|sign| sign.is_ascii_alphanumeric() || b"-_/\\*".contains(&sign))
        };
        let is_last = |label: &str| {
            !label.contains(['/', '\\', '*']) && !label.bytes().all(|sign| sign.is_ascii_digit())
        };
        let last = whole.rsplit('.').next()?;
        let fits = whole.len() <= 253 && whole.split('.').all(is_label) && is_last(last);
        fits.then(|| Self::new(text))
    }
}

impl DnsRecord {
    /// A record as a person writes it, in the way of zone files; absent if it is none of this kind.
    pub fn read(record: RecordType, text: &str) -> Option<Self> {
        let words: Vec<_> = text.split_whitespace().collect();
        let name = DomainName::read;
        Some(match (record, words.as_slice()) {
            (RecordType::A, [address]) => Self::Address(IpAddr::V4(number(address)?)),
            (RecordType::Aaaa, [address]) => Self::Address(IpAddr::V6(number(address)?)),
            (RecordType::Cname | RecordType::Ns | RecordType::Ptr, [host]) => {
                Self::Name(name(host)?)
            }
            (RecordType::Mx, [preference, host]) => Self::Mail {
                preference: number(preference)?,
                host: name(host)?,
            },
            (RecordType::Srv, [priority, weight, port, host]) => Self::Service {
                priority: number(priority)?,
                weight: number(weight)?,
                port: number(port)?,
                host: name(host)?,
            },
            (RecordType::Soa, [primary, mailbox, serial, refresh, retry, expire, minimum]) => {
                let seconds = |text: &str| number(text).map(u32::into);
                Self::Zone {
                    primary: name(primary)?,
                    mailbox: name(mailbox)?,
                    numbers: [
                        seconds(serial)?,
                        seconds(refresh)?,
                        seconds(retry)?,
                        seconds(expire)?,
                        seconds(minimum)?,
                    ],
                }
            }
            (RecordType::Caa, [flags, tag, _, ..]) => {
                if !tag.bytes().all(|sign| sign.is_ascii_alphanumeric()) {
                    return None;
                }
                let after_flags = text.trim_start().strip_prefix(flags)?;
                let value = after_flags.trim_start().strip_prefix(tag)?;
                Self::Issuance {
                    flags: number(flags)?,
                    tag: tag.to_ascii_lowercase(),
                    value: unquoted(value.trim()),
                }
            }
            (RecordType::Txt, _) => Self::Text(unquoted(text)),
            (
                RecordType::A
                | RecordType::Aaaa
                | RecordType::Caa
                | RecordType::Cname
                | RecordType::Mx
                | RecordType::Ns
                | RecordType::Ptr
                | RecordType::Soa
                | RecordType::Srv,
                _,
            ) => return None,
        })
    }
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// The text of `"one" "two"`, as zone files write strings; any other text is itself.
fn unquoted(text: &str) -> String {
    strings(text).unwrap_or_else(|| text.to_owned())
}

fn strings(text: &str) -> Option<String> {
    let mut rest = text.trim();
    let mut whole = String::new();
    while !rest.is_empty() {
        let mut signs = rest.strip_prefix('"')?.chars();
        loop {
            match signs.next()? {
                '"' => break,
                '\\' => whole.push(signs.next()?),
                sign => whole.push(sign),
            }
        }
        rest = signs.as_str().trim_start();
    }
    Some(whole)
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for DnsRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
            Self::Mail { preference, host } => write!(f, "{preference} {host}"),
            Self::Service {
                priority,
                weight,
                port,
                host,
            } => write!(f, "{priority} {weight} {port} {host}"),
            Self::Zone {
                primary,
                mailbox,
                numbers: [serial, refresh, retry, expire, minimum],
            } => write!(
                f,
                "{primary} {mailbox} {serial} {refresh} {retry} {expire} {minimum}"
            ),
            Self::Issuance { flags, tag, value } => write!(f, "{flags} {tag} \"{value}\""),
            Self::Text(text) => f.write_str(text),
        }
    }
}
