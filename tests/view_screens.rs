//! Text snapshots of every view and layer at four screen sizes, with Unicode and with ASCII glyphs, drawn from recorded
//! replies of a real HAProxy; and a sweep over all screen sizes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/query_replies.rs"]
mod query_replies;
#[path = "support/samples.rs"]
mod samples;
#[path = "support/scenes.rs"]
mod scenes;

use hapulse::app::layers::Layer;
use hapulse::app::message::Message;
use hapulse::app::update::update;
use hapulse::ask::query::Query;
use hapulse::haproxy::level::Level;
use hapulse::haproxy::sessions::SessionFilter;
use hapulse::instance::source::StatsSocket;
use hapulse::table::view_table::ViewId;
use hapulse::ui::theme::{Palette, Theme};
use samples::{SampleFactory, StatCsv, recorded_text, timestamp};
use scenes::{DEFAULT_VERSION, NEWEST_VERSION, Scene, SceneFactory, default_scene};

impl Scene {
    /// Handles a message with a query reply 100 ms later.
    fn handle_reply(mut self, msg: Message) -> Self {
        self.now += std::time::Duration::from_millis(100);
        let _ = update(&mut self.model, msg, timestamp(self.now.as_millis() as u64));
        self
    }

    fn wait(mut self, millis: u64) -> Self {
        self.advance(millis);
        self
    }
}

/// Builds a scene of the newest version, which has more counters per table entry and more session details.
fn newest(size: (u16, u16)) -> Scene {
    Scene::busy(NEWEST_VERSION, StatsSocket::default(), Level::Admin, size)
}

/// Builds a scene with one sample that has no problems.
fn healthy(size: (u16, u16)) -> Scene {
    let mut scene = Scene::empty(StatsSocket::default(), size);
    let mut csv = StatCsv::recorded(DEFAULT_VERSION, "show-stat.csv");
    for (proxy, name) in csv.names() {
        if proxy != "fe_web" && proxy != "be_api" {
            csv.remove(&proxy, &name);
        }
    }
    scene.add_sample(0, &SampleFactory::for_version(DEFAULT_VERSION).next_sample(0, &csv));
    scene
}

/// Builds a scene of ten minutes with steady traffic, in whose middle a deploy makes `be_app/app3` slow and a server goes
/// down.
fn deploy(size: (u16, u16)) -> Scene {
    let mut scene = Scene::empty(StatsSocket::default(), size);
    let (mut samples, mut stat) =
        (SampleFactory::for_version(DEFAULT_VERSION), StatCsv::recorded(DEFAULT_VERSION, "show-stat.csv"));
    stat.add_requests("be_app", "BACKEND", 30_000).add_requests("fe_web", "FRONTEND", 30_000);
    let mut sums = [12.0_f64 * 512.0; 3];
    for name in ["app1", "app2", "app3"] {
        stat.add_requests("be_app", name, 10_000);
    }
    for step in 0..=60_u64 {
        let is_later = step > 30;
        for (name, sum) in ["app1", "app2", "app3"].into_iter().zip(&mut sums) {
            let millis = if is_later && name == "app3" { 1240.0 } else { 12.0 };
            for _ in 0..60 {
                *sum += millis - *sum / 512.0;
            }
            stat.add_requests("be_app", name, 60).set(
                "be_app",
                name,
                "rtime",
                &format!("{:.0}", (*sum / 512.0).ceil()),
            );
        }
        stat.add_requests("be_app", "BACKEND", 180).add_requests("fe_web", "FRONTEND", 180);
        if step == 40 {
            stat.set("be_api", "api2", "status", "DOWN").set("be_api", "api2", "check_status", "L4CON");
        }
        scene.add_sample(step * 10_000, &samples.next_sample(step * 10_000, &stat));
    }
    scene
}

/// Builds a CLI view with several typed lines and their replies.
fn cli_with_replies(size: (u16, u16)) -> Scene {
    default_scene(size)
        .press("5show<space>info<ret>")
        .handle_reply(query_replies::typed_line_reply("show info", &recorded_text(DEFAULT_VERSION, "show-info.txt")))
        .press("set<space>weight<space>be_app/app1<space>10<ret>")
        .press("y")
        .handle_reply(query_replies::write_command_reply("\n"))
        .press("show<space>table<space>nosuch<ret>")
        .handle_reply(query_replies::typed_line_reply("show table nosuch", "No such table\n"))
        .press("clear<space>counters<ret><esc>")
        .press("show<space>errors")
}

