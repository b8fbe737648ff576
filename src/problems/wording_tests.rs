//! Every sentence with a count says "1 session" and "2 sessions".

use crate::problems::rule::Scope;
use crate::problems::rule_table::RuleId;
use crate::problems::test_site::TestSite;

/// Columns and keys that are a count or a limit in a sentence.
const COUNTS: [&str; 10] = [
    "api/BACKEND.qcur",
    "api/api1.scur",
    "api/api1.slim",
    "api/api1.qcur",
    "api/api1.qlimit",
    "api/api1.check_rise",
    "api/api1.check_health",
    "www-in.scur",
    "www-in.slim",
    "www-in.rate_lim",
];
const INFO_COUNTS: [&str; 12] = [
    "Maxconn",
    "SessRateLimit",
    "ConnRateLimit",
    "SslRateLimit",
    "MaxSslConns",
    "Memmax_MB",
    "Maxpipes",
    "Ulimit-n",
    "Maxsock",
    "Test_live_processes",
    "Test_failed_questions",
    "Test_lost_connections",
];
/// Units and words after a number that are no nouns in the plural.
const NO_PLURALS: [&str; 3] = ["s", "ms", "is"];

/// Returns the first number in a text with a noun in the wrong number.
fn wrong_number(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split([' ', '(', ')', ',', ':']).filter(|word| !word.is_empty()).collect();
    let is_noun = |word: &str| word.chars().all(|char| char.is_ascii_lowercase()) && !NO_PLURALS.contains(&word);
    let is_wrong = |pair: &&[&str]| {
        let is_plural = pair[1].ends_with('s') && !pair[1].ends_with("ss");
        pair[0] == "1" && is_noun(pair[1]) && is_plural
            || pair[0] == "2" && ["server", "session", "request", "check", "error", "time"].contains(&pair[1])
    };
    words.windows(2).find(is_wrong).map(|pair| pair.join(" "))
}

#[test]
fn wrong_number_finds_singular_and_plural() {
    assert_eq!(wrong_number("queue: 1 of 1 requests (maxqueue)").as_deref(), Some("1 requests"));
    assert_eq!(wrong_number("2 server down").as_deref(), Some("2 server"));
    assert_eq!(wrong_number("1 of 2 servers down in 1 s"), None);
}

#[test]
fn descriptions_of_all_rules_have_the_right_number() {
    for count in [1, 2] {
        let mut site = TestSite::healthy();
        site.remove("api");
        site.backend("api", "http", &["api1"]);
        for column in COUNTS {
            site.set(&format!("{column}={count}"));
        }
        for key in INFO_COUNTS {
            site.set(&format!("info.{key}={count}"));
        }
        site.set("info.Test_certificate_hours=24 api/api1.check_status=L4OK");
        for state in ["UP", "DOWN"] {
            site.set(&format!("api/api1.status={state}"));
            site.steps(3);
            for rule in RuleId::ALL {
                let row = match rule.rule().scope {
                    Scope::Process => "process",
                    Scope::Frontend => "www-in",
                    Scope::Backend => "api",
                    Scope::Server => "api/api1",
                    Scope::Listener => "www-in/l1",
                };
                for value in [f64::from(count), f64::from(count) / 100.0] {
                    let text = site.describe(*rule, row, value);
                    assert_eq!(wrong_number(&text), None, "{rule}: {text}");
                }
            }
        }
    }
}

#[test]
fn causes_of_one_server_have_the_right_number() {
    for (changes, name, text) in [
        ("api/api1.status=DOWN api/BACKEND.act=0", "api", "no server available"),
        ("api/api1.scur=1 api/api1.slim=1 api/BACKEND.qcur=12", "api", "servers full: 1 of 1 session, 12 waiting"),
        ("api/api1.qcur=1 api/api1.qlimit=1", "api", "servers full: 5 of 50 sessions, 1 waiting"),
    ] {
        let mut site = TestSite::healthy();
        site.remove("api");
        site.backend("api", "http", &["api1"]);
        site.steps(4);
        site.set(changes);
        site.steps(8);
        let sentence = site.sentence(name);
        assert!(sentence.starts_with(text), "{changes}: {sentence:?} {:?}", site.open_problems());
        assert_eq!(wrong_number(sentence), None, "{sentence}");
    }
}
