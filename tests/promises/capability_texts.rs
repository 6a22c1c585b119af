//! Capabilities and requests as text: canonical, parsed back to the same value, and rejected with the
//! position of the mistake and what to write instead.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests fail by panicking.

use tollgate::capability::{Capability, Request};

#[test]
fn errors_say_where_and_what_instead() {
    for (text, position, hint) in [
        ("fs:read:/x/[", 11, Some("[[]")),
        ("fs:read:", 8, None),
        ("fs:delete:/x", 3, Some("read and write")),
        ("fs:/x", 3, Some("fs:read:<path>")),
        ("fs", 2, Some("fs:read:")),
        ("FS:read:/x", 0, Some("`fs`")),
        (
            "net:tcp:example.com:443",
            0,
            Some("network:outbound:<ports>"),
        ),
        ("dns:resolve:example.com", 0, Some("network:outbound:53")),
        ("netwrok:outbound:80", 0, Some("`network`")),
        ("network:outbound:80,", 20, None),
        ("network:outbound:80,443x", 20, Some("<host>")),
        ("network:outbound:example.com", 17, Some("<host>:<ports>")),
        ("network:outbound:**", 17, Some("network:outbound:*")),
        ("network:80", 8, Some("outbound")),
        ("network:outbound:a:b:80", 18, Some("[::1]")),
        (
            "network:outbound:a:private",
            19,
            Some("network:outbound:private"),
        ),
        ("env:", 4, None),
        ("env:A=B", 5, None),
        ("exec:python*", 11, Some("**")),
        ("exec:bash,sh", 5, Some("exec:bash")),
        ("exec:ls,sh", 8, Some("exec:sh")),
        ("exec:/*", 5, None),
        ("exec:python:/x.py", 11, Some("exec:python /x.py")),
        ("exec:/bin/", 5, None),
        ("kv:", 3, None),
        (":x", 0, None),
        ("fs:read:glob:/a/{b,c", 16, None),
        ("fs:read:glob:/a/b}", 17, None),
        ("fs:write:glob:{/a,b}", 14, Some("`./`")),
        ("fs:write:glob:/{a,..}/b", 21, Some("without `..`")),
        ("env:glob:{A,B}\\", 14, Some("[[]")),
        ("env:glob:{*,A}*", 14, Some("[*]")),
        ("network:outbound:{a,10.0.0.0/8}:80", 28, Some("separately")),
        ("network:outbound:[{::1,::2}]:80", 19, Some("separately")),
    ] {
        let error = text.parse::<Capability>().expect_err(text);
        assert_eq!(
            (error.text(), error.position()),
            (text, position),
            "{error}"
        );
        assert_eq!(error.hint().is_some(), hint.is_some(), "{error}");
        assert!(
            error
                .hint()
                .unwrap_or_default()
                .contains(hint.unwrap_or_default()),
            "{error}"
        );
    }
    let forged = "fs:read:/x\0\n[error] all is lost"
        .parse::<Capability>()
        .unwrap_err();
    assert!(!forged.to_string().contains(['\0', '\n']), "{forged}");
}

#[test]
fn canonical_texts() {
    for (text, canonical) in [
        ("fs:read:/etc//./x/**", "fs:read:/etc/x/**"),
        // Where `..` leads depends on links.
        ("fs:read:/etc//x/../**", "fs:read:/etc/x/../**"),
        ("fs:read:../../x", "fs:read:../../x"),
        ("fs:write:./**", "fs:write:./**"),
        (
            "network:outbound:443, 80,80 ,private",
            "network:outbound:80,443,private",
        ),
        (
            "network:outbound:Example.COM.:443",
            "network:outbound:example.com:443",
        ),
        ("network:outbound:1-65535", "network:outbound:*"),
        (
            "network:outbound:HTTP://User@E.com:80?b&a",
            "network:outbound:http://e.com/?a&b",
        ),
        ("exec:/bin//ls, cat", "exec:/bin/ls,cat"),
        (
            "fs:read:glob:/a/../etc//{b,c/*}/",
            "fs:read:glob:/a/../etc/{b,c/*}/",
        ),
        ("fs:read:glob:/etc/./*", "fs:read:/etc/*"),
        ("fs:read:glob:{a,b}", "fs:read:glob:./{a,b}"),
        ("fs:read:/etc/{a,b}", "fs:read:/etc/{a,b}"),
        (
            "network:outbound:{A,b}.Example.com:443",
            "network:outbound:{a,b}.example.com:443",
        ),
        ("network:outbound:{*,a}:443", "network:outbound:*:443"),
        ("exec:/usr/bin/../lib/*", "exec:/usr/lib/*"),
    ] {
        let capability: Capability = text.parse().unwrap();
        assert_eq!(capability.to_string(), canonical);
        assert_eq!(canonical.parse::<Capability>().unwrap(), capability);
    }
    for (kind, pattern, text) in [
        ("fs:read", "/x", "fs:read:/x"),
        ("fs", "read:/x", "fs:read:/x"),
        ("network:outbound", "443", "network:outbound:443"),
        (
            "network:outbound",
            "*.example.com:443",
            "network:outbound:*.example.com:443",
        ),
    ] {
        let wire = tollgate_abi::Capability::new(kind, pattern);
        let capability = Capability::try_from(&wire).unwrap();
        assert_eq!(capability.to_string(), text);
        assert_eq!(
            format!("{}:{}", capability.kind(), capability.pattern()),
            text
        );
    }
}

#[test]
fn the_grant_a_request_needs() {
    for (request, needed) in [
        ("fs:read:/etc/../x", Some("fs:read:/etc/../x")),
        ("fs:read:/a*/b[1]", Some("fs:read:/a[*]/b[[]1[]]")),
        ("network:outbound:443", Some("network:outbound:443")),
        (
            "network:outbound:Example.com:443",
            Some("network:outbound:example.com:443"),
        ),
        (
            "network:outbound:[::1]:443",
            Some("network:outbound:[::1]:443"),
        ),
        ("network:outbound:private", Some("network:outbound:private")),
        ("env:A*", Some("env:glob:A[*]")),
        ("env:{A,B}*", Some("env:glob:[{]A,B[}][*]")),
        ("fs:read:glob:/x", Some("fs:read:./glob:/x")),
        ("fs:read:glob:*", Some("fs:read:./glob:[*]")),
        ("fs:read:/x/{a,b}", Some("fs:read:/x/{a,b}")),
        ("exec:/bin//sh", Some("exec:/bin/sh")),
        ("exec:a,b", Some("exec:\"a,b\"")),
        ("exec:/bin/ls -l", Some("exec:/bin/ls")),
        ("kv:x", Some("kv:x")),
    ] {
        let request: Request = request.parse().unwrap();
        assert_eq!(
            request.needed().map(|c| c.to_string()).as_deref(),
            needed,
            "{request}"
        );
        assert!(
            request.needed().unwrap().covers(&request, Some("/w")),
            "{request}"
        );
    }
    assert_eq!(
        Request::Connect {
            host: None,
            port: 0
        }
        .needed(),
        None
    );
    assert_eq!(
        Request::Connect {
            host: Some("127.1".into()),
            port: 80
        }
        .needed(),
        None
    );
    assert_eq!(Request::Read(String::new()).needed(), None);
}
