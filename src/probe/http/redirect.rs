//! Where a redirect leads, and what may be sent there.

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap, LOCATION, PROXY_AUTHORIZATION};

use super::super::{Ending, quoted};
use super::Asking;
use super::request::Leg;
use crate::sla::catalog::Url;
use crate::sla::observation::{Fault, Void};

/// The request that an answer of this `status` leads to. What is meant for one origin is not sent to
/// another.
pub(super) fn redirected(
    asking: Asking<'_>,
    leg: &Leg,
    status: u16,
    answered: &HeaderMap,
) -> Result<Leg, Ending> {
    let Asking {
        trust,
        probe,
        prepared,
        ..
    } = asking;
    let nowhere = |why: String| Ending::failed(Fault::Redirect, format!("status {status} {why}"));
    let Some(location) = answered.get(LOCATION) else {
        return Err(nowhere("without `Location`".to_owned()));
    };
    let location = String::from_utf8_lossy(location.as_bytes());
    let Some(url) = resolve(&leg.url, &location) else {
        return Err(nowhere("leads to no `http` or `https` address".to_owned()));
    };
    let same_origin = url.origin() == leg.url.origin();
    // As browsers do it: 307 and 308 repeat the request, the others ask for a page.
    let repeats = matches!(status, 307 | 308) || matches!(leg.method, Method::GET | Method::HEAD);
    let (method, body) = if repeats {
        (leg.method.clone(), leg.body.clone())
    } else {
        (Method::GET, Bytes::new())
    };
    if !same_origin && !body.is_empty() {
        return Err(nowhere(format!(
            "leads to {}, where the request's body is not sent",
            quoted(&url.origin())
        )));
    }
    let headers = if same_origin {
        leg.headers.clone()
    } else {
        without_credentials(&leg.headers)
    };
    let identity = prepared.identity_for(&url.host);
    let mut next = Leg::new(trust, probe, identity, url, method, headers, body)
        .map_err(|error| Ending::void(Void::NotExecuted, format!("could not {error}")))?;
    if same_origin {
        next.authority = leg.authority.clone();
    }
    Ok(next)
}

/// Where `location` leads from `base`.
fn resolve(base: &Url, location: &str) -> Option<Url> {
    let url = url::Url::parse(&base.to_string())
        .ok()?
        .join(location)
        .ok()?;
    let tls = match url.scheme() {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let host = match url.host()? {
        url::Host::Domain(name) => name.to_owned(),
        url::Host::Ipv4(address) => address.to_string(),
        url::Host::Ipv6(address) => address.to_string(),
    };
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    Some(Url {
        tls,
        host,
        port: url.port_or_known_default()?,
        path,
    })
}

/// The headers that may be sent to another origin.
fn without_credentials(headers: &HeaderMap) -> HeaderMap {
    let private = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];
    headers
        .iter()
        .filter(|(name, value)| !value.is_sensitive() && !private.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
