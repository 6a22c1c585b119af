//! `network:<direction>:<targets>`: ports, address words, one host with its ports, or one URL.
//! Whether an address is blocked is decided in `address`.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

use super::address::{AddressWord, Host, in_network, parse_host};
use super::error::Flaw;
use super::glob::{Braces, Glob, Parts, is_wild_with_braces};
use super::host::parse_port;
use super::url::{Url, looks_like_url};

#[derive(Clone, Debug)]
pub(super) struct NetworkPattern {
    /// `inbound` is part of the grammar; no effect requests it.
    pub(super) inbound: bool,
    pub(super) target: Target,
}

#[derive(Clone, Debug)]
pub(super) enum Target {
    /// `*`: every port of every host, but no word.
    Any,
    Url(Url),
    Host(HostPattern, Ports),
    Items(Ports, Vec<AddressWord>),
}

#[derive(Clone, Debug)]
pub(super) enum HostPattern {
    Any,
    Exact(Host),
    /// A star matches dots too: only `/` separates parts. Braces are choices, since no host name
    /// contains any.
    Glob(Glob),
    /// An address and the length of its prefix in bits.
    Network(IpAddr, u32),
}

/// Ranges of ports, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ports {
    /// As written, sorted.
    written: Vec<(u16, u16)>,
    /// The same ports as the smallest number of ranges, sorted.
    merged: Vec<(u16, u16)>,
}

impl NetworkPattern {
    /// The pattern and its canonical text.
    pub(super) fn parse(text: &str) -> Result<(NetworkPattern, String), Flaw> {
        let (inbound, targets) = split_direction(text)?;
        let (direction, offset) = match inbound {
            true => ("inbound", "inbound:".len()),
            false => ("outbound", "outbound:".len()),
        };
        let (target, canonical) = Target::parse(targets).map_err(|flaw| flaw.shifted(offset))?;
        if inbound && !matches!(target, Target::Any | Target::Items(..)) {
            return Err(Flaw::new(offset, "inbound takes ports only"));
        }
        Ok((
            NetworkPattern { inbound, target },
            format!("{direction}:{canonical}"),
        ))
    }

    pub(super) fn covers_connect(&self, host: Option<&str>, port: u16) -> bool {
        if self.inbound || port == 0 {
            return false;
        }
        let host = match host.map(parse_host) {
            // No grant allows an ambiguous host.
            Some(Err(_)) => return false,
            Some(Ok(host)) => Some(host),
            None => None,
        };
        self.covers_host(host.as_ref(), port)
    }

    fn covers_host(&self, host: Option<&Host>, port: u16) -> bool {
        match &self.target {
            Target::Any => true,
            Target::Url(_) => false,
            Target::Items(ports, _) => ports.contain(port),
            // A request without a host may mean any: a grant for one host does not allow it.
            Target::Host(pattern, ports) => {
                ports.contain(port) && host.is_some_and(|host| pattern.matches(host))
            }
        }
    }

    /// A URL is allowed by the same URL, and by a grant for its host and port.
    pub(super) fn covers_url(&self, url: &Url) -> bool {
        match &self.target {
            _ if self.inbound => false,
            Target::Url(own) => own == url,
            _ => self.covers_host(Some(&url.host), url.port),
        }
    }

    /// Words are literal: `*` includes none of them, and no word includes another.
    pub(super) fn covers_word(&self, word: AddressWord) -> bool {
        matches!(&self.target, Target::Items(_, words) if !self.inbound && words.contains(&word))
    }

    pub(super) fn covers_listen(&self, port: u16) -> bool {
        self.inbound && port != 0 && self.covers_host(None, port)
    }
}

