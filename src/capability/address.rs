//! Addresses: which ranges are blocked, and which word opens them. Hosts are parsed in `host`. Neither
//! module resolves names.
//!
//! # Words
//!
//! A grant opens a blocked range by naming a word literally; `network:outbound:*` includes none.
//!
//! | range | opened by |
//! |---|---|
//! | private networks (10/8, fc00::/7, carrier NAT, ...) | `private` |
//! | this machine (127/8, ::1) | `loopback`, or `private` |
//! | link-local and the metadata services of clouds | `metadata` only |
//! | multicast, unspecified, reserved, documentation, tunnels, and every other special range | nothing |
//!
//! `private` opens this machine too, because in existing Reglet grants it means both. The words
//! themselves are literal: a grant of `private` does not allow a request for the word `loopback`. To
//! test an address use [`Verdict::opened_by`]. Metadata services return the machine's credentials, so
//! no other word opens them, even if their address lies in a private range.

use alloc::{borrow::ToOwned, string::String};
use core::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

pub use super::host::{BadHost, Host, parse_destination, parse_host};

/// A word that opens addresses which are blocked otherwise: `network:outbound:private`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AddressWord {
    /// Private networks and this machine.
    Private,
    /// This machine only.
    Loopback,
    /// Link-local networks and the metadata services of clouds.
    Metadata,
}

impl AddressWord {
    /// Returns the word as it is written in a grant.
    #[must_use]
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

/// The result of [`judge`] for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Whether the address is blocked unless a word opens it.
    pub blocked: bool,
    /// The narrowest special range that contains it, `10.0.0.0/8 (private)`; otherwise `public`.
    pub range: &'static str,
    /// The narrowest word that opens it; `None` if it is not blocked, or if no word opens it.
    pub word: Option<AddressWord>,
}

impl Verdict {
    /// Whether a plugin may connect to the address. `granted` returns whether it has the grant of a
    /// word.
    pub fn opened_by(&self, granted: impl Fn(AddressWord) -> bool) -> bool {
        match self.word {
            None => !self.blocked,
            Some(AddressWord::Loopback) => {
                granted(AddressWord::Loopback) || granted(AddressWord::Private)
            }
            Some(word) => granted(word),
        }
    }