/// Builds ten minutes in which a server becomes slow, another one fails, and a third one goes down again and again; shows
/// the heat map.
fn heat_map(size: (u16, u16)) -> Scene {
    let mut scene = Scene::empty(StatsSocket::default(), size);
    let (mut samples, mut csv) =
        (SampleFactory::for_version(DEFAULT_VERSION), StatCsv::recorded(DEFAULT_VERSION, "show-stat.csv"));
    for second in (0..=600_u64).step_by(5) {
        for (proxy, name) in [("be_app", "app1"), ("be_app", "app2"), ("be_app", "app3"), ("be_api", "api1")] {
            csv.add(proxy, name, "req_tot", 300).add(proxy, name, "hrsp_2xx", 300).set(proxy, name, "rtime", "12");
        }
        if second >= 400 {
            csv.set("be_app", "app3", "rtime", "1240");
        }
        if second >= 500 {
            csv.add("be_app", "app2", "hrsp_5xx", 60);
        }
        let is_down = second % 100 >= 80;
        csv.set("be_api", "api1", "status", if is_down { "DOWN" } else { "UP" });
        csv.set("be_slow", "slow1", "qcur", if second > 300 { "24" } else { "0" });
        csv.set("be_app", "app1", "scur", &(second / 20).to_string());
        scene.add_sample(second * 1000, &samples.next_sample(second * 1000, &csv));
    }
    scene.press("T").wait(6000)
}

