//! Where other vantages hand in what they saw, and who may.

use std::collections::BTreeSet;

use super::{Checker, all, raw};
use crate::config::reader::Given;
use crate::config::{IntakeConfig, IntakeVantage, IntakeWay};
use crate::sla::catalog::VantageId;

impl Checker<'_> {
    /// `own` is the vantage that this instance is itself.
    pub(super) fn intake(&self, raw: raw::Intake, own: Option<&VantageId>) -> Option<IntakeConfig> {
        if raw.vantages.as_ref().is_some_and(Vec::is_empty) {
            self.notes.absence(
                raw.at.clone(),
                "nobody may hand in: no vantage is named",
                "add a `[[web.intake.vantage]]` with its `id` and `token` below it",
            );
        }
        let has_authority = raw.client_ca_file.at().is_some();
        let mut known = BTreeSet::new();
        let vantages = all(raw.vantages, |vantage| {
            self.intake_vantage(vantage, own, has_authority, &mut known)
        });
        let behind_proxy = raw.behind_proxy.or(false)?;
        let listen_at = raw.listen.at();
        let listen = raw.listen.maybe()?;
        let certificate_at = raw.certificate.at();
        let certificate = match raw.certificate.maybe()? {
            Some(certificate) => Some(self.certificate(certificate)?),
            None => None,
        };
        let client_ca_file_at = raw.client_ca_file.at();
        let client_ca_file = raw.client_ca_file.maybe()?.map(|path| self.base.join(path));
        let way = if behind_proxy {
            for (key, at) in [
                ("listen", listen_at),
                ("certificate", certificate_at),
                ("client_ca_file", client_ca_file_at),
            ] {
                if let Some(at) = at {
                    self.notes.fault(
                        at,
                        format!("behind a proxy, `{key}` is the proxy's: parcels come to where the pages are"),
                        format!("remove `{key}`, or `behind_proxy`"),
                    );
                }
            }
            Some(IntakeWay::Proxy)
        } else {
            if listen.is_none() || certificate.is_none() {
                self.notes.absence(
                    raw.at,
                    "it is not said how other vantages come in",
                    "write `listen` and `certificate = { file = \"…\", key_file = \"…\" }`; or `behind_proxy = true` where a proxy with a certificate stands before the pages",
                );
            }
            listen
                .zip(certificate)
                .map(|(listen, certificate)| IntakeWay::Tls {
                    listen,
                    certificate,
                    client_ca_file,
                })
        };
        Some(IntakeConfig {
            way: way?,
            vantages: vantages?,
        })
    }

    fn intake_vantage(
        &self,
        raw: raw::IntakeVantage,
        own: Option<&VantageId>,
        has_authority: bool,
        known: &mut BTreeSet<VantageId>,
    ) -> Option<IntakeVantage> {
        if let (Given::LeftOut, Given::LeftOut) = (&raw.token, &raw.certificate_name) {
            self.notes.absence(
                raw.at.clone(),
                "nothing proves that it is this vantage",
                "add `token = { file = \"…\" }`, or `certificate_name` and `client_ca_file` above",
            );
        }
        if let Some(at) = raw.certificate_name.at()
            && !has_authority
        {
            self.notes.fault(
                at,
                "no authority vouches for certificates of vantages",
                "write `client_ca_file` in `[web.intake]`, or give the vantage a `token`",
            );
        }
        let token = match raw.token.maybe()? {
            Some(token) => Some(self.token(token)?),
            None => None,
        };
        let written = raw.id?;
        let id = VantageId::new(&written.get_ref().0)?;
        if own == Some(&id) {
            self.notes.fault(
                written.span(),
                format!("`{id}` is this instance itself (`vantage.id`)"),
                "give each vantage an id of its own",
            );
        } else if !known.insert(id.clone()) {
            self.notes.fault(
                written.span(),
                format!("the vantage `{id}` is named twice"),
                "give each vantage one entry",
            );
        }
        Some(IntakeVantage {
            id,
            token,
            certificate_name: raw.certificate_name.maybe()?.map(|name| name.0),
        })
    }
}
