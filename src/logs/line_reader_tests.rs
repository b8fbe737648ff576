//! Lines that HAProxy 2.6 and 3.0 wrote, in each default format and with each header.

use proptest::prelude::*;

use crate::logs::line_reader::LineReader;
use crate::logs::log_format::{LogFormat, LogFormatError};
use crate::logs::request::{ErrorOrigin, Phase, Request};
use crate::logs::request_filter::RequestFilter;

const HTTP: &str = "127.0.0.1:54866 [01/Dec/2026:11:35:25.966] fe app/s2 1/2/3/4/10 200 76 - - ---- 10/9/0/0/0 0/0 \
                    {curl/7.88 (x86)|de} {} \"GET /a/2?x=1 HTTP/1.1\"";

fn reader() -> LineReader {
    LineReader::new([]).unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Returns the main parts of a request as words.
fn words(request: &Request<'_>) -> String {
    let times = Phase::ALL.map(|phase| request.time(phase).map_or("-".to_owned(), |time| time.to_string())).join("/");
    let status = request.status.map_or("-".to_owned(), |status| status.to_string());
    let names = [request.client, request.frontend, request.backend, request.server].map(text).join(" ");
    let [flags, method, uri] = [request.flags, request.method, request.uri].map(text);
    format!("{names} {times} {status} {} {flags} {method} {uri}", request.bytes)
}

#[test]
fn default_formats_are_read() {
    let lines = [
        (HTTP, "127.0.0.1 fe app s2 1/2/3/4/10 200 76 -- GET /a/2?x=1"),
        (
            "::1:54086 [01/Dec/2026:11:35:35.088] fes~ fes/<NOSRV> -1/-1/-1/-1/0 400 0 - - CR-- 18/1/0/0/0 0/0 \"<BADREQ>\"",
            "::1 fes fes <NOSRV> -/-/-/-/0 400 0 CR  <BADREQ>",
        ),
        (
            "10.0.0.9:1 [01/Dec/2026:11:35:28.976] fes~ be/s1 0/0/-1/-1/+150 503 217 - - sC-- 18/1/0/0/+3 0/0 \"GET / HTTP/2.0\" \
             0/-/0/0/1 lb.example/TLSv1.3/TLS_AES_256_GCM_SHA384",
            "10.0.0.9 fes be s1 0/0/-/-/150 503 217 sC GET /",
        ),
        (
            "127.0.0.1:53636 [01/Dec/2026:11:35:38.333] ft tapp/t1 1/0/605 207 -- 34/5/0/0/0 0/0",
            "127.0.0.1 ft tapp t1 -/1/0/-/605 - 207 --  ",
        ),
        (
            "127.0.0.1 - - [01/Dec/2026:11:35:32 +0000] \"GET /dead HTTP/1.1\" 200 76 \"\" \"\" 52154 080 \"clf\" \"app\" \"s2\" 0 0 \
             0 3 4 ---- 58 20 9 5 0 0 0 \"\" \"\" ",
            "127.0.0.1 clf app s2 0/0/0/3/4 200 76 -- GET /dead",
        ),
    ];
    let mut reader = reader();
    for (line, expected) in lines {
        let request = reader.read(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(words(&request), expected);
    }
}

#[test]
fn headers_of_syslog_are_skipped() {
    let mut reader = reader();
    for header in [
        "",
        "<134>Dec  1 11:35:25 haproxy[24897]: ",
        "Dec  1 11:35:25 lb1 haproxy[24897]: ",
        "2026-12-01T11:35:25.966113+00:00 lb1 haproxy[24897]: ",
        "<134>1 2026-12-01T11:35:25+00:00 lb1 haproxy 24897 - - ",
        "Dec  1 11:35:25 lb1 haproxy: ",
        "<134>2026-12-01T11:35:25.966113+00:00 ",
        "<134>",
        "2026-12-01T11:35:25.966113123Z stdout F ",
        "lb-1  | ",
    ] {
        let line = format!("{header}{HTTP}");
        let request = reader.read(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
        assert_eq!((text(request.client), text(request.date)), ("127.0.0.1", "01/Dec/2026:11:35:25.966"), "{line}");
    }
}

#[test]
fn cut_lines_count_if_nothing_that_is_counted_is_incomplete() {
    let mut reader = reader();
    let flags = HTTP.find("---- ").unwrap();
    for length in 0..HTTP.len() {
        let request = reader.read(&HTTP.as_bytes()[..length]);
        if length < flags + "---- 1".len() {
            assert_eq!(request, None, "{length}");
        } else {
            let request = request.unwrap_or_else(|| panic!("{length}"));
            assert_eq!((request.status, request.time(Phase::Response)), (Some(200), Some(4)), "{length}");
        }
    }
}

#[test]
fn other_formats_are_read_as_configured() {
    let format = "%{+Q}o %{-Q}ci [%tr] %[ssl_fc_sni] %ST 100%% %HM %HU";
    let mut own = LineReader::new([format]).unwrap();
    let request = own.read(b"10.1.1.1 [01/Dec/2026:11:35:25.966] \"lb example\" 404 100% \"GET\" \"/x y\"").unwrap();
    assert_eq!(words(&request), "10.1.1.1    -/-/-/-/- 404 0  GET /x y");
    let mut plain = LineReader::new(["%ci %r %ST"]).unwrap();
    let request = plain.read(b"10.1.1.1 POST /a?b HTTP/1.1 204").unwrap();
    assert_eq!((text(request.method), text(request.path()), request.status), ("POST", "/a", Some(204)));
    let mut dated = LineReader::new(["%ci %trl %ST %HP%HQ", "%T %ci %[capture.req.method] %ST"]).unwrap();
    let request = dated.read(b"<134>Dec  1 12:09:10 haproxy[1]: 10.0.0.1 01/Dec/2026:12:09:10 +0100 200 /a?b").unwrap();
    assert_eq!(
        [request.client, request.date, request.path()].map(text),
        ["10.0.0.1", "01/Dec/2026:12:09:10 +0100", "/a"]
    );
    let request = dated.read(b"01/Dec/2026:12:09:10 +0000 10.0.0.2 PUT 503").unwrap();
    assert_eq!((text(request.method), request.error_origin()), ("PUT", Some(ErrorOrigin::Unknown)));
    let mut absent = LineReader::new(["%ci %ST %hrl"]).unwrap();
    assert_eq!(absent.read(b"127.0.0.1 200 ").unwrap().status, Some(200));
    let escaped = reader().read(HTTP.replace("/a/2?x", "/a#22b?x").as_bytes()).map(|request| request.path().to_vec());
    assert_eq!(escaped.as_deref(), Some(&b"/a#22b"[..]));
    let error = |format: &str| LogFormat::compile(format).unwrap_err();
    assert_eq!(error("%ST %Trx"), LogFormatError::UnknownVariable("Trx".to_owned()));
    assert_eq!(error("%ST%B"), LogFormatError::NotSeparated("%B".to_owned()));
    assert_eq!(error("100% %ST"), LogFormatError::NoVariable(3));
    assert_eq!(error("%{+Q"), LogFormatError::NotClosed(1, '{'));
    assert_eq!(error("%{+cbor}o %(st)ST"), LogFormatError::Encoded("CBOR"));
    assert_eq!(error("%ST %{+json}r"), LogFormatError::Encoded("a part in JSON"));
    assert_eq!(error("%{+json}o %ST"), LogFormatError::NoFigures);
    assert_eq!(error("%ci"), LogFormatError::NoFigures);
}

#[test]
fn lines_in_json_are_read() {
    let format =
        "%{+json}o %(client)ci %(at:str)tr %(fe)ft %(be)b %(srv)s %(wait)Tw %(tr)Tr %(status)ST %B %(flags)tsc %(r)r";
    let mut reader = LineReader::new([format]).unwrap();
    let line = r#"{"client": "127.0.0.1", "at": "01/Dec/2026:14:52:44.864", "fe": "f", "be": "b", "srv": "s1", "wait": 3, "tr": -1,
        "status": 504, "flags": "sH--", "r": "GET /a\"b?x HTTP/1.1"}"#;
    let with_header = format!("<134>Dec  1 14:52:44 haproxy[7]: {line}");
    let request = reader.read(with_header.as_bytes()).unwrap();
    assert_eq!(words(&request), "127.0.0.1 f b s1 -/3/-/-/- 504 0 sH GET /a\\\"b?x");
    assert_eq!((request.error_origin(), text(request.date)), (Some(ErrorOrigin::Haproxy), "01/Dec/2026:14:52:44.864"));
    let absent = line.replace("\"s1\"", "null");
    assert_eq!(text(reader.read(absent.as_bytes()).unwrap().server), "");
    for damaged in [&line[..60], &line.replace("504", "\"x\""), &line.replace("\"tr\"", "\"other\"")] {
        assert!(reader.read(damaged.as_bytes()).is_none(), "{damaged}");
    }
}

#[test]
fn filters_accept_lists_units_and_any_case() {
    let mut reader = reader();
    let request = reader.read(HTTP.as_bytes()).unwrap();
    for (filter, is_true) in [
        ("status:404,200", true),
        ("status:404,500", false),
        ("status!=404,200", false),
        ("status:2XX", true),
        ("bytes>1k", false),
        ("bytes<1K method:get,post", true),
        ("client:192.168.0.0/16,127.0.0.0/8", true),
        ("!server:nosuch,none", true),
    ] {
        assert_eq!(RequestFilter::parse(filter).unwrap().matches(&request), is_true, "{filter}");
    }
    for invalid in ["status:200,x", "bytes>k", "bytes>99999999999999999999G", "time>1s,2s"] {
        assert!(RequestFilter::parse(invalid).is_err(), "{invalid}");
    }
}

#[test]
fn lines_are_read_in_the_same_format_whatever_came_before() {
    let own = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %tsc %{+Q}r";
    let mut reader = LineReader::new([own]).unwrap();
    let of_own = b"10.0.0.1:1 [01/Dec/2026:11:35:25.966] fe be/s1 0/0/0/7/8 503 76 SC-- \"GET /own HTTP/1.1\"";
    for _ in 0..3 {
        let request = reader.read(of_own).unwrap();
        assert_eq!([request.flags, request.uri].map(text), ["SC", "/own"]);
        let request = reader.read(HTTP.as_bytes()).unwrap();
        assert_eq!([request.flags, request.uri].map(text), ["--", "/a/2?x=1"]);
    }
}

#[test]
fn lines_that_are_no_requests_are_not_read() {
    let mut reader = reader();
    for line in [
        "",
        "Server be/s1 is DOWN, reason: Layer4 timeout, check duration: 2001ms.",
        "Dec  1 11:35:25 lb1 haproxy[1]: Proxy fe started.",
        "127.0.0.1:1 [01/Dec/2026:11:35:25.966] fe app/s2 1/2/x/4/10 200 76 - - ---- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"",
        "127.0.0.1:1 [01/Dec/2026:11:35:25.966] fe app/s2 1/2/3/4/10 OK 76 - - ---- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"",
        "127.0.0.1:1 [01/Dec/2026:11:35:25.966] fe app/s2 1/2/3/4/10 200 76 - - ---- 1/1/0/0/0 0/0 \"GET /\" more",
    ] {
        assert_eq!(reader.read(line.as_bytes()), None, "{line}");
    }
}

proptest! {
    #[test]
    fn damaged_lines_never_panic(
        place in any::<prop::sample::Index>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
        removed in 0_usize..20,
    ) {
        let mut line = HTTP.as_bytes().to_vec();
        let place = place.index(line.len());
        line.splice(place..(place + removed).min(HTTP.len()), bytes);
        let _ = reader().read(&line);
    }

    #[test]
    fn compiled_formats_never_panic(format in "(%|\\{|\\}|\\[|\\(|\\)|[a-zA-Z +]|ST|ä){0,30}", line in any::<Vec<u8>>()) {
        if let Ok(format) = LogFormat::compile(&format) {
            let _ = format.parse(&line);
        }
    }
}