/// The scenes, by the name of their snapshot.
const SCENES: &[(&str, SceneFactory)] = &[
    ("status", |size| default_scene(size).press("1jjjjj")),
    ("traffic", |size| default_scene(size).press("2")),
    ("http", |size| default_scene(size).press("3G")),
    ("errors", |size| default_scene(size).press("4jjj")),
    ("latency", |size| default_scene(size).press("6jjjjj")),
    ("status-newest", |size| newest(size).press("1")),
    ("status-wide-columns", |size| {
        default_scene(size).press("1:cols<space>+addr<space>+h1req/s<ret>....................")
    }),
    ("cli-empty", |size| default_scene(size).press("5")),
    ("cli-read-only", |size| Scene::busy(DEFAULT_VERSION, StatsSocket::READ_ONLY, Level::Operator, size).press("5")),
    ("cli", cli_with_replies),
    ("cli-scrolled", |size| cli_with_replies(size).press("<pgup>")),
    ("cli-confirmation", |size| {
        default_scene(size).press("5set<space>maxconn<space>server<space>be_app/app1<space>200<ret>")
    }),
    ("cli-crash", |size| default_scene(size).press("5set<space>maxconn<space>frontend<space>fe_web<space>2000<ret>")),
    ("sessions-before", |size| default_scene(size).press("7")),
    ("sessions-waiting", |size| default_scene(size).press("7<ret>")),
    ("sessions-failed", |size| {
        default_scene(size)
            .press("7<ret>")
            .handle_reply(query_replies::failed_query(Query::Sessions(SessionFilter::default())))
    }),
    ("sessions", |size| {
        default_scene(size)
            .press("7<ret>")
            .handle_reply(query_replies::sessions_reply(DEFAULT_VERSION))
            .press("jj")
            .wait(9000)
    }),
    ("sessions-filtered", |size| {
        default_scene(size)
            .press("7<ret>")
            .handle_reply(query_replies::sessions_reply(DEFAULT_VERSION))
            .press("/backend:be_tcp")
    }),
    ("sessions-groups", |size| {
        default_scene(size).press("7<ret>").handle_reply(query_replies::sessions_reply(DEFAULT_VERSION)).press("bbbj")
    }),
    ("sessions-question", |size| {
        let detail = |id: &str, source: &str| {
            let lines = format!(
                "{id}: [30/Nov/2026:06:00:00.000001] id=7 proto=tcpv4 source={source}\n  frontend=fe_tcp\n  \
                 backend=be_tcp\n  server=tcp2\n"
            );
            query_replies::session_detail_reply(id, Some(&lines))
        };
        default_scene(size)
            .press("7<ret>")
            .handle_reply(query_replies::sessions_reply(DEFAULT_VERSION))
            .press("<space><space>X")
            .handle_reply(detail("0x55d0e491f000", "127.0.0.1:53914"))
            .handle_reply(detail("0x55d0e49052b0", "127.0.0.1:53926"))
    }),
    ("session", |size| {
        newest(size)
            .press("7<ret>")
            .handle_reply(query_replies::sessions_reply(NEWEST_VERSION))
            .handle_reply(query_replies::session_reply(NEWEST_VERSION))
    }),
    ("tables-before", |size| default_scene(size).press("8")),
    ("tables", |size| {
        default_scene(size)
            .press("8<ret>")
            .handle_reply(query_replies::stick_tables_reply(DEFAULT_VERSION))
            .press("j")
            .wait(75_000)
    }),
    ("entries-before", |size| {
        default_scene(size)
            .press("8<ret>")
            .handle_reply(query_replies::stick_tables_reply(DEFAULT_VERSION))
            .press("jj<ret>")
    }),
    ("entries", |size| {
        let scene = newest(size)
            .press("8<ret>")
            .handle_reply(query_replies::stick_tables_reply(NEWEST_VERSION))
            .press("jj<ret>");
        scene.handle_reply(query_replies::entries_reply(NEWEST_VERSION, "st_keys")).press(">>>")
    }),
    ("events", |size| default_scene(size).press("9")),
    ("events-filtered", |size| default_scene(size).press("9/nowhere<ret>")),
    ("problems", |size| default_scene(size).wait(3000).press("!j")),
    ("problems-none", |size| healthy(size).press("!")),
    ("problems-filtered", |size| default_scene(size).press("!/nowhere<ret>")),
    ("out-of-service", |size| default_scene(size).press("A")),
    ("out-of-service-marked", |size| default_scene(size).press("A<space>a")),
    ("past", |size| default_scene(size).press("p<left>").wait(191_000)),
    ("past-status", |size| default_scene(size).press("1jjjjjp<left>").wait(191_000)),
    ("past-refused", |size| default_scene(size).press("<ret>jp<left>M")),
    ("heat-map", heat_map),
    ("heat-map-queue", |size| heat_map(size).press("VVV").wait(6000)),
    ("heat-map-state", |size| heat_map(size).press("VVVVjj").wait(6000)),
    ("heat-map-past", |size| heat_map(size).press("p(((<left>").wait(6000)),
    ("balancers", |size| default_scene(size).press("L")),
    ("balancers-invalid", |size| default_scene(size).press("L/conns>many")),
    ("diff", |size| default_scene(size).press("p<home>mpS")),
    ("diff-unmarked", |size| default_scene(size).press("S")),
    ("diff-deploy", |size| deploy(size).press("S")),
    ("diff-unfolded", |size| deploy(size).press("Sf")),
    ("past-timeline", |size| deploy(size).press("p((N")),
    ("detail", |size| default_scene(size).press("1jjjjj<ret>")),
    ("detail-scrolled", |size| default_scene(size).press("1jjjjj<ret><pgdn>j")),
    ("sort-menu", |size| default_scene(size).press("1:sort<space>scur<ret>s")),
    ("filter", |size| default_scene(size).press("1/be_<space>status:up<space>scur>0")),
    ("filtered", |size| default_scene(size).press("1/be_<space>status:up<space>scur>0<ret>")),
    ("filter-invalid", |size| default_scene(size).press("1/be_<space>scur>many")),
    ("command", |size| default_scene(size).press("1:cols<space>+rti<tab>")),
    ("palette", |size| default_scene(size).press(":dra")),
    ("palette-rows", |size| default_scene(size).press("2:drain<space>be_ap<down>")),
    ("help-in-table", |size| default_scene(size).press("2:sort<space>bout<ret>?")),
    ("help-search", |size| default_scene(size).press("?/sort")),
    ("action-search", |size| default_scene(size).press("<ret>a/check")),
    ("folded", |size| default_scene(size).press("1F")),
    ("flat", |size| default_scene(size).press("2t:sort<space>bout<ret>")),
];

#[test]
fn views_match_snapshots_at_designed_sizes() {
    scenes::assert_scenes("view-", SCENES);
}

