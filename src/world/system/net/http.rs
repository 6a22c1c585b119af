//! One HTTP request and its response over a connection to a judged address. `ureq` implements the
//! protocol, but not names, addresses, TLS and redirects.

use super::{
    Trust, connect, failure, is_timeout,
    timed::{Timed, Until},
    timed_out,
    tls::TlsStream,
};
use crate::{
    capability::RequestUrl,
    effect::{Answer, Failure, HttpResponse, Refusal},
    gate::{Checkpoint, Permitted},
    sync::lock,
};
use flate2::bufread::MultiGzDecoder;
use std::{
    fmt,
    io::{self, BufRead as _, BufReader, Read, Write},
    net::SocketAddr,
    sync::Mutex,
    time::{Duration, Instant},
};
use tollgate_abi::host::kinds;
use ureq::{
    Agent, Body,
    config::{AutoHeaderValue, Config},
    http::{Response, Uri},
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport},
    },
};

pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    pub(super) headers: &'a [(String, String)],
    pub(super) body: &'a [u8],
    pub(super) body_limit: u64,
}

pub(super) fn fetch(
    request: &Request<'_>,
    timeout: Duration,
    trust: &Trust,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let until = &Until::after(timeout, gate);
    let started = Instant::now();
    let url = RequestUrl::parse(request.url)
        .ok_or_else(|| Failure::new(kinds::CONFIG, "", format!("invalid URL: {}", request.url)))?;
    let (stream, remote, permit) = connect(&url.host(), url.port(), until, gate)?;
    let stream = if url.is_secure() {
        Stream::Tls(Box::new(trust.handshake(stream, &url.host())?))
    } else {
        Stream::Plain(stream)
    };
    let failed = |error: &ureq::Error| http_failure(request.url, error);
    let response = send(request, &url, stream, remote).map_err(|error| failed(&error))?;
    let gzip = !has(request.headers, "accept-encoding");
    let fetched = receive(response, gzip, request.body_limit)
        .map_err(|error| failed(&ureq::Error::Io(error)))?;
    Ok(permit.answer(Answer::Fetched(HttpResponse {
        took: started.elapsed(),
        ..fetched
    })))
}

fn has(headers: &[(String, String)], wanted: &str) -> bool {
    headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case(wanted))
}

/// Sends the request and reads the head of the response.
fn send(
    request: &Request<'_>,
    url: &RequestUrl,
    stream: Stream,
    remote: SocketAddr,
) -> Result<Response<Body>, ureq::Error> {
    // The library must do nothing beyond this request.
    let config = Config::builder()
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .user_agent(AutoHeaderValue::None)
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .build();
    let wire = Wire {
        stream,
        buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
    };
    let agent = Agent::with_parts(config, Ready(Mutex::new(Some(wire))), Resolved(remote));
    let mut builder = ureq::http::Request::builder()
        .method(request.method)
        .uri(url.text())
        // Each effect has its own connection.
        .header("connection", "close");
    for (name, value) in request.headers {
        builder = builder.header(name, value);
    }
    if !has(request.headers, "accept-encoding") {
        builder = builder.header("accept-encoding", "gzip");
    }
    let needs_body = matches!(request.method, "POST" | "PUT" | "PATCH");
    if request.body.is_empty() && !needs_body {
        agent.run(builder.body(())?)
    } else {
        agent.run(builder.body(request.body)?)
    }
}

/// Reads the body, up to one byte more than the limit.
fn receive(response: Response<Body>, gzip: bool, limit: u64) -> io::Result<HttpResponse> {
    let (head, body) = response.into_parts();
    let mut headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    let mut fetched = HttpResponse {
        status: head.status.as_u16(),
        protocol: format!("{:?}", head.version),
        headers: Vec::new(),
        body: Vec::new(),
        truncated: false,
        took: Duration::ZERO,
    };
    let zipped = gzip
        && headers
            .iter()
            .any(|(name, value)| name == "content-encoding" && value.eq_ignore_ascii_case("gzip"));
    if zipped {
        // These describe the compressed body.
        headers.retain(|(name, _)| !matches!(name.as_str(), "content-encoding" | "content-length"));
    }
    fetched.headers = headers;
    if fetched.leads_to().is_some() {
        return Ok(fetched);
    }
    let mut reader = BufReader::new(body.into_reader());
    // An empty body is not compressed.
    let wanted = limit.saturating_add(1);
    if zipped && !reader.fill_buf()?.is_empty() {
        MultiGzDecoder::new(reader)
            .take(wanted)
            .read_to_end(&mut fetched.body)?;
    } else {
        reader.take(wanted).read_to_end(&mut fetched.body)?;
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    fetched.truncated = fetched.body.len() > limit;
    fetched.body.truncate(limit);
    Ok(fetched)
}

/// An error of `ureq` as one of the protocol.
fn http_failure(url: &str, error: &ureq::Error) -> Failure {
    let ureq::Error::Io(error) = error else {
        return match error {
            ureq::Error::Http(_) | ureq::Error::BadUri(_) => {
                Failure::new(kinds::CONFIG, "", format!("{url}: {error}"))
            }
            _ => Failure::new(kinds::NETWORK, "EPROTO", format!("{url}: {error}")),
        };
    };
    let inner = error.get_ref();
    if let Some(Broken(error)) = inner.and_then(|inner| inner.downcast_ref()) {
        return if is_timeout(error) {
            timed_out(url)
        } else {
            failure(url, error)
        };
    }
    if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
        return http_failure(url, error);
    }
    if error.kind() == io::ErrorKind::UnexpectedEof {
        let message = format!("{url}: the connection was closed before the response was complete");
        return Failure::new(kinds::NETWORK, "ECONNRESET", message);
    }
    Failure::new(kinds::NETWORK, "EPROTO", format!("{url}: {error}"))
}

/// A connection in plain text or in TLS.
#[derive(Debug)]
enum Stream {
    Plain(Timed),
    Tls(Box<TlsStream>),
}

/// The connection as a transport of ureq.
#[derive(Debug)]
struct Wire {
    stream: Stream,
    buffers: LazyBuffers,
}

/// An error of the connection, wrapped because ureq interprets some of them as the end of a body.
#[derive(Debug)]
struct Broken(io::Error);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Broken {}

fn broken(error: io::Error) -> ureq::Error {
    ureq::Error::Io(io::Error::other(Broken(error)))
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let bytes = self.buffers.output().get(..amount).unwrap_or_default();
        let stream: &mut dyn Write = match &mut self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream,
        };
        stream.write_all(bytes).map_err(broken)?;
        stream.flush().map_err(broken)
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        let stream: &mut dyn Read = match &mut self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream,
        };
        let count = stream
            .read(self.buffers.input_append_buf())
            .map_err(broken)?;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        false
    }

    fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }
}

/// Returns the one connection.
#[derive(Debug)]
struct Ready(Mutex<Option<Wire>>);

impl Connector for Ready {
    type Out = Wire;

    fn connect(&self, _: &ConnectionDetails, _: Option<()>) -> Result<Option<Wire>, ureq::Error> {
        let mut wire = lock(&self.0);
        Ok(wire.take())
    }
}

/// Returns the judged address.
#[derive(Debug)]
struct Resolved(SocketAddr);

impl Resolver for Resolved {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(self.0);
        Ok(addresses)
    }
}
