//! Tests of the filter language.

use crate::instance::state::Instance;
use crate::observe::test_samples::{SampleBuilder, stat_of_site};
use crate::table::columns::column_sets::{HTTP_VIEW, LATENCY_VIEW};
use crate::table::columns::row_view::RowView;
use crate::table::filter::RowFilter;
use crate::table::view_table::{Content, VIEWS};
use proptest::prelude::*;

fn shown(filter: &str) -> Vec<String> {
    shown_of(&stat_of_site(), filter)
}

fn shown_of(stat: &str, filter: &str) -> Vec<String> {
    let mut instance = Instance::default();
    instance.add_sample(SampleBuilder::default().build_at_millis(0, stat), 0);
    let filter = RowFilter::parse(filter).unwrap();
    let sample = instance.shown().unwrap();
    let rows = (0..sample.rows.ids().len()).map(|index| RowView::new(&instance, sample, index));
    rows.filter(|row| filter.matches(row)).map(|row| row.stat_row().name.to_string()).collect()
}

#[test]
fn matches_searches_words_in_names_and_states() {
    assert_eq!(shown("w1"), ["w1"]);
    assert_eq!(shown("down"), ["old1", "BACKEND"]);
    assert_eq!(shown("API !backend !down"), ["api1", "api2", "api3"]);
    assert_eq!(shown("").len(), 10);
    assert_eq!(shown("a*3"), ["api3"]);
    assert_eq!([shown("www/w2"), shown("api/*3")], [["w2"], ["api3"]]);
    assert_eq!(shown("nowhere"), [""; 0]);
}

#[test]
fn w7_matches_finds_shown_words_and_those_of_haproxy() {
    let stat = "# pxname,svname,status,type,\nb,s1,MAINT (resolution),2,\nb,s2,UP,2,\nb,BACKEND,UP,1,\n";
    for filter in ["status:resolution", "status:dns", "status!=up kind:server"] {
        assert_eq!(shown_of(stat, filter), ["s1"], "{filter}");
    }
}

#[test]
fn matches_compares_columns() {
    assert_eq!(shown("status:maint"), ["api3"]);
    assert_eq!(shown("state:maint"), ["api3"], "the heading of the column");
    assert_eq!(shown("LOAD>=99 sess/lim>40 kind:server"), ["api1"]);
    assert_eq!(shown("name:api* kind:server qcur>0"), ["api1"]);
    assert_eq!(shown("scur>=400 kind:server"), ["w1", "w2"]);
    assert_eq!(shown("bin>4.9k"), ["FRONTEND", "BACKEND"]);
    assert_eq!(shown("weight!=100 kind:server"), ["old1"]);
    assert_eq!(shown("!weight=100 kind:server"), ["old1"]);
    assert_eq!(shown("rate=0 kind:server"), ["api3", "old1"]);
    assert_eq!(shown("qcur=0 kind:frontend"), [""; 0], "a frontend has no queue: unknown is not zero");
}

#[test]
fn matches_accepts_any_of_several_alternatives() {
    assert_eq!(shown("name:api1,w*, kind:server"), ["w1", "w2", "api1"]);
    assert_eq!(shown("proxy:api,leg kind:server"), ["api1", "api2", "api3", "old1"]);
    assert_eq!(shown("!proxy:api,www"), ["old1", "BACKEND"]);
    assert_eq!(shown("weight=0,1 kind:server"), ["old1"]);
    assert_eq!(shown("weight!=0,100 kind:server"), ["old1"]);
    assert_eq!(shown("status:maint | scur>=400 kind:server"), ["w1", "w2", "api3"]);
}

#[test]
fn matches_compares_the_whole_text_after_an_equals_sign() {
    assert_eq!(shown("proxy=www"), ["w1", "w2", "BACKEND"]);
    assert_eq!(shown("proxy:www").len(), 4, "www-in as well");
    assert_eq!(shown("proxy=WWW-in,legacy kind!=server"), ["FRONTEND", "BACKEND"]);
    assert_eq!(shown("kind!=backend,server,listener"), ["FRONTEND"]);
    assert_eq!(shown("tracked!=www/w1"), [""; 0], "an unknown value does not match != either");
}

