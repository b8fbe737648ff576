//! Mutates recorded replies and files for the fuzz tests.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

/// Returns the recorded replies of all versions whose file name starts with one of `names`.
pub fn recordings(names: &[&str]) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut paths = Vec::new();
    for version in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        paths.extend(fs::read_dir(version).unwrap().map(|entry| entry.unwrap().path()));
    }
    paths.sort();
    let is_wanted = |path: &&std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        names.iter().any(|start| name.starts_with(start))
    };
    let all: Vec<Vec<u8>> = paths.iter().filter(is_wanted).map(|path| fs::read(path).unwrap()).collect();
    assert!(!all.is_empty(), "{names:?}");
    all
}

/// Values that replace a cell, a word or a value.
const VALUES: [&[u8]; 20] = [
    b"",
    b"-1",
    b"-9223372036854775808",
    b"9223372036854775807",
    b"18446744073709551615",
    b"99999999999999999999999",
    b"4294967296",
    b"0x7f",
    b"1e9",
    b"\"a\r\nb\"",
    b"\"a,\"\"b\"\"\"",
    b"\"",
    b"\x1b]0;title\x07",
    b"\xff\xfe\xc2\x9b",
    b"\xe2\x80\xae",
    b"\xe6\x97\xa5\xe6\x9c\xac",
    b";",
    b"<<",
    b"\\",
    b"MAINT (via be_app/app1)",
];

/// One change of some bytes.
#[derive(Debug, Clone)]
pub enum Mutation {
    /// Replaces a byte.
    Byte(Index, u8),
    /// Truncates the bytes.
    Truncate(Index),
    /// Removes a number of bytes.
    Remove(Index, usize),
    /// Inserts a copy of some bytes at another place.
    Copy(Index, usize, Index),
    /// Replaces the text between two separators by one of [`VALUES`].
    Value(Index, usize),
    /// Replaces the text between two separators by a very long name.
    LongName(Index),
    /// Removes or duplicates a column of every line.
    Column(usize, bool),
    /// Inserts one of [`VALUES`].
    Insert(Index, usize),
}

/// Generates mutations; replaced values are the most frequent.
pub fn any_mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<Index>;
    let value = 0..VALUES.len();
    prop_oneof![
        3 => (index(), any::<u8>()).prop_map(|(at, byte)| Mutation::Byte(at, byte)),
        1 => index().prop_map(Mutation::Truncate),
        1 => (index(), 1..60_usize).prop_map(|(at, count)| Mutation::Remove(at, count)),
        1 => (index(), 1..400_usize, index()).prop_map(|(from, count, to)| Mutation::Copy(from, count, to)),
        8 => (index(), value.clone()).prop_map(|(at, value)| Mutation::Value(at, value)),
        1 => index().prop_map(Mutation::LongName),
        1 => (0..90_usize, any::<bool>()).prop_map(|(column, is_duplicated)| Mutation::Column(column, is_duplicated)),
        2 => (index(), value).prop_map(|(at, value)| Mutation::Insert(at, value)),
    ]
}

/// Generates one of the inputs with up to seven mutations.
pub fn mutated(all: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(all), prop::collection::vec(any_mutation(), 0..8)).prop_map(|(mut bytes, mutations)| {
        for mutation in mutations {
            mutation.apply(&mut bytes);
        }
        bytes
    })
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Byte(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Truncate(at) => bytes.truncate(at.index(bytes.len())),
            Self::Remove(at, count) => {
                let at = at.index(bytes.len());
                bytes.drain(at..bytes.len().min(at + count));
            }
            Self::Copy(from, count, to) => {
                let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
                let copy = bytes[from..bytes.len().min(from + count)].to_vec();
                bytes.splice(to..to, copy);
            }
            Self::Value(at, value) => replace(bytes, at.index(bytes.len()), VALUES[*value]),
            Self::LongName(at) => replace(bytes, at.index(bytes.len()), &vec![b'n'; 60_000]),
            Self::Column(column, is_duplicated) => {
                let lines = bytes.split(|byte| *byte == b'\n').map(|line| {
                    let mut cells: Vec<&[u8]> = line.split(|byte| *byte == b',').collect();
                    if *column < cells.len() {
                        if *is_duplicated {
                            cells.insert(*column, cells[*column]);
                        } else {
                            cells.remove(*column);
                        }
                    }
                    cells.join(&b',')
                });
                *bytes = lines.collect::<Vec<_>>().join(&b'\n');
            }
            Self::Insert(at, value) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, VALUES[*value].iter().copied());
            }
        }
    }
}