    /// Returns why the address is blocked, for a denial message. Empty for a public address.
    #[must_use]
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

const PUBLIC: Verdict = Verdict {
    blocked: false,
    range: "public",
    word: None,
};

/// A network prefix, its length in bits, and the verdict on its addresses. IPv4 prefixes are stored
/// as the IPv6 prefixes that they are mapped to.
struct AddressRange {
    prefix: u128,
    bits: u32,
    verdict: Verdict,
}

/// `::ffff:0:0`, after which 32 bits are an IPv4 address (v4-mapped).
const MAPPED: u128 = 0xffff << 32;
/// `64:ff9b::`, after which 32 bits are an IPv4 address (NAT64).
const NAT64: u128 = 0x0064_ff9b << 96;

const fn v4(octets: [u8; 4], bits: u32, verdict: Verdict) -> AddressRange {
    AddressRange {
        prefix: MAPPED | u32::from_be_bytes(octets) as u128,
        bits: bits + 96,
        verdict,
    }
}

/// A prefix by its first five groups and its last one; those between are zero.
const fn v6([a, b, c, d, e, last]: [u16; 6], bits: u32, verdict: Verdict) -> AddressRange {
    AddressRange {
        prefix: Ipv6Addr::new(a, b, c, d, e, 0, 0, last).to_bits(),
        bits,
        verdict,
    }
}

const fn blocked(range: &'static str, word: Option<AddressWord>) -> Verdict {
    Verdict {
        blocked: true,
        range,
        word,
    }
}

/// Blocked; no grant opens it.
const fn closed(range: &'static str) -> Verdict {
    blocked(range, None)
}

const fn private(range: &'static str) -> Verdict {
    blocked(range, Some(AddressWord::Private))
}

const fn loopback(range: &'static str) -> Verdict {
    blocked(range, Some(AddressWord::Loopback))
}

const fn metadata(range: &'static str) -> Verdict {
    blocked(range, Some(AddressWord::Metadata))
}

/// Not blocked.
const fn open(_: &'static str) -> Verdict {
    PUBLIC
}

/// One range on each line: its text, its prefix with the length in bits, and what opens it.
macro_rules! ranges {
    ( $( $text:literal, $family:ident $prefix:tt / $bits:literal: $opened_by:ident; )* ) => {
        &[ $( $family($prefix, $bits, $opened_by($text)), )* ]
    };
}

/// Every special range. The narrowest range that contains an address decides.
///
/// These are all entries of the IANA registries of special-purpose addresses for IPv4 and IPv6 as of
/// November 2025 (the newest is 100:0:0:1::/64 of RFC 9780), multicast, the deprecated forms that
/// contain an IPv4 address, and the addresses of metadata services. Entries that a registry marks as
/// globally reachable are blocked too, since any nearby machine may answer there (AS112, AMT,
/// ORCHID), except for the anycast addresses of 2001:1::/32.
const RANGES: &[AddressRange] = ranges! {
    "0.0.0.0/8 (unspecified, this network)", v4 [0, 0, 0, 0] / 8: closed;
    "0.0.0.0/32 (unspecified, reaches this machine)", v4 [0, 0, 0, 0] / 32: closed;
    "10.0.0.0/8 (private)", v4 [10, 0, 0, 0] / 8: private;
    "100.64.0.0/10 (private, carrier NAT)", v4 [100, 64, 0, 0] / 10: private;
    "100.100.100.200/32 (metadata)", v4 [100, 100, 100, 200] / 32: metadata;
    "127.0.0.0/8 (loopback, localhost)", v4 [127, 0, 0, 0] / 8: loopback;
    "168.63.129.16/32 (metadata, Azure)", v4 [168, 63, 129, 16] / 32: metadata;
    "169.254.0.0/16 (link-local, metadata)", v4 [169, 254, 0, 0] / 16: metadata;
    "172.16.0.0/12 (private)", v4 [172, 16, 0, 0] / 12: private;
    "192.0.0.0/24 (reserved, protocols)", v4 [192, 0, 0, 0] / 24: closed;
    "192.0.0.0/29 (reserved, IPv4 over IPv6)", v4 [192, 0, 0, 0] / 29: closed;
    "192.0.0.8/32 (reserved, dummy)", v4 [192, 0, 0, 8] / 32: closed;
    "192.0.0.9/32 (reserved, port control anycast)", v4 [192, 0, 0, 9] / 32: closed;
    "192.0.0.10/32 (reserved, TURN anycast)", v4 [192, 0, 0, 10] / 32: closed;
    "192.0.0.170/31 (reserved, NAT64 discovery)", v4 [192, 0, 0, 170] / 31: closed;
    "192.0.0.192/32 (metadata, Oracle)", v4 [192, 0, 0, 192] / 32: metadata;
    "192.0.2.0/24 (documentation)", v4 [192, 0, 2, 0] / 24: closed;
    "192.31.196.0/24 (reserved, AS112)", v4 [192, 31, 196, 0] / 24: closed;
    "192.52.193.0/24 (reserved, AMT tunnel)", v4 [192, 52, 193, 0] / 24: closed;
    "192.88.99.0/24 (6to4 relay)", v4 [192, 88, 99, 0] / 24: closed;
    "192.88.99.2/32 (6a44 relay)", v4 [192, 88, 99, 2] / 32: closed;
    "192.168.0.0/16 (private)", v4 [192, 168, 0, 0] / 16: private;
    "192.175.48.0/24 (reserved, AS112)", v4 [192, 175, 48, 0] / 24: closed;
    "198.18.0.0/15 (private, benchmarks)", v4 [198, 18, 0, 0] / 15: private;
    "198.51.100.0/24 (documentation)", v4 [198, 51, 100, 0] / 24: closed;
    "203.0.113.0/24 (documentation)", v4 [203, 0, 113, 0] / 24: closed;
    "224.0.0.0/4 (multicast)", v4 [224, 0, 0, 0] / 4: closed;
    "240.0.0.0/4 (reserved)", v4 [240, 0, 0, 0] / 4: closed;
    "255.255.255.255/32 (broadcast)", v4 [255, 255, 255, 255] / 32: closed;
    "::/96 (reserved, holds an IPv4 address)", v6 [0, 0, 0, 0, 0, 0] / 96: closed;
    "::/128 (unspecified, reaches this machine)", v6 [0, 0, 0, 0, 0, 0] / 128: closed;
    "::1/128 (loopback, localhost)", v6 [0, 0, 0, 0, 0, 1] / 128: loopback;
    "::ffff:0:0:0/96 (reserved, IPv4-translated)", v6 [0, 0, 0, 0, 0xffff, 0] / 96: closed;
    "64:ff9b:1::/48 (NAT64, local)", v6 [0x64, 0xff9b, 1, 0, 0, 0] / 48: closed;
    "100::/64 (reserved, discard)", v6 [0x100, 0, 0, 0, 0, 0] / 64: closed;
    "100:0:0:1::/64 (reserved, dummy)", v6 [0x100, 0, 0, 1, 0, 0] / 64: closed;
    "2001::/23 (reserved, protocols)", v6 [0x2001, 0, 0, 0, 0, 0] / 23: closed;
    "2001::/32 (Teredo tunnel)", v6 [0x2001, 0, 0, 0, 0, 0] / 32: closed;
    "2001:1::1/128 (port control anycast)", v6 [0x2001, 1, 0, 0, 0, 1] / 128: open;
    "2001:1::2/128 (TURN anycast)", v6 [0x2001, 1, 0, 0, 0, 2] / 128: open;
    "2001:1::3/128 (service registration anycast)", v6 [0x2001, 1, 0, 0, 0, 3] / 128: open;
    "2001:2::/48 (reserved, benchmarks)", v6 [0x2001, 2, 0, 0, 0, 0] / 48: closed;
    "2001:3::/32 (reserved, AMT tunnel)", v6 [0x2001, 3, 0, 0, 0, 0] / 32: closed;
    "2001:4:112::/48 (reserved, AS112)", v6 [0x2001, 4, 0x112, 0, 0, 0] / 48: closed;
    "2001:10::/28 (reserved, ORCHID)", v6 [0x2001, 0x10, 0, 0, 0, 0] / 28: closed;
    "2001:20::/28 (reserved, ORCHIDv2)", v6 [0x2001, 0x20, 0, 0, 0, 0] / 28: closed;
    "2001:30::/28 (reserved, drone identities)", v6 [0x2001, 0x30, 0, 0, 0, 0] / 28: closed;
    "2001:db8::/32 (documentation)", v6 [0x2001, 0xdb8, 0, 0, 0, 0] / 32: closed;
    "2002::/16 (6to4 tunnel)", v6 [0x2002, 0, 0, 0, 0, 0] / 16: closed;
    "2620:4f:8000::/48 (reserved, AS112)", v6 [0x2620, 0x4f, 0x8000, 0, 0, 0] / 48: closed;
    "3fff::/20 (documentation)", v6 [0x3fff, 0, 0, 0, 0, 0] / 20: closed;
    "5f00::/16 (reserved, segment routing)", v6 [0x5f00, 0, 0, 0, 0, 0] / 16: closed;
    "fc00::/7 (private)", v6 [0xfc00, 0, 0, 0, 0, 0] / 7: private;
    "fd00:42::42/128 (metadata, Scaleway)", v6 [0xfd00, 0x42, 0, 0, 0, 0x42] / 128: metadata;
    "fd00:c1::/32 (metadata, Oracle)", v6 [0xfd00, 0xc1, 0, 0, 0, 0] / 32: metadata;
    "fd00:a9fe:a9fe::/48 (metadata, Linode)", v6 [0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0] / 48: metadata;
    "fd00:ec2::/32 (metadata, AWS)", v6 [0xfd00, 0xec2, 0, 0, 0, 0] / 32: metadata;
    "fd20:ce::/32 (metadata, Google)", v6 [0xfd20, 0xce, 0, 0, 0, 0] / 32: metadata;
    "fe80::/10 (link-local, metadata)", v6 [0xfe80, 0, 0, 0, 0, 0] / 10: metadata;
    "fec0::/10 (private, site-local)", v6 [0xfec0, 0, 0, 0, 0, 0] / 10: private;
    "ff00::/8 (multicast)", v6 [0xff00, 0, 0, 0, 0, 0] / 8: closed;
};

/// Interface identifiers whose last 32 bits are an IPv4 address, in public and private networks
/// (RFC 5214).
const ISATAP: Verdict = closed("::5efe:0:0/96 in any network (ISATAP tunnel)");

/// Returns whether `ip` is blocked, in which range it is, and which word opens it. For an IPv6 address
/// that represents an IPv4 one (`::ffff:0:0/96`, `64:ff9b::/96`) this is the verdict on the IPv4
/// address.
#[must_use]
pub fn judge(ip: IpAddr) -> Verdict {
    let bits = match ip {
        IpAddr::V4(ip) => MAPPED | u128::from(ip.to_bits()),
        IpAddr::V6(ip) => match ip.to_bits() {
            bits if same_prefix(bits, NAT64, 128, 96) => MAPPED | (bits & u128::from(u32::MAX)),
            bits => bits,
        },
    };
    let containing = RANGES
        .iter()
        .filter(|range| same_prefix(bits, range.prefix, 128, range.bits));
    let narrowest = containing.max_by_key(|range| range.bits);
    let verdict = narrowest.map_or(PUBLIC, |range| range.verdict);
    match verdict.word {
        // A tunnel within a private network can end outside of it.
        Some(AddressWord::Private) if is_isatap(bits) => ISATAP,
        None if !verdict.blocked && is_isatap(bits) => ISATAP,
        _ => verdict,
    }
}

/// Whether the interface identifier is `0:5efe` or `200:5efe` and an IPv4 address.
fn is_isatap(bits: u128) -> bool {
    (bits >> 32) & 0xfdff_ffff == 0x5efe
}

/// Whether two numbers of `width` bits agree in the first `bits`.
fn same_prefix(a: u128, b: u128, width: u32, bits: u32) -> bool {
    (a ^ b).checked_shr(width.saturating_sub(bits)).unwrap_or(0) == 0
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_range_is_the_one_that_its_text_names() {
        let closed = RANGES.iter().filter(|range| range.verdict.blocked);
        for AddressRange {
            prefix,
            bits,
            verdict,
        } in closed
        {
            let (network, _) = verdict.range.split_once(' ').unwrap();
            let (address, length) = network.split_once('/').unwrap();
            let length: u32 = length.parse().unwrap();
            let (named, length) = match address.parse().unwrap() {
                IpAddr::V4(address) => (address.to_ipv6_mapped(), length + 96),
                IpAddr::V6(address) => (address, length),
            };
            assert_eq!((named.to_bits(), length), (*prefix, *bits), "{network}");
        }
    }
}
