//! Addresses: which ranges are closed, and which word opens them. How a host is written, and which
//! texts are refused because resolvers disagree on them, is the business of `host`; nothing is
//! resolved in either place.
//!
//! # Words
//!
//! A grant opens a closed range by naming a word literally; `network:outbound:*` implies none.
//!
//! | range | opened by |
//! |---|---|
//! | networks of the operator's own (10/8, fc00::/7, carrier NAT, ...) | `private` |
//! | this machine (127/8, ::1) | `loopback`, or `private` |
//! | link-local and the metadata services of clouds | `metadata` only |
//! | multicast, unspecified, reserved, documentation, tunnels | nothing |
//!
//! `private` opens this machine too, because every existing Reglet grant that says `private` means
//! both (reglet-abi 4.4). The words themselves stay literal: a wish for the word `loopback` is not
//! covered by a grant of `private`. Ask [`Verdict::opened_by`] about an address, not the words.
//! Metadata services hand out the machine's credentials, so no other word opens them, wherever
//! they live: also inside a range that would be `private` otherwise.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use super::host::{BadHost, Host, parse_destination, parse_host};

/// The words that open addresses which are closed otherwise: `network:outbound:private`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressWord {
    /// Networks of the operator's own, and this machine.
    Private,
    /// This machine only.
    Loopback,
    /// Link-local networks and the places where clouds keep a machine's credentials.
    Metadata,
}

impl AddressWord {
    /// The word as it is written in a grant.
    pub fn as_str(self) -> &'static str {
        match self {
            AddressWord::Private => "private",
            AddressWord::Loopback => "loopback",
            AddressWord::Metadata => "metadata",
        }
    }

    pub(super) fn parse(text: &str) -> Option<AddressWord> {
        [
            AddressWord::Private,
            AddressWord::Loopback,
            AddressWord::Metadata,
        ]
        .into_iter()
        .find(|word| word.as_str() == text)
    }
}

impl fmt::Display for AddressWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What [`judge`] says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the address is closed unless a word opens it.
    pub blocked: bool,
    /// The range that decided and what it is, `10.0.0.0/8 (private)`; `public` if none did.
    pub range: &'static str,
    /// The narrowest word that opens it; `None` if it is open, or if nothing opens it.
    pub word: Option<AddressWord>,
}

impl Verdict {
    /// Whether the address may be reached by someone who holds the words for which `granted` is
    /// true.
    pub fn opened_by(&self, granted: impl Fn(AddressWord) -> bool) -> bool {
        match self.word {
            None => !self.blocked,
            Some(AddressWord::Loopback) => {
                granted(AddressWord::Loopback) || granted(AddressWord::Private)
            }
            Some(word) => granted(word),
        }
    }

    /// Why the address was refused, for a denial: the words of reglet-abi 3.8, after the name of
    /// the destination. Empty for an open address.
    pub fn refusal(&self, ip: IpAddr) -> String {
        let needs = match self.word {
            None if !self.blocked => return String::new(),
            None => "no grant opens it".to_owned(),
            Some(AddressWord::Private) => "requires network:outbound:private capability".to_owned(),
            Some(AddressWord::Loopback) => {
                "requires network:outbound:loopback or network:outbound:private capability"
                    .to_owned()
            }
            Some(AddressWord::Metadata) => "requires network:outbound:metadata capability, \
                 network:outbound:private is not enough"
                .to_owned(),
        };
        format!("private/reserved IP {ip}, in {} ({needs})", self.range)
    }
}

const fn closed(range: &'static str) -> Verdict {
    Verdict {
        blocked: true,
        range,
        word: None,
    }
}

const fn worded(range: &'static str, word: AddressWord) -> Verdict {
    Verdict {
        blocked: true,
        range,
        word: Some(word),
    }
}

const PUBLIC: Verdict = Verdict {
    blocked: false,
    range: "public",
    word: None,
};

/// A prefix, its length in bits, and the verdict on what lies in it.
type Range<T> = (T, u32, Verdict);