/// Replaces the text around `at`, up to the separators before and after it.
fn replace(bytes: &mut Vec<u8>, at: usize, value: &[u8]) {
    let is_separator = |byte: &u8| b",\n =:".contains(byte);
    let start = bytes[..at].iter().rposition(is_separator).map_or(0, |place| place + 1);
    let end = bytes[at..].iter().position(is_separator).map_or(bytes.len(), |place| at + place);
    bytes.splice(start..end.max(start), value.iter().copied());
}

/// Lines that users type, and names.
pub const TYPED_LINES: [&str; 24] = [
    "status:down | qcur>0 !backup",
    "name:app* proxy=www,api weight!=0,1 rtime>=1.5k",
    "!web1",
    "scur>10M",
    "cols +rtime -econ scur",
    "sort rtime",
    "filter status:down",
    "view.lat",
    "cols +rti",
    "server.maint",
    "show info;show stat -1 4 -1",
    "operator;show sess; get weight be/s1",
    "get map /f a\\;b\\ c\\\\",
    "set server be_app/app1 state maint",
    "clear counters all",
    "show map <<",
    "show events buf0 -nw",
    "show tls-keys *",
    "50%",
    "256",
    "jj/web<ret>M<c-z><a-1><pgdn>",
    "127.0.0.1:9999",
    "5xx.warn=0.5",
    "be_app\napp1",
];

/// Audit records of two actions; one of them has no result.
pub const AUDIT: &str = concat!(
    r#"{"time":"2026-11-20T03:12:41.120Z","phase":"sending","id":"4242-1795142000000-1","tool":"dashboard","#,
    r#""user":"root","uid":0,"sudo_user":"ann","ssh_connection":"192.0.2.7 50514 192.0.2.1 22","host":"lb01","#,
    r#""instance":"eu","address":"/run/haproxy/admin.sock","pid":812,"target":"be_app/app1","#,
    r#""command":"set server be_app/app1 state maint","before":{"status":"UP","admin":0,"weight":100,"sessions":12,"#,
    r#""queued":0},"reason":"kernel update"}"#,
    "\n",
    r#"{"time":"2026-11-20T03:12:41.164Z","phase":"done","id":"4242-1795142000000-1","tool":"dashboard","#,
    r#""user":"root","uid":0,"host":"lb01","instance":"eu","address":"/run/haproxy/admin.sock","pid":812,"#,
    r#""target":"be_app/app1","command":"set server be_app/app1 state maint","answer":"","outcome":"verified, MAINT","#,
    r#""verified":true,"before":{"status":"UP"},"after":{"status":"MAINT","sessions":12,"limit":5}}"#,
    "\n",
    r#"{"time":"2026-11-20T04:00:00Z","phase":"sending","id":"4242-1795142000000-2","tool":"hapulse drain","#,
    r#""user":"ann","uid":1000,"host":"lb01","instance":"eu","address":"lb01:9999","pid":-1,"#,
    r#""command":"disable server be_app/app2;enable server be_app/app1","later":[1,{"a":null}]}"#,
    "\n",
);

/// A small configuration file.
pub const CONFIGURATION: &str = r#"read_only = true

[audit]
path = "/var/log/hapulse/audit.jsonl"
required = false
ask_reason = true

[drain]
deadline = "5m"
"#;

/// A small site over a time that fills blocks of the history, in the input format of the target `stat_info`.
pub const SAMPLE_SERIES: &str = r"Version: 2.6.12
Pid: 7
Uptime_sec: 100
CurrConns: 5
CumReq: 70000

# pxname,svname,scur,stot,bin,weight,rate,status,type,slim,
b,s1,3,100,93000,10,1,UP,2,,
b,s2,0,5,,20,0,DRAIN,2,100,
b,BACKEND,3,105,93000,30,1,UP,1,2000,

# pxname,svname,scur,stot,bin,weight,rate,status,type,slim,
b,s1,4,1100,9223372036854775807,10,-1,UP,2,,
b,s2,0,5,,20,0,DRAIN,2,100,
b,BACKEND,-4,1105,93000,30,4294967295,UP,1,2000,

@r

# pxname,svname,scur,stot,bin,weight,rate,status,type,slim,
b,s2,0,5,,20,0,DRAIN,2,100,
b,s3,1,1,1,256,,no check,2,100,
b,BACKEND,3,105,93000,30,1,UP,1,2000,

@r

# pxname,svname,scur,weight,req_tot,status,type,
b,s2,0,20,7,DRAIN,2,

@r

";
