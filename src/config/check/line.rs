//! Endpoints that are asked otherwise than over HTTP.

use std::collections::BTreeSet;

use toml::Spanned;

use crate::config::kind::Line;
use crate::config::raw;
use crate::config::reader::Given;
use crate::sla::catalog::{
    DnsProbe, DnsRecord, Family, HostPort, IcmpProbe, Probe, Rcode, RecordType, TcpProbe, TlsProbe,
    TlsTerms,
};

use super::Checker;

impl Checker<'_> {
    /// How an endpoint is asked: exactly one way must be written.
    pub(super) fn probe(&self, raw: raw::Ways) -> Option<Probe> {
        let written = [
            raw.http.at(),
            raw.tcp.at(),
            raw.tls.at(),
            raw.dns.at(),
            raw.icmp.at(),
        ];
        for second in written.into_iter().flatten().skip(1) {
            self.notes.fault(
                second,
                "the endpoint says in more than one way how to ask it",
                "keep one of them, and describe another endpoint for the other",
            );
        }
        let ways = [
            read(raw.http, |http| self.http(http).map(Probe::from)),
            read(raw.tcp, |tcp| self.tcp(tcp).map(Probe::Tcp)),
            read(raw.tls, |tls| self.tls(tls).map(Probe::Tls)),
            read(raw.dns, |dns| self.dns(dns).map(Probe::Dns)),
            read(raw.icmp, |icmp| {
                let host = icmp.host.as_ref().map(|host| &host.get_ref().0);
                self.family(&icmp.ip_family, host);
                Some(Probe::Icmp(IcmpProbe {
                    host: icmp.host?.into_inner().0,
                    family: icmp.ip_family.or(Family::Any)?,
                }))
            }),
        ];
        if ways.iter().all(Option::is_none) {
            self.notes.absence(
                raw.at,
                "the endpoint does not say how to ask it",
                "add a `[service.endpoint.http]` below it, with `url = \"https://…\"`",
            );
        }
        ways.into_iter().flatten().next()?
    }

    fn tcp(&self, raw: raw::Tcp) -> Option<TcpProbe> {
        let terms = &raw.terms;
        for (key, at) in [
            ("tls_name", terms.name.at()),
            ("ca_file", terms.ca_file.at()),
            ("certificate_days_min", terms.days_min.at()),
        ] {
            if let (Some(at), None) = (at, raw.starttls.at()) {
                self.notes.fault(
                    at,
                    format!("`{key}` has no effect: the connection does not change to TLS"),
                    format!(
                        "write `starttls` as well, use `tls` in place of `tcp`, or remove `{key}`"
                    ),
                );
            }
        }
        if let Given::Written(expect) = &raw.expect
            && expect.get_ref().is_empty()
        {
            self.notes.fault(
                expect.span(),
                "`expect` is empty: anything would be as expected",
                "write a text that must come back, or remove `expect`: a connection is then enough",
            );
        }
        self.family(&raw.ip_family, host(&raw.address));
        let starttls = raw.starttls.maybe()?;
        let terms = self.terms(raw.terms)?;
        Some(TcpProbe {
            address: raw.address?.into_inner(),
            family: raw.ip_family.or(Family::Any)?,
            starttls: starttls.map(|protocol| (protocol, terms)),
            send: raw.send.maybe()?,
            expect: raw.expect.maybe()?,
        })
    }

    fn tls(&self, raw: raw::Tls) -> Option<TlsProbe> {
        self.family(&raw.ip_family, host(&raw.address));
        Some(TlsProbe {
            address: raw.address?.into_inner(),
            family: raw.ip_family.or(Family::Any)?,
            terms: self.terms(raw.terms)?,
        })
    }

    fn terms(&self, raw: raw::TlsTerms) -> Option<TlsTerms> {
        Some(TlsTerms {
            name: raw.name.maybe()?.map(|name| name.0),
            ca_file: raw.ca_file.maybe()?.map(|path| self.base.join(path)),
            days_min: raw.days_min.maybe()?.map(std::num::NonZeroU32::get),
        })
    }

    fn dns(&self, raw: raw::Dns) -> Option<DnsProbe> {
        let rcode = raw.rcode.or(Rcode::NoError);
        if let (Some(first), Some(rcode)) = (raw.expected.iter().flatten().next(), rcode)
            && rcode != Rcode::NoError
        {
            self.notes.fault(
                first.span(),
                format!("an answer with {} has no records to compare", rcode.code()),
                "remove `expected`, or expect `rcode = \"NOERROR\"`",
            );
        }
        let record = raw.record.or(RecordType::A)?;
        let expected = raw.expected.as_deref().unwrap_or_default();
        let expected = expected.iter().filter_map(|text| self.record(record, text));
        Some(DnsProbe {
            expected: expected.collect::<BTreeSet<_>>(),
            name: raw.name?.into_inner().0,
            record,
            server: raw.server.maybe()?,
            rcode: rcode?,
        })
    }

    /// A record of the kind that is asked for. Another would be compared in vain, for ever.
    fn record(&self, record: RecordType, text: &Spanned<Line>) -> Option<DnsRecord> {
        let read = DnsRecord::read(record, &text.get_ref().0);
        if read.is_none() {
            let what = match record {
                RecordType::A => "an IPv4 address: `\"192.0.2.10\"`",
                RecordType::Aaaa => "an IPv6 address: `\"2001:db8::10\"`",
                RecordType::Caa => "flags, tag and value: `'0 issue \"ca.example\"'`",
                RecordType::Cname | RecordType::Ns | RecordType::Ptr => {
                    "a whole name: `\"host.example\"`"
                }
                RecordType::Mx => "a preference and a name: `\"10 mx.example\"`",
                RecordType::Soa => {
                    "two names and five numbers: `\"ns.example admin.example 2026010100 7200 3600 1209600 300\"`"
                }
                RecordType::Srv => "priority, weight, port and name: `\"10 5 5060 sip.example\"`",
                RecordType::Txt => "a text",
            };
            self.notes.fault(
                text.span(),
                format!(
                    "no {} record is written like this: no answer could be as expected",
                    record.code()
                ),
                format!("write {what}"),
            );
        }
        read
    }
}

fn host(address: &Option<Spanned<HostPort>>) -> Option<&String> {
    address.as_ref().map(|address| &address.get_ref().host)
}

/// What `check` makes of one way of asking, if it is written at all.
fn read<T>(written: Given<T>, check: impl FnOnce(T) -> Option<Probe>) -> Option<Option<Probe>> {
    match written {
        Given::LeftOut => None,
        Given::Wrong => Some(None),
        Given::Written(raw) => Some(check(raw.into_inner())),
    }
}
