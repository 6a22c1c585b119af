//! Encoding a DNS question and decoding its answer, without I/O.

use crate::{
    effect::{Failure, RecordType, Records},
    world::system::clocks,
};
use simple_dns::{
    CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, TYPE, header_buffer, rdata::RData,
};
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr},
};
use tollgate_abi::host::kinds;

/// The longest chain of aliases (CNAME records).
const MAX_ALIASES: usize = 16;

/// An encoded question.
pub(super) struct Question<'a> {
    name: Name<'a>,
    records: RecordType,
    id: u16,
    bytes: Vec<u8>,
}

impl<'a> Question<'a> {
    /// Its id is random, so that only who sees the question can answer it.
    pub(super) fn new(text: &'a str, records: RecordType, asked: TYPE) -> io::Result<Question<'a>> {
        let name = Name::new(text).map_err(io::Error::other)?;
        let random = clocks::random(2)?;
        let id = random
            .iter()
            .fold(0, |id: u16, byte| (id << 8) | u16::from(*byte));
        let mut packet = Packet::new_query(id);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        packet.questions.push(simple_dns::Question::new(
            name.clone(),
            QTYPE::TYPE(asked),
            CLASS::IN.into(),
            false,
        ));
        let bytes = packet.build_bytes_vec().map_err(io::Error::other)?;
        Ok(Question {
            name,
            records,
            id,
            bytes,
        })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether these bytes are an answer to this question, which may still be invalid.
    pub(super) fn is_answered_by(&self, bytes: &[u8]) -> bool {
        // An answer repeats the question after the header. An error may leave it out.
        const HEADER: usize = 12;
        let repeats = match header_buffer::questions(bytes) {
            Ok(0) => has_failed(bytes),
            Ok(1) => {
                let asked = self.bytes.get(HEADER..).unwrap_or_default();
                let repeated = bytes.get(HEADER..self.bytes.len());
                repeated.is_some_and(|repeated| repeated.eq_ignore_ascii_case(asked))
            }
            _ => false,
        };
        repeats
            && header_buffer::id(bytes) == Ok(self.id)
            && header_buffer::has_flags(bytes, PacketFlag::RESPONSE) == Ok(true)
    }

    /// Whether the answer was truncated.
    pub(super) fn is_truncated(&self, bytes: &[u8]) -> bool {
        header_buffer::has_flags(bytes, PacketFlag::TRUNCATION) == Ok(true)
    }

    /// Decodes an answer. It has no records if the name exists without any of the wanted type; for an
    /// alias, if the name is none and has no address.
    pub(super) fn read(&self, bytes: &[u8], what: &str) -> Result<Records, Failure> {
        let broken = |why: String| Failure::new(kinds::NETWORK, "EPROTO", format!("{what}: {why}"));
        let (code, text) = match header_buffer::rcode(bytes) {
            Ok(RCODE::NoError) => {
                let packet = Packet::parse(bytes)
                    .map_err(|error| broken(format!("invalid answer: {error}")))?;
                let owner = self.owner(&packet);
                let owner = owner.ok_or_else(|| broken("too many aliases".into()))?;
                return Ok(self.records(&packet, owner));
            }
            Ok(RCODE::NameError) => ("NXDOMAIN", "no such host"),
            Ok(RCODE::ServerFailure) => ("SERVFAIL", "the server failed"),
            Ok(RCODE::Refused) => ("REFUSED", "the server refused the question"),
            Ok(RCODE::FormatError) => ("FORMERR", "the server rejected the format of the question"),
            Ok(RCODE::NotImplemented) => ("NOTIMP", "the server does not support this question"),
            Ok(other) => return Err(broken(format!("the server answered {other:?}"))),
            Err(error) => return Err(broken(format!("invalid answer: {error}"))),
        };
        Err(Failure::new(
            kinds::NETWORK,
            code,
            format!("{what}: {text}"),
        ))
    }

    /// The last name in the chain of aliases; `None` if the chain is too long.
    fn owner<'p>(&'p self, packet: &'p Packet<'_>) -> Option<&'p Name<'p>> {
        let mut owner = &self.name;
        for _ in 0..=MAX_ALIASES {
            let alias = packet
                .answers
                .iter()
                .find_map(|record| match &record.rdata {
                    RData::CNAME(target) if record.name == *owner => Some(&target.0),
                    _ => None,
                });
            match alias {
                Some(target) => owner = target,
                None => return Some(owner),
            }
        }
        None
    }

    fn records(&self, packet: &Packet<'_>, owner: &Name<'_>) -> Records {
        if self.records == RecordType::Cname {
            let is_address = |data: &RData<'_>| matches!(data, RData::A(_) | RData::AAAA(_));
            let mut answers = packet.answers.iter();
            let exists = *owner != self.name
                || answers.any(|record| record.name == *owner && is_address(&record.rdata));
            return Records::Texts(exists.then(|| dotted(owner)).into_iter().collect());
        }
        let mut servers = Vec::new();
        let mut texts = Vec::new();
        for record in packet.answers.iter().filter(|record| record.name == *owner) {
            match (&record.rdata, self.records) {
                (RData::A(a), RecordType::A) => {
                    texts.push(Ipv4Addr::from_bits(a.address).to_string());
                }
                (RData::AAAA(aaaa), RecordType::Aaaa) => {
                    texts.push(Ipv6Addr::from_bits(aaaa.address).to_string());
                }
                (RData::NS(ns), RecordType::Ns) => texts.push(dotted(&ns.0)),
                (RData::TXT(txt), RecordType::Txt) => {
                    texts.push(String::try_from(txt.clone()).unwrap_or_else(|error| {
                        String::from_utf8_lossy(error.as_bytes()).into_owned()
                    }));
                }
                (RData::MX(mx), RecordType::Mx) => {
                    servers.push((mx.preference, dotted(&mx.exchange)));
                }
                _ => {}
            }
        }
        servers.sort_by_key(|(preference, _)| *preference);
        match self.records {
            RecordType::Mx => Records::MailServers(servers),
            _ => Records::Texts(texts),
        }
    }
}

fn has_failed(bytes: &[u8]) -> bool {
    !matches!(header_buffer::rcode(bytes), Ok(RCODE::NoError) | Err(_))
}

fn dotted(name: &Name<'_>) -> String {
    format!("{name}.")
}

/// The type in the question. For an alias it is that of an address: the answer then contains the whole
/// chain of aliases, and that to a question for CNAME only the first of them.
pub(super) fn asked_for(records: RecordType) -> TYPE {
    match records {
        RecordType::A | RecordType::Cname => TYPE::A,
        RecordType::Aaaa => TYPE::AAAA,
        RecordType::Mx => TYPE::MX,
        RecordType::Txt => TYPE::TXT,
        RecordType::Ns => TYPE::NS,
    }
}

/// The other type of addresses, for names that have none of the wanted one.
pub(super) fn other_addresses(records: RecordType) -> Option<(RecordType, TYPE)> {
    match records {
        RecordType::A => Some((RecordType::Aaaa, TYPE::AAAA)),
        RecordType::Aaaa => Some((RecordType::A, TYPE::A)),
        RecordType::Cname => Some((RecordType::Cname, TYPE::AAAA)),
        RecordType::Mx | RecordType::Txt | RecordType::Ns => None,
    }
}