use AddressWord::{Loopback, Metadata, Private};

/// The first range that contains an address decides, so single addresses stand before the range
/// around them.
const V4: &[Range<Ipv4Addr>] = &[
    (
        Ipv4Addr::new(127, 0, 0, 0),
        8,
        worded("127.0.0.0/8 (loopback, localhost)", Loopback),
    ),
    (
        Ipv4Addr::new(10, 0, 0, 0),
        8,
        worded("10.0.0.0/8 (private)", Private),
    ),
    (
        Ipv4Addr::new(172, 16, 0, 0),
        12,
        worded("172.16.0.0/12 (private)", Private),
    ),
    (
        Ipv4Addr::new(192, 168, 0, 0),
        16,
        worded("192.168.0.0/16 (private)", Private),
    ),
    (
        Ipv4Addr::new(169, 254, 0, 0),
        16,
        worded("169.254.0.0/16 (link-local, metadata)", Metadata),
    ),
    (
        Ipv4Addr::new(168, 63, 129, 16),
        32,
        worded("168.63.129.16/32 (metadata, Azure)", Metadata),
    ),
    (
        Ipv4Addr::new(100, 100, 100, 200),
        32,
        worded("100.100.100.200/32 (metadata)", Metadata),
    ),
    (
        Ipv4Addr::new(192, 0, 0, 192),
        32,
        worded("192.0.0.192/32 (metadata, Oracle)", Metadata),
    ),
    (
        Ipv4Addr::new(100, 64, 0, 0),
        10,
        worded("100.64.0.0/10 (private, carrier NAT)", Private),
    ),
    (
        Ipv4Addr::new(198, 18, 0, 0),
        15,
        worded("198.18.0.0/15 (private, benchmarks)", Private),
    ),
    (
        Ipv4Addr::new(0, 0, 0, 0),
        32,
        closed("0.0.0.0/32 (unspecified, reaches this machine)"),
    ),
    (
        Ipv4Addr::new(0, 0, 0, 0),
        8,
        closed("0.0.0.0/8 (unspecified, this network)"),
    ),
    (
        Ipv4Addr::new(224, 0, 0, 0),
        4,
        closed("224.0.0.0/4 (multicast)"),
    ),
    (
        Ipv4Addr::new(255, 255, 255, 255),
        32,
        closed("255.255.255.255/32 (broadcast)"),
    ),
    (
        Ipv4Addr::new(240, 0, 0, 0),
        4,
        closed("240.0.0.0/4 (reserved)"),
    ),
    (
        Ipv4Addr::new(192, 0, 0, 0),
        24,
        closed("192.0.0.0/24 (reserved, protocols)"),
    ),
    (
        Ipv4Addr::new(192, 0, 2, 0),
        24,
        closed("192.0.2.0/24 (documentation)"),
    ),
    (
        Ipv4Addr::new(198, 51, 100, 0),
        24,
        closed("198.51.100.0/24 (documentation)"),
    ),
    (
        Ipv4Addr::new(203, 0, 113, 0),
        24,
        closed("203.0.113.0/24 (documentation)"),
    ),
    (
        Ipv4Addr::new(192, 88, 99, 0),
        24,
        closed("192.88.99.0/24 (6to4 relay)"),
    ),
];

const fn v6(a: u16, b: u16, c: u16, d: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)
}