impl Target {
    fn parse(text: &str) -> Result<(Target, String), Flaw> {
        if text == "*" {
            return Ok((Target::Any, text.to_owned()));
        }
        if looks_like_url(text) {
            // Commas belong to the URL, so nothing can follow it.
            let url = Url::parse(text).ok_or_else(|| {
                Flaw::new(0, "not a URL").hint("a grant names one URL and nothing else")
            })?;
            let normal = url.normal();
            return Ok((Target::Url(url), normal));
        }
        if let Some((host, ports)) = text.rsplit_once(':') {
            let pattern = HostPattern::parse(host)?;
            let offset = host.len().saturating_add(1);
            let (ports, words) = match ports {
                "*" => (Ports::all(), Vec::new()),
                list => parse_items(list).map_err(|flaw| flaw.shifted(offset))?,
            };
            if let Some(word) = words.first() {
                return Err(
                    Flaw::new(offset, format!("`{word}` cannot be granted for a host"))
                        .hint(format!("grant network:outbound:{word} separately")),
                );
            }
            let canonical = format!("{}:{}", pattern.text(), ports.text());
            return Ok((Target::Host(pattern, ports), canonical));
        }
        let (ports, words) = parse_items(text)?;
        let mut items: Vec<&str> = words.iter().map(|word| word.as_str()).collect();
        let numbers = ports.text();
        if !ports.written.is_empty() {
            items.insert(0, &numbers);
        }
        let canonical = items.join(",");
        Ok((Target::Items(ports, words), canonical))
    }
}

/// Parses a list of ports, ranges and words. Blanks around an item are ignored.
fn parse_items(text: &str) -> Result<(Ports, Vec<AddressWord>), Flaw> {
    let (mut ranges, mut words) = (Vec::new(), Vec::new());
    let mut at = 0;
    for item in text.split(',') {
        match AddressWord::parse(item.trim()) {
            Some(word) => words.push(word),
            None => ranges.push(parse_range(item.trim()).map_err(|flaw| flaw.shifted(at))?),
        }
        at = at.saturating_add(item.len()).saturating_add(1);
    }
    words.sort_unstable();
    words.dedup();
    Ok((Ports::new(ranges), words))
}

/// Splits the direction from the targets. Returns whether it is `inbound`.
pub(super) fn split_direction(text: &str) -> Result<(bool, &str), Flaw> {
    match text.split_once(':') {
        Some(("outbound", targets)) => Ok((false, targets)),
        Some(("inbound", targets)) => Ok((true, targets)),
        Some(_) => {
            Err(Flaw::new(0, "unknown direction").hint("the directions are outbound and inbound"))
        }
        None => Err(Flaw::new(0, "no direction").hint("write network:outbound:<ports>")),
    }
}

/// Parses one port, not a range.
pub(super) fn parse_one_port(text: &str) -> Result<u16, Flaw> {
    let problem = "not a port from 1 to 65535, written without sign and zeros";
    parse_port(text).ok_or_else(|| Flaw::new(0, problem))
}

/// Parses `80` or `8000-9000`.
pub(super) fn parse_range(item: &str) -> Result<(u16, u16), Flaw> {
    if item.is_empty() {
        return Err(Flaw::new(0, "a port is missing"));
    }
    if item.starts_with('*') {
        return Err(Flaw::new(0, "`*` cannot be part of a list or range")
            .hint("write network:outbound:* or network:outbound:<host>:*"));
    }
    let (low, high) = item.split_once('-').unwrap_or((item, item));
    match (parse_port(low), parse_port(high)) {
        (Some(low), Some(high)) if low <= high => Ok((low, high)),
        (Some(_), Some(_)) => Err(Flaw::new(0, "the range ends before it begins")),
        _ => {
            let flaw = Flaw::new(0, "not a port or range of ports from 1 to 65535");
            if item.contains(|c: char| c.is_ascii_alphabetic()) {
                Err(flaw.hint("a host is written with its ports: network:outbound:<host>:<ports>"))
            } else {
                Err(flaw)
            }
        }
    }
}

impl Ports {
    fn new(mut written: Vec<(u16, u16)>) -> Ports {
        written.sort_unstable();
        written.dedup();
        let mut merged: Vec<(u16, u16)> = Vec::new();
        for (low, high) in &written {
            match merged.last_mut() {
                Some((_, end)) if *low <= end.saturating_add(1) => *end = (*end).max(*high),
                _ => merged.push((*low, *high)),
            }
        }
        Ports { written, merged }
    }