#[test]
fn views_match_snapshots_in_ascii() {
    scenes::assert_ascii_scenes("view-", SCENES);
}

#[test]
fn views_have_no_color_in_mono_theme() {
    scenes::assert_no_color(SCENES);
}

#[test]
fn scenes_show_view_and_layer_of_their_name() {
    for (name, factory) in SCENES {
        let model = factory((80, 24)).model;
        let is_named = |view: &ViewId| name.starts_with(view.view().id.trim_end_matches('s'));
        if let Some(view) = ViewId::ALL.into_iter().find(is_named) {
            assert_eq!(model.view(), view, "{name}");
        }
        let has_expected_layer = match (*name, model.layers.last()) {
            ("detail", Some(Layer::Detail(_, 0)))
            | ("session", Some(Layer::TextPage { top: 0, .. }))
            | ("cli-confirmation", Some(Layer::TypedCommandConfirmation(_)))
            | ("sessions-question", Some(Layer::Confirmation(_)))
            | ("out-of-service-marked", Some(Layer::ActionMenu(_, 0, None)))
            | ("help-in-table", Some(Layer::Help(0, None)))
            | ("help-search", Some(Layer::Help(0, Some(_))))
            | ("action-search", Some(Layer::ActionMenu(_, 0, Some(_)))) => true,
            ("detail-scrolled", Some(Layer::Detail(_, top))) => *top > 0,
            ("sort-menu", Some(Layer::SortMenu(index))) => *index > 0,
            ("filter" | "command" | "palette" | "palette-rows" | "sessions-filtered", Some(Layer::Prompt(prompt))) => {
                prompt.error.is_none()
            }
            ("filter-invalid" | "balancers-invalid", Some(Layer::Prompt(prompt))) => prompt.error.is_some(),
            (_, layer) => layer.is_none(),
        };
        assert!(has_expected_layer, "{name}: {:?}", model.layers);
    }
}

#[test]
fn problems_view_wraps_whole_sentences_and_keeps_the_severity_of_the_selected_row() {
    for size in [(40, 24), (60, 20), (80, 24), (120, 40), (200, 60)] {
        let scene = default_scene(size).press("!");
        let buffer = scene.draw(Theme::new(Palette::Dark, false));
        let lines = scenes::buffer_lines(&buffer);
        let heading = lines.iter().position(|line| line.contains("SINCE IMPACT")).expect("a heading");
        // The words of the texts beside a sentence may come between its words.
        let text = lines[heading + 1..].join(" ");
        let first = scene.model.instance().unwrap().data.problems().open_causes().next().unwrap();
        let mut words = text.split_whitespace();
        for word in first.sentence.split_whitespace() {
            assert!(words.any(|shown| shown == word), "{size:?}: {word:?} of {:?}\n{lines:#?}", first.sentence);
        }
        let row = lines.iter().position(|line| line.contains('▶')).unwrap() as u16;
        assert!(usize::from(row) > heading, "{size:?}");
        let label = buffer.content.iter().skip(usize::from(row * size.0) + 2).take(4).collect::<Vec<_>>();
        let bar = &buffer[(size.0 - 1, row)];
        assert!(label.iter().any(|cell| cell.symbol() == "T" || cell.symbol() == "N"), "{size:?} {label:?}");
        assert!(label.iter().all(|cell| cell.style() != bar.style()), "{size:?}: the severity has a style of its own");
    }
}

/// Builds a scene of an HAProxy without frontends and backends.
fn nothing_configured(size: (u16, u16)) -> Scene {
    let mut scene = Scene::empty(StatsSocket::default(), size);
    let (mut samples, mut csv) =
        (SampleFactory::for_version(DEFAULT_VERSION), StatCsv::recorded(DEFAULT_VERSION, "show-stat.csv"));
    for (proxy, name) in csv.names() {
        csv.remove(&proxy, &name);
    }
    for millis in [0, 2000] {
        scene.add_sample(millis, &samples.next_sample(millis, &csv));
    }
    scene
}

