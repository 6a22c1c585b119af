//! Servers on loopback for the tests of the network, and plugins that may reach them.

#![allow(dead_code)] // each test uses its own part of this file

use serde_json::{Value, json};
use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};
use tollgate::{Plugin, Runtime, RuntimeBuilder, abi::base64};

/// Waits for the client to hang up, for this long at most: whether it did not. What it says is read
/// and forgotten.
pub fn hangs_on(stream: &mut TcpStream, time: Duration) -> bool {
    let until = Instant::now() + time;
    let mut piece = [0; 1024];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        stream.set_read_timeout(Some(left)).unwrap();
        match stream.read(&mut piece) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => {
                return matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            }
        }
    }
}

/// A plugin that passes its config to this function and answers with the reply, however large.
pub fn plugin(function: &str, grants: &[&str]) -> Plugin {
    // What came back is looked at whole.
    plugin_in(Runtime::builder().evidence_bytes(None), function, grants)
}

pub fn plugin_in(mut builder: RuntimeBuilder, function: &str, grants: &[&str]) -> Plugin {
    for grant in grants {
        builder = builder.grant("odd", grant.parse().unwrap());
    }
    let relay = crate::support::Guest {
        memory: "(memory (export \"memory\") 800)",
        ..crate::support::Guest::relay(function)
    };
    relay.load_in(&builder.build().unwrap())
}

/// One that may reach every port of this machine.
pub fn free(function: &str) -> Plugin {
    plugin(
        function,
        &["network:outbound:*", "network:outbound:loopback"],
    )
}

/// A server that treats each connection the same way; its port.
pub fn server(serve: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    port
}

/// Waits until the other side hangs up, and says nothing.
pub fn silent(mut stream: TcpStream) {
    while matches!(stream.read(&mut [0; 64]), Ok(count) if count > 0) {}
}

/// A port that nothing listens on.
pub fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// What a server was sent, in order.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    pub fn add(&self, what: impl Into<String>) {
        self.lock().push(what.into());
    }

    pub fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap()
    }

    /// Everything so far, which is then forgotten.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lock())
    }
}

/// A server that answers each request, head and body, with what `answer` writes; what it was sent.
pub fn http(answer: impl Fn(&str, &mut dyn Write) + Send + 'static) -> (u16, Seen) {
    let seen = Seen::default();
    let log = seen.clone();
    let port = server(move |mut stream| {
        if let Some(request) = read_request(&mut stream) {
            log.add(request.clone());
            answer(&request, &mut stream);
        }
    });
    (port, seen)
}

/// One that always answers the same.
pub fn always(answer: impl Into<Vec<u8>>) -> (u16, Seen) {
    let answer = answer.into();
    http(move |_, stream| {
        let _ = stream.write_all(&answer);
    })
}

/// One HTTP request: its head and as much body as the head says.
pub fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        request.push(byte[0]);
    }
    let head = String::from_utf8(request).ok()?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8_lossy(&body))
}

/// Fetches `/` from a port of this machine; the reply.
pub fn get(port: u16) -> Value {
    crate::support::ask(
        &free("http_request"),
        json!({"url": format!("http://127.0.0.1:{port}/")}),
    )
}

/// The body of a reply, decoded.
pub fn body(reply: &Value) -> String {
    let body = base64::decode(reply["body"].as_str().unwrap_or_default()).unwrap();
    String::from_utf8(body).unwrap()
}

/// The type and code of a reply's error.
pub fn error(reply: &Value) -> (&str, &str) {
    let field = |name: &str| reply["error"][name].as_str().unwrap_or("none");
    (field("type"), field("code"))
}

/// How long something took; it panics if that is so long that no deadline can have held.
pub fn in_time<T>(limit: Duration, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let done = work();
    let took = started.elapsed();
    assert!(took < limit, "took {took:?}");
    done
}