const V6: &[Range<Ipv6Addr>] = &[
    (
        Ipv6Addr::LOCALHOST,
        128,
        worded("::1/128 (loopback, localhost)", Loopback),
    ),
    (
        Ipv6Addr::UNSPECIFIED,
        128,
        closed("::/128 (unspecified, reaches this machine)"),
    ),
    (
        v6(0xfd00, 0xec2, 0, 0),
        32,
        worded("fd00:ec2::/32 (metadata, AWS)", Metadata),
    ),
    (
        v6(0xfd20, 0xce, 0, 0),
        32,
        worded("fd20:ce::/32 (metadata, Google)", Metadata),
    ),
    (
        v6(0xfc00, 0, 0, 0),
        7,
        worded("fc00::/7 (private)", Private),
    ),
    (
        v6(0xfe80, 0, 0, 0),
        10,
        worded("fe80::/10 (link-local, metadata)", Metadata),
    ),
    (
        v6(0xfec0, 0, 0, 0),
        10,
        worded("fec0::/10 (private, site-local)", Private),
    ),
    (v6(0xff00, 0, 0, 0), 8, closed("ff00::/8 (multicast)")),
    (
        Ipv6Addr::UNSPECIFIED,
        96,
        closed("::/96 (reserved, holds an IPv4 address)"),
    ),
    (
        v6(0x64, 0xff9b, 1, 0),
        48,
        closed("64:ff9b:1::/48 (NAT64, local)"),
    ),
    (v6(0x2002, 0, 0, 0), 16, closed("2002::/16 (6to4 tunnel)")),
    (v6(0x2001, 0, 0, 0), 32, closed("2001::/32 (Teredo tunnel)")),
    (
        v6(0x2001, 0xdb8, 0, 0),
        32,
        closed("2001:db8::/32 (documentation)"),
    ),
    (
        v6(0x100, 0, 0, 0),
        64,
        closed("100::/64 (reserved, discard)"),
    ),
    (v6(0x3fff, 0, 0, 0), 20, closed("3fff::/20 (documentation)")),
    (
        v6(0x5f00, 0, 0, 0),
        16,
        closed("5f00::/16 (reserved, segment routing)"),
    ),
];

/// Whether `ip` is closed, by which range of reglet-abi 4.4, and which word opens it. An IPv6
/// address that stands for an IPv4 one (`::ffff:0:0/96`, `64:ff9b::/96`) is judged as that.
pub fn judge(ip: IpAddr) -> Verdict {
    match ip {
        IpAddr::V4(ip) => judge_v4(ip),
        IpAddr::V6(ip) => match inner_v4(ip) {
            Some(inner) => judge_v4(inner),
            None => first(V6, |(prefix, bits, _)| {
                same_prefix(prefix.to_bits(), ip.to_bits(), 128, *bits)
            }),
        },
    }
}

fn judge_v4(ip: Ipv4Addr) -> Verdict {
    first(V4, |(prefix, bits, _)| {
        same_prefix(prefix.to_bits().into(), ip.to_bits().into(), 32, *bits)
    })
}

fn first<T>(ranges: &[Range<T>], contains: impl Fn(&Range<T>) -> bool) -> Verdict {
    ranges
        .iter()
        .find(|range| contains(range))
        .map_or(PUBLIC, |(_, _, verdict)| *verdict)
}

/// Whether two numbers of `width` bits agree in the first `bits`.
fn same_prefix(a: u128, b: u128, width: u32, bits: u32) -> bool {
    (a ^ b).checked_shr(width.saturating_sub(bits)).unwrap_or(0) == 0
}

/// The IPv4 address that a v4-mapped or NAT64 address reaches.
fn inner_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = ip.to_bits();
    let prefix = bits >> 32;
    let nat64 = v6(0x64, 0xff9b, 0, 0).to_bits() >> 32;
    (prefix == 0xffff || prefix == nat64).then(|| Ipv4Addr::from_bits(bits as u32))
}

/// Whether `ip` lies in the network of `bits` leading bits of `network`. Families do not mix; a
/// v4-mapped address counts as IPv4.
pub(super) fn in_network(ip: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (ip.to_canonical(), network) {
        (IpAddr::V4(ip), IpAddr::V4(net)) => {
            same_prefix(ip.to_bits().into(), net.to_bits().into(), 32, bits)
        }
        (IpAddr::V6(ip), IpAddr::V6(net)) => same_prefix(ip.to_bits(), net.to_bits(), 128, bits),
        _ => false,
    }
}