/// Lists without content: how they are opened, and the text that says why they are empty.
const EMPTY_LISTS: &[(SceneFactory, &str)] = &[
    (nothing_configured, "HAProxy's configuration has no frontends"),
    (nothing_configured, "HAProxy's configuration has no backends"),
    (nothing_configured, "no backend is selected"),
    (|size| nothing_configured(size).press("1"), "HAProxy's configuration has no frontends and backends"),
    (|size| nothing_configured(size).press("2"), "HAProxy's configuration has no frontends and backends"),
    (|size| nothing_configured(size).press("3"), "HAProxy's configuration has no frontends and backends"),
    (|size| nothing_configured(size).press("4"), "HAProxy's configuration has no frontends and backends"),
    (|size| nothing_configured(size).press("5"), "Tab completes"),
    (|size| nothing_configured(size).press("6"), "HAProxy's configuration has no frontends and backends"),
    (|size| nothing_configured(size).press("7"), "lists the open sessions"),
    (
        |size| {
            let reply = query_replies::sessions_reply_with("\n", SessionFilter::default(), 3);
            nothing_configured(size).press("7<ret>").handle_reply(reply)
        },
        "no client is connected; ",
    ),
    (|size| nothing_configured(size).press("8"), "lists the stick tables"),
    (
        |size| nothing_configured(size).press("8<ret>").handle_reply(query_replies::no_stick_tables_reply()),
        "HAProxy has no stick tables; its configuration creates them",
    ),
    (
        |size| {
            let scene = newest(size)
                .press("8<ret>")
                .handle_reply(query_replies::stick_tables_reply(NEWEST_VERSION))
                .press("jj<ret>");
            scene.handle_reply(query_replies::no_entries_reply("st_keys"))
        },
        "this table has no entries: no client was tracked",
    ),
    (|size| nothing_configured(size).press("9"), "nothing has changed since hapulse started"),
    (|size| nothing_configured(size).press("p<home>9"), "nothing had changed up to this time"),
    (|size| nothing_configured(size).press("A"), "no server is in maintenance or drain"),
    (|size| nothing_configured(size).press("S"), "a comparison needs three"),
    (|size| nothing_configured(size).press("T"), "this HAProxy has no servers"),
    (|size| nothing_configured(size).press("TV"), "this HAProxy has no servers"),
    (|size| healthy(size).press("!"), " goes back"),
    (|size| default_scene(size).press("0/nowhere<ret>"), "no rows match the filter; Esc clears it"),
    (|size| default_scene(size).press("1/nowhere<ret>"), "no rows match the filter; Esc clears it"),
    (|size| default_scene(size).press("T/nowhere<ret>"), "no rows match the filter; Esc clears it"),
    (|size| default_scene(size).press("A/nowhere<ret>"), "no rows match the filter; Esc clears it"),
    (|size| default_scene(size).press("9/nowhere<ret>"), "no events match the filter; Esc clears it"),
    (|size| default_scene(size).press("!/nowhere<ret>"), "no problems match the filter; Esc clears it"),
    (|size| default_scene(size).press("?/nowhere"), "no key or column matches"),
    (|size| default_scene(size).press("a/nowhere"), "nothing matches"),
    (|size| default_scene(size).press(":nowhere"), "no command matches"),
];

#[test]
fn empty_lists_say_why_they_are_empty() {
    for (index, (make, text)) in EMPTY_LISTS.iter().enumerate() {
        for size in [(80, 24), (120, 40), (200, 60)] {
            for theme in [scenes::UNICODE, scenes::ASCII] {
                let lines = scenes::buffer_lines(&make(size).draw(theme));
                assert!(lines.iter().any(|line| line.contains(text)), "{index} {size:?} {text:?}\n{lines:#?}");
            }
        }
    }
}

#[test]
fn dashboard_shows_the_worst_cause_whole_before_the_advice() {
    for make in [Scene::triage, deploy] {
        for size in [(120, 40), (160, 50), (200, 60), (240, 70)] {
            let scene = make(size).press("0");
            let lines = scenes::buffer_lines(&scene.draw(scenes::UNICODE));
            let heading = lines.iter().position(|line| line.contains("SINCE")).expect("a heading");
            let first = scene.model.instance().unwrap().data.problems().open_causes().next().unwrap();
            assert!(lines[heading + 1].contains(&first.sentence), "{size:?} {:?}\n{lines:#?}", first.sentence);
        }
    }
}

#[test]
fn views_draw_at_any_size() {
    scenes::draw_every_size(SCENES, 70, 17);
}