    pub(super) fn all() -> Ports {
        Ports::new(vec![(1, u16::MAX)])
    }

    pub(super) fn contain(&self, port: u16) -> bool {
        self.contain_range(port, port)
    }

    /// Whether every port of `other` is contained.
    pub(super) fn contain_all(&self, other: &Ports) -> bool {
        let mut ranges = other.merged.iter();
        ranges.all(|(low, high)| self.contain_range(*low, *high))
    }

    fn contain_range(&self, low: u16, high: u16) -> bool {
        // Only the last range that begins at or before `low` can contain it: ranges do not touch.
        let after = self.merged.partition_point(|(own, _)| *own <= low);
        let range = after.checked_sub(1).and_then(|at| self.merged.get(at));
        range.is_some_and(|(_, end)| high <= *end)
    }

    pub(super) fn are_all(&self) -> bool {
        self.contain_all(&Ports::all())
    }

    fn text(&self) -> String {
        if *self == Ports::all() {
            return "*".to_owned();
        }
        let items = self.written.iter().map(|(low, high)| match low == high {
            true => low.to_string(),
            false => format!("{low}-{high}"),
        });
        items.collect::<Vec<_>>().join(",")
    }
}

impl HostPattern {
    fn parse(text: &str) -> Result<HostPattern, Flaw> {
        if text == "*" {
            return Ok(HostPattern::Any);
        }
        let bracketed = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        let plain = bracketed.unwrap_or(text);
        if text.contains(['{', '}'])
            && let Some(at) = text.find([':', '/'])
        {
            return Err(Flaw::new(
                at,
                "a glob with braces cannot contain a network or an IPv6 address",
            )
            .hint("grant each separately"));
        }
        if let Some((address, bits)) = plain.split_once('/') {
            return HostPattern::parse_network(address, bits)
                .ok_or_else(|| Flaw::new(0, "not a network such as 10.0.0.0/8"));
        }
        if bracketed.is_none() {
            if let Some(at) = text.find(':') {
                return Err(
                    Flaw::new(at, "more than one host, or an address without brackets")
                        .hint("one host per grant, an IPv6 address as [::1]"),
                );
            }
            if is_wild_with_braces(text) {
                let glob = text.to_ascii_lowercase();
                let glob = Glob::parse(&glob, Parts::OfText, Braces::Choices)?;
                let any = glob.covers_names_in("") || glob.covers_all_below("");
                return Ok(match any {
                    true => HostPattern::Any,
                    false => HostPattern::Glob(glob),
                });
            }
        }
        let host = parse_host(text).map_err(|error| Flaw::new(0, error.to_string()))?;
        Ok(HostPattern::Exact(host))
    }

    fn parse_network(address: &str, bits: &str) -> Option<HostPattern> {
        let address: IpAddr = address.parse().ok()?;
        let width: u16 = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            "0" => 0,
            bits => parse_port(bits).filter(|bits| *bits <= width)?,
        };
        Some(HostPattern::Network(address, bits.into()))
    }

    fn text(&self) -> String {
        match self {
            HostPattern::Any => "*".to_owned(),
            HostPattern::Exact(host) => host.bracketed(),
            HostPattern::Glob(glob) => glob.text().to_owned(),
            HostPattern::Network(ip, bits) if ip.is_ipv6() => format!("[{ip}/{bits}]"),
            HostPattern::Network(ip, bits) => format!("{ip}/{bits}"),
        }
    }

    pub(super) fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (HostPattern::Any, _) => true,
            (HostPattern::Exact(own), host) => own == host,
            (HostPattern::Glob(glob), Host::Name(name)) => glob.matches(name),
            (HostPattern::Glob(glob), Host::Ip(ip)) => glob.matches(&ip.to_string()),
            (HostPattern::Network(network, bits), Host::Ip(ip)) => in_network(*ip, *network, *bits),
            (HostPattern::Network(..), Host::Name(_)) => false,
        }
    }
}