#[test]
fn parse_searches_a_word_whose_prefix_is_not_a_column() {
    for word in ["shop:cart", "10.129.2.17:8080", "2001:db8::1", "[2001:db8::1]:80", "!shop:cart", "::1", "a:"] {
        let filter = RowFilter::parse(word).unwrap_or_else(|error| panic!("{word}: {error}"));
        assert_eq!(filter.to_string(), word);
    }
    let ids: Vec<&str> = RowFilter::parse("shop:cart").unwrap().columns().map(|column| column.id).collect();
    assert_eq!(ids, ["addr"]);
    assert_eq!(shown("www:nowhere"), [""; 0]);
    assert_eq!(shown("proxy:www-in"), ["FRONTEND"], "a column that exists still limits the word");
}

#[test]
fn parse_reports_the_invalid_word() {
    let wrong = |text: &str| RowFilter::parse(text).unwrap_err().to_string();
    assert_eq!(wrong("nonsense>1"), "unknown column \"nonsense\"");
    assert_eq!(wrong("shop:cart>1"), "unknown column \"shop\"");
    assert_eq!(wrong("qcur>many"), "\"many\" is not a number");
    assert_eq!(wrong("!"), "\"!\" lacks the text to search for");
    assert_eq!(wrong("status:"), "\"status:\" lacks the text to search for");
    assert_eq!(wrong("proxy=,"), "\"proxy=,\" lacks the text to search for");
    assert_eq!(wrong("weight=1,x"), "\"x\" is not a number");
    assert_eq!(wrong("qcur>1,2"), "\"1,2\" is not a number");
    assert_eq!(wrong("down |"), "\"|\" lacks the text to search for");
}

#[test]
fn parse_with_finds_the_column_shown_regardless_of_case() {
    let column = |text: &str, shown| {
        let filter = RowFilter::parse_with(text, shown).unwrap();
        filter.columns().map(|column| column.id).collect::<Vec<_>>()
    };
    for name in ["RTIME", "rtime"] {
        assert_eq!(
            column(&format!("{name}>5"), LATENCY_VIEW),
            ["rtime_now"],
            "the number shown, not HAProxy's long mean"
        );
    }
    assert_eq!([column("5xx>5", HTTP_VIEW), column("5XX>5", HTTP_VIEW)], [["5xx"], ["5xx"]]);
    assert_eq!(column("#5xx>5", HTTP_VIEW), ["hrsp_5xx"]);
    assert_eq!(column("rtime>5", &[]), ["rtime"]);
}

#[test]
fn headings_of_a_view_name_one_column_each() {
    for view in &VIEWS {
        let Content::Table(columns) = view.content else { continue };
        for column in columns.iter().filter(|column| !column.title.is_empty() && !column.is_comparison()) {
            let of_this_name = columns.iter().filter(|other| {
                other.title.eq_ignore_ascii_case(column.title) || other.id.eq_ignore_ascii_case(column.title)
            });
            let ids: Vec<&str> = of_this_name.map(|column| column.id).collect();
            assert_eq!(ids, [column.id], "{}: {}", view.id, column.title);
        }
    }
}

#[test]
fn parse_refuses_to_order_texts() {
    let message = |text: &str| RowFilter::parse(text).unwrap_err().to_string();
    assert_eq!(
        message("status>5"),
        "status is a text and cannot be compared with >: use status:WORD, status=TEXT or status!=TEXT"
    );
    for text in ["name<5", "PROBLEM>=2", "check<=1", "kind>1"] {
        assert!(message(text).contains("is a text"), "{text}");
    }
    assert!(RowFilter::parse("left>5").is_ok(), "the number of sessions left");
}

proptest! {
    #[test]
    fn parse_never_panics(text in "[ -~é*!<>=:,|]{0,40}") {
        if let Ok(filter) = RowFilter::parse(&text) {
            let mut instance = Instance::default();
            instance.add_sample(SampleBuilder::default().build_at_millis(0, &stat_of_site()), 0);
            let sample = instance.shown().unwrap();
            let _ = filter.matches(&RowView::new(&instance, sample, 1));
        }
    }
}
