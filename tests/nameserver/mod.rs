//! A name server on loopback, by UDP and TCP, that answers what the test wants.

use crate::loopback::Seen;
use simple_dns::{CLASS, Name, Packet, ResourceRecord, rdata::RData};
use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, UdpSocket},
    thread,
};

/// How a question came.
#[derive(Clone, Copy, PartialEq)]
pub enum Way {
    Datagram,
    Stream,
}

/// A name server, by both ways on one port: what it answers to each question, in order. It notes
/// what it was asked.
pub fn nameserver(
    answers: impl Fn(&[u8], Way) -> Vec<Vec<u8>> + Clone + Send + 'static,
) -> (String, Seen) {
    // The port of one protocol may be taken in the other.
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap().to_string();
    let seen = Seen::default();
    let (log, reply) = (seen.clone(), answers.clone());
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((count, from)) = udp.recv_from(&mut buffer) {
            log.add(format!("udp {}", asked(&buffer[..count])));
            for answer in reply(&buffer[..count], Way::Datagram) {
                let _ = udp.send_to(&answer, from);
            }
        }
    });
    let log = seen.clone();
    thread::spawn(move || {
        for mut stream in tcp.incoming().flatten() {
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut query = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut query).unwrap();
            log.add(format!("tcp {}", asked(&query)));
            for answer in answers(&query, Way::Stream) {
                let _ = stream.write_all(&u16::try_from(answer.len()).unwrap().to_be_bytes());
                let _ = stream.write_all(&answer);
            }
        }
    });
    (address, seen)
}

fn asked(query: &[u8]) -> String {
    let query = Packet::parse(query).unwrap();
    let question = &query.questions[0];
    format!("{} {:?}", question.qname, question.qtype)
}

/// The answer to a query with these records.
pub fn reply(query: &[u8], records: &[(&'static str, RData<'static>)]) -> Packet<'static> {
    let query = Packet::parse(query).unwrap();
    let mut packet = Packet::new_reply(query.id());
    packet.questions = query
        .questions
        .into_iter()
        .map(|question| question.into_owned())
        .collect();
    let record = |(name, data): &(&'static str, RData<'static>)| {
        ResourceRecord::new(Name::new_unchecked(name), CLASS::IN, 60, data.clone())
    };
    packet.answers = records.iter().map(record).collect();
    packet
}

pub fn bytes(packet: &Packet<'_>) -> Vec<u8> {
    packet.build_bytes_vec_compressed().unwrap()
}

/// A server that answers every question with these records.
pub fn knowing(records: Vec<(&'static str, RData<'static>)>) -> (String, Seen) {
    nameserver(move |query, _| vec![bytes(&reply(query, &records))])
}
