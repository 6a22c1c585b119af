//! Reading the greeting of a mail server, with TLS before or after it if requested. No mail is sent.

use super::{Trust, connect, failure, timed::Until, tls};
use crate::{
    effect::{Answer, Failure, Refusal, Security, SmtpInfo},
    gate::{Checkpoint, Permitted},
};
use std::{
    io::{Read, Write as _},
    time::{Duration, Instant},
};
use tollgate_abi::host::kinds;

/// The longest line (RFC 5321, 4.5.3.1.5) and the most lines of one reply.
const MAX_LINE: usize = 512;
const MAX_LINES: usize = 64;

pub(super) fn greet(
    host: &str,
    port: u16,
    security: Security,
    timeout: Duration,
    trust: &Trust,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let until = &Until::after(timeout, gate);
    let started = Instant::now();
    let (mut stream, remote, permit) = connect(host, port, until, gate)?;
    let server = Server(remote.to_string());
    let (banner, session) = match security {
        Security::None => (server.greeting(&mut stream)?, None),
        Security::Tls => {
            let mut stream = trust.handshake(stream, host)?;
            let session = tls::session(&stream.conn, host)?;
            (server.greeting(&mut stream)?, Some(session))
        }
        Security::StartTls => {
            let banner = server.greeting(&mut stream)?;
            let offers = server.command(&mut stream, "EHLO localhost", 250)?;
            if !offers
                .iter()
                .any(|offer| offer.eq_ignore_ascii_case("STARTTLS"))
            {
                return Err(server.no_tls("the server does not offer STARTTLS").into());
            }
            server.command(&mut stream, "STARTTLS", 220)?;
            let mut stream = trust.handshake(stream, host)?;
            let session = tls::session(&stream.conn, host)?;
            // The server may expect it; an error does not matter.
            let _ = stream.write_all(b"QUIT\r\n").and_then(|()| stream.flush());
            (banner, Some(session))
        }
    };
    Ok(permit.answer(Answer::Greeted(SmtpInfo {
        banner,
        took: started.elapsed(),
        session,
    })))
}

/// The address of the server, for messages.
struct Server(String);

impl Server {
    /// Reads the greeting: `220 ` and its text.
    fn greeting(&self, stream: &mut impl Read) -> Result<String, Failure> {
        let (code, lines) = self.reply(stream)?;
        let text = lines.join("\n");
        match code {
            220 => Ok(format!("220 {}", text.trim())),
            code => Err(self.broken(&format!("greeted with {code} {}", text.trim()))),
        }
    }

    /// Sends a command on the way to TLS and reads the reply.
    fn command(
        &self,
        stream: &mut super::timed::Timed,
        command: &str,
        expected: u16,
    ) -> Result<Vec<String>, Failure> {
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .map_err(|error| failure(&self.0, &error))?;
        let (code, lines) = self.reply(stream)?;
        if code == expected {
            Ok(lines)
        } else {
            Err(self.no_tls(&format!(
                "{command} was answered with {code} {}",
                lines.join("\n")
            )))
        }
    }

    /// Reads one reply, which may have several lines: the code and the texts.
    fn reply(&self, stream: &mut impl Read) -> Result<(u16, Vec<String>), Failure> {
        let mut lines = Vec::new();
        while lines.len() < MAX_LINES {
            let line = self.line(stream)?;
            let digits = line
                .get(..3)
                .filter(|code| code.bytes().all(|b| b.is_ascii_digit()));
            let code = digits.and_then(|code| code.parse().ok());
            let code: u16 = code.ok_or_else(|| self.broken(&format!("invalid reply {line:?}")))?;
            let rest = line.get(3..).unwrap_or_default();
            lines.push(rest.get(1..).unwrap_or_default().to_owned());
            match rest.chars().next() {
                None | Some(' ') => return Ok((code, lines)),
                Some('-') => {}
                Some(_) => return Err(self.broken(&format!("invalid reply {line:?}"))),
            }
        }
        Err(self.broken(&format!("its reply has more than {MAX_LINES} lines")))
    }

    /// Reads one line, without its end. It is read byte by byte, because what follows the reply to
    /// STARTTLS belongs to TLS.
    fn line(&self, stream: &mut impl Read) -> Result<String, Failure> {
        let mut line = Vec::new();
        let mut byte = [0];
        while line.len() < MAX_LINE {
            match stream.read_exact(&mut byte) {
                Ok(()) => line.extend_from_slice(&byte),
                Err(error) => return Err(failure(&self.0, &error)),
            }
            if line.ends_with(b"\n") {
                let text = String::from_utf8_lossy(&line);
                return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
            }
        }
        Err(self.broken(&format!("a line has more than {MAX_LINE} bytes")))
    }

    fn broken(&self, why: &str) -> Failure {
        Failure::new(kinds::NETWORK, "EPROTO", format!("{}: {why}", self.0))
    }

    fn no_tls(&self, why: &str) -> Failure {
        Failure::new(kinds::TLS, "STARTTLS_ERROR", format!("{}: {why}", self.0))
    }
}
