//! What a guest asks for as text: hosts, ports, name servers, URLs. By the protocol, the grant comes
//! before what is wrong with the text. Nothing happens here; the effect that follows is judged again,
//! and its addresses too.

use super::Gate;
use crate::{
    capability::{
        Request, RequestUrl,
        address::{parse_destination, parse_host},
    },
    effect::{Denial, DenialReason, Failure, Nameserver, Refusal},
    printable::Text,
};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use tollgate_abi::{host::kinds, service_port};

/// The port of a name server without one in its text.
const DNS_PORT: u16 = 53;

/// Where a guest asks to connect to.
pub(crate) struct Destination {
    pub(crate) host: String,
    pub(crate) port: u16,
}

fn invalid(message: impl Into<String>) -> Refusal {
    Failure::new(kinds::CONFIG, "", message).into()
}

impl Gate {
    /// Reads a host and a port in the protocol's order of checks: the grant, then an empty host, then
    /// an empty port.
    pub(crate) fn destination(&self, host: &str, port_text: &str) -> Result<Destination, Refusal> {
        let service = service_port(port_text).map(|port| port.to_string());
        let port_text = service.as_deref().unwrap_or(port_text);
        let request = format!("network:outbound:{port_text}");
        let port = match request.parse() {
            Ok(Request::Connect { host: None, port }) => port,
            _ if port_text.is_empty() && self.has_network_grant() => {
                let empty = if host.is_empty() { "host" } else { "port" };
                return Err(invalid(format!("{empty} cannot be empty")));
            }
            // No grant can allow what is not a port.
            _ => return Err(self.deny_malformed(&request).into()),
        };
        if host.is_empty() {
            self.check(&Request::Connect { host: None, port })?;
            return Err(invalid("host cannot be empty"));
        }
        match parse_host(host) {
            Ok(name) => Ok(Destination {
                host: name.to_string(),
                port,
            }),
            Err(error) if self.has_network_grant() => {
                Err(invalid(format!("host {host:?} cannot be used: {error}")))
            }
            Err(_) => {
                let host = Some(host.to_owned());
                Err(self.deny(&Request::Connect { host, port }).into())
            }
        }
    }

    /// Reads which name server to ask; an empty text is the world's own.
    pub(crate) fn nameserver(&self, text: &str) -> Result<Option<Nameserver>, Refusal> {
        let (host, port) = match parse_destination(text) {
            _ if text.is_empty() => (None, DNS_PORT),
            Ok((host, port)) => (Some(host.to_string()), port.unwrap_or(DNS_PORT)),
            Err(error) if self.has_network_grant() => {
                let message = format!("nameserver {text:?} cannot be used: {error}");
                return Err(invalid(message));
            }
            Err(_) => (None, DNS_PORT),
        };
        self.check(&Request::Connect {
            host: host.clone(),
            port,
        })?;
        Ok(host.map(|host| Nameserver { host, port }))
    }

    /// Reads the name or address that a guest looks up. It needs no grant of its own.
    pub(crate) fn hostname(&self, text: &str) -> Result<String, Refusal> {
        match parse_host(text) {
            Ok(host) => Ok(host.to_string()),
            Err(error) => Err(invalid(format!(
                "hostname {text:?} cannot be used: {error}"
            ))),
        }
    }

    /// Reads a URL, and checks that it is granted.
    pub(crate) fn url(&self, text: &str) -> Result<RequestUrl, Refusal> {
        let url = RequestUrl::parse(text).ok_or_else(|| {
            invalid(format!(
                "invalid URL: {text:?} must be an http(s) URL with an unambiguous host"
            ))
        })?;
        self.check(&Request::Url(url.text()))?;
        Ok(url)
    }

    fn check(&self, request: &Request) -> Result<(), Denial> {
        match self.policy.covers(request) {
            true => Ok(()),
            false => Err(self.deny(request)),
        }
    }

    fn has_network_grant(&self) -> bool {
        let mut grants = self.policy.grants.iter();
        grants.any(|grant| grant.kind() == "network")
    }

    /// The denial of something that no grant can allow, reported to the operator.
    fn deny_malformed(&self, request: &str) -> Denial {
        let denial = Denial {
            plugin: self.plugin.to_string().into(),
            request: request.into(),
            needs: Text::default(),
            also: Vec::new(),
            reason: DenialReason::NotCovered,
            for_operator: None,
        };
        self.reports.denied(&self.plugin, &denial);
        denial
    }

    /// The denial of a request, reported to the operator.
    fn deny(&self, request: &Request) -> Denial {
        let denial = self.policy.denial(&self.plugin, request);
        self.reports.denied(&self.plugin, &denial);
        denial
    }
}
