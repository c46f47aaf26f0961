//! How to ask over anything but HTTP: a connection, a handshake, a name, an echo.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use super::{DnsRecord, Family, HostPort};

/// A TCP connection, and what is said on it. Without `expect`, a connection is a good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpProbe {
    /// Where.
    pub address: HostPort,
    /// Which kind of address.
    pub family: Family,
    /// Turns the connection into a protected one, in the language of this protocol, before
    /// anything else is said.
    pub starttls: Option<(StartTls, TlsTerms)>,
    /// Said first. Never shown.
    pub send: Option<String>,
    /// A text that must come back.
    pub expect: Option<String>,
}

/// A TLS handshake from the first byte, and nothing after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsProbe {
    /// Where.
    pub address: HostPort,
    /// Which kind of address.
    pub family: Family,
    /// How the certificate is judged.
    pub terms: TlsTerms,
}

/// How the certificate of a server is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsTerms {
    /// The name that the certificate must carry, in place of the host's.
    pub name: Option<String>,
    /// A file of trusted authorities (PEM) in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// For how many more whole days the certificate must be valid, at least.
    pub days_min: Option<u32>,
}

/// A protocol that changes to TLS on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StartTls {
    /// RFC 3207.
    Smtp,
    /// RFC 9051, section 6.2.1.
    Imap,
    /// RFC 2595, section 4.
    Pop3,
    /// RFC 4217.
    Ftp,
    /// PostgreSQL's `SSLRequest`.
    Postgres,
}

impl StartTls {
    /// Every protocol.
    pub const ALL: [Self; 5] = [
        Self::Smtp,
        Self::Imap,
        Self::Pop3,
        Self::Ftp,
        Self::Postgres,
    ];

    /// Its name in the configuration.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Ftp => "ftp",
            Self::Postgres => "postgres",
        }
    }
}

/// A question to a name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsProbe {
    /// The name asked for.
    pub name: String,
    /// The kind of record asked for.
    pub record: RecordType,
    /// Whom to ask; absent: the system's first name server.
    pub server: Option<HostPort>,
    /// The response code of a good answer.
    pub rcode: Rcode,
    /// The records of a good answer, all of them and no other; empty: any, but at least one where
    /// the response code is [`Rcode::NoError`].
    pub expected: BTreeSet<DnsRecord>,
}

/// A kind of DNS record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordType {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Who may issue certificates.
    Caa,
    /// Another name.
    Cname,
    /// Mail servers.
    Mx,
    /// Name servers.
    Ns,
    /// A name for an address.
    Ptr,
    /// The zone's beginning.
    Soa,
    /// Where a service is.
    Srv,
    /// Texts.
    Txt,
}

impl RecordType {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::A,
        Self::Aaaa,
        Self::Caa,
        Self::Cname,
        Self::Mx,
        Self::Ns,
        Self::Ptr,
        Self::Soa,
        Self::Srv,
        Self::Txt,
    ];

    /// As zone files write it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Caa => "CAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Ns => "NS",
            Self::Ptr => "PTR",
            Self::Soa => "SOA",
            Self::Srv => "SRV",
            Self::Txt => "TXT",
        }
    }
}

/// What a name server says of a question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rcode {
    /// It knows the name.
    #[default]
    NoError,
    /// There is no such name.
    NxDomain,
    /// It does not answer us.
    Refused,
    /// It could not find out.
    ServFail,
}

impl Rcode {
    /// Every code that can be expected.
    pub const ALL: [Self; 4] = [Self::NoError, Self::NxDomain, Self::Refused, Self::ServFail];

    /// As people write it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoError => "NOERROR",
            Self::NxDomain => "NXDOMAIN",
            Self::Refused => "REFUSED",
            Self::ServFail => "SERVFAIL",
        }
    }
}

/// An ICMP echo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IcmpProbe {
    /// A name or an address (IPv6 without brackets).
    pub host: String,
    /// Which kind of address.
    pub family: Family,
}

/// `tcp mail.example:25`
impl fmt::Display for TcpProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tcp {}", self.address)?;
        match &self.starttls {
            Some((protocol, _)) => write!(f, " starttls {}", protocol.code()),
            None => Ok(()),
        }
    }
}

/// `tls api.example:443`
impl fmt::Display for TlsProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tls {}", self.address)
    }
}

/// `dns A api.example at 192.0.2.53:53`
impl fmt::Display for DnsProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dns {} {}", self.record.code(), self.name)?;
        match &self.server {
            Some(server) => write!(f, " at {server}"),
            None => Ok(()),
        }
    }
}

/// `icmp 192.0.2.1`
impl fmt::Display for IcmpProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "icmp {}", self.host)
    }
}
