//! Closed sets of words.

use chrono::Weekday;
use toml::de::DeValue;

use super::{Kind, Refusal, string};
use crate::config::MailSecurity;
use crate::config::reader::nearest;
use crate::sla::catalog::{
    Family, HttpVersion, Language, Progress, ProxyKind, Rcode, RecordType, StartTls,
};
use crate::sla::commitment::{Degraded, PeriodSource};

/// A closed set of words, each of which means a value.
trait Word: Sized + Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];

    fn of(value: &DeValue<'_>, what: &str) -> Result<Self, Refusal> {
        let text = string(value)?;
        if let Some((_, meaning)) = Self::WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(*meaning);
        }
        let wrong = format!("is not {what}: `{text}`");
        let words = || Self::WORDS.iter().map(|(word, _)| *word);
        Err(match nearest(text, words()) {
            Some(word) => Refusal::WrongWithRemedy(wrong, format!("did you mean `\"{word}\"`?")),
            None => Refusal::Wrong(wrong),
        })
    }
}

macro_rules! words {
    ($kind:ty, $name:literal, $written:literal, $example:literal, $($word:literal => $value:expr),+) => {
        impl Word for $kind {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, $value)),+];
        }

        impl Kind for $kind {
            const NAME: &'static str = $name;
            const WRITTEN: &'static str = $written;
            const EXAMPLE: &'static str = $example;

            fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
                Self::of(value, $name)
            }
        }
    };
}

words!(
    Language, "a language", "`\"fr\"` or `\"en\"`", "\"fr\"",
    "fr" => Self::French, "en" => Self::English
);
words!(
    Progress, "a state of an action", "`\"planned\"`, `\"engaged\"` or `\"done\"`", "\"engaged\"",
    "planned" => Self::Planned, "engaged" => Self::Engaged, "done" => Self::Done
);
words!(
    Family, "a family of addresses",
    "`\"any\"`, `\"ipv4\"`, `\"ipv6\"`, `\"prefer-ipv4\"` or `\"prefer-ipv6\"`", "\"any\"",
    "any" => Self::Any, "ipv4" => Self::Ipv4, "ipv6" => Self::Ipv6,
    "prefer-ipv4" => Self::PreferIpv4, "prefer-ipv6" => Self::PreferIpv6
);
words!(
    StartTls, "a protocol",
    "`\"smtp\"`, `\"imap\"`, `\"pop3\"`, `\"ftp\"` or `\"postgres\"`", "\"smtp\"",
    "smtp" => Self::Smtp, "imap" => Self::Imap, "pop3" => Self::Pop3, "ftp" => Self::Ftp,
    "postgres" => Self::Postgres
);
words!(
    RecordType, "a type of record",
    "`\"A\"`, `\"AAAA\"`, `\"CAA\"`, `\"CNAME\"`, `\"MX\"`, `\"NS\"`, `\"PTR\"`, `\"SOA\"`, `\"SRV\"` or `\"TXT\"`", "\"A\"",
    "A" => Self::A, "AAAA" => Self::Aaaa, "CAA" => Self::Caa, "CNAME" => Self::Cname,
    "MX" => Self::Mx, "NS" => Self::Ns, "PTR" => Self::Ptr, "SOA" => Self::Soa,
    "SRV" => Self::Srv, "TXT" => Self::Txt
);
words!(
    Rcode, "a response code",
    "`\"NOERROR\"`, `\"NXDOMAIN\"`, `\"REFUSED\"` or `\"SERVFAIL\"`", "\"NOERROR\"",
    "NOERROR" => Self::NoError, "NXDOMAIN" => Self::NxDomain, "REFUSED" => Self::Refused,
    "SERVFAIL" => Self::ServFail
);
words!(
    HttpVersion, "a version of HTTP", "`\"any\"`, `\"1.1\"` or `\"2\"`", "\"any\"",
    "any" => Self::Any, "1.1" => Self::Http1, "2" => Self::Http2
);
words!(
    ProxyKind, "a kind of proxy", "`\"http\"` or `\"socks5\"`", "\"http\"",
    "http" => Self::Http, "socks5" => Self::Socks5
);
words!(
    MailSecurity, "a protection", "`\"tls\"`, `\"starttls\"` or `\"plain\"`", "\"tls\"",
    "tls" => Self::Tls, "starttls" => Self::StartTls, "plain" => Self::Plain
);

/// How the connection to the database is protected, before its authorities.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum StoreSecurity {
    Tls,
    Plain,
}

words!(
    StoreSecurity, "a protection", "`\"tls\"` or `\"plain\"`", "\"tls\"",
    "tls" => Self::Tls, "plain" => Self::Plain
);
words!(
    PeriodSource, "where the period comes from", "`\"text\"` (the clause says `a month`) or `\"assumption\"` (it names no period, and reports say so)", "\"text\"",
    "text" => Self::Text, "assumption" => Self::Assumption
);
words!(
    Degraded, "a treatment of slow answers", "`\"up\"` or `\"down\"`", "\"up\"",
    "up" => Self::Up, "down" => Self::Down
);
words!(
    Weekday, "a day of the week", "its English name in quotes", "\"sunday\"",
    "monday" => Self::Mon, "tuesday" => Self::Tue, "wednesday" => Self::Wed,
    "thursday" => Self::Thu, "friday" => Self::Fri, "saturday" => Self::Sat,
    "sunday" => Self::Sun
);

/// What a convention says about planned work, before its conditions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum MaintenanceWord {
    Counted,
    Excluded,
    Credited,
}

words!(
    MaintenanceWord, "a treatment of planned work",
    "`\"counted\"`, `\"excluded\"` or `\"credited\"`", "\"counted\"",
    "counted" => Self::Counted, "excluded" => Self::Excluded, "credited" => Self::Credited
);

/// A rule that needs no number and no name.
#[derive(Clone, Copy)]
pub(in crate::config) enum RuleWord {
    All,
    Any,
}

words!(
    RuleWord, "a rule",
    "`\"all\"`, `\"any\"`, `{ at_least = 2 }` or `{ main = \"an-endpoint\" }`", "\"all\"",
    "all" => Self::All, "any" => Self::Any
);

/// The quorum that needs no number.
#[derive(Clone, Copy)]
pub(in crate::config) struct Majority;

words!(
    Majority, "a quorum", "`\"majority\"` or `{ at_least = 2 }`", "\"majority\"",
    "majority" => Self
);

/// An HTTP method, of those that a probe can send.
#[derive(Clone, Copy)]
pub(in crate::config) struct Method(pub(in crate::config) &'static str);
words!(
    Method, "an HTTP method", "`\"GET\"`, `\"HEAD\"`, `\"POST\"` and so on, in capitals", "\"GET\"",
    "GET" => Self("GET"), "HEAD" => Self("HEAD"), "POST" => Self("POST"), "PUT" => Self("PUT"),
    "PATCH" => Self("PATCH"), "DELETE" => Self("DELETE"), "OPTIONS" => Self("OPTIONS")
);
