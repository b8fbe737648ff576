//! Every view and every layer as text: at the four designed sizes, with Unicode and with ASCII glyphs, from
//! recorded answers of a real HAProxy; and a sweep over every size.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/samples.rs"]
mod samples;
#[path = "support/scenes.rs"]
mod scenes;
#[path = "support/told.rs"]
mod told;

use hapulse::app::layers::Layer;
use hapulse::app::msg::Msg;
use hapulse::app::update::update;
use hapulse::ask::query::Query;
use hapulse::haproxy::level::Level;
use hapulse::haproxy::sessions::SessionFilter;
use hapulse::instance::guard::Guard;
use hapulse::table::view_table::{VIEWS, by_id};
use samples::{Samples, Sheet, at, body};
use scenes::{MakeScene, NEWEST, Scene, USUAL, usual};

impl Scene {
    /// Something comes in, a tenth of a second later.
    fn hear(mut self, msg: Msg) -> Self {
        self.now += std::time::Duration::from_millis(100);
        let _ = update(&mut self.model, msg, at(self.now.as_millis() as u64));
        self
    }

    fn after(mut self, millis: u64) -> Self {
        self.wait(millis);
        self
    }
}

/// The newest version, whose entries have more counters and whose sessions say more.
fn newest(size: (u16, u16)) -> Scene {
    Scene::busy(NEWEST, Guard::default(), Level::Admin, size)
}

/// A single sample, in which all is well.
fn healthy(size: (u16, u16)) -> Scene {
    let mut scene = Scene::empty(Guard::default(), size);
    let mut sheet = Sheet::of(USUAL, "show-stat.csv");
    for (proxy, name) in sheet.names() {
        if proxy != "fe_web" && proxy != "be_api" {
            sheet.remove(&proxy, &name);
        }
    }
    scene.news(0, &Samples::of(USUAL).take(0, &sheet));
    scene
}

fn typed(size: (u16, u16)) -> Scene {
    usual(size)
        .press("5show<space>info<ret>")
        .hear(told::read("show info", &body(USUAL, "show-info.txt")))
        .press("set<space>weight<space>be_app/app1<space>10<ret>")
        .press("y")
        .hear(told::written("\n"))
        .press("show<space>table<space>nosuch<ret>")
        .hear(told::read("show table nosuch", "No such table\n"))
        .press("clear<space>counters<ret>n")
        .press("show<space>errors")
}

/// Every scene by the name of its snapshot.
const SCENES: [(&str, MakeScene); 44] = [
    ("status", |size| usual(size).press("1jjjjj")),
    ("traffic", |size| usual(size).press("2")),
    ("http", |size| usual(size).press("3G")),
    ("errors", |size| usual(size).press("4jjj")),
    ("latency", |size| usual(size).press("6jjjjj")),
    ("status-newest", |size| newest(size).press("1")),
    ("status-wide-columns", |size| usual(size).press("1:cols<space>+addr<space>+h1req/s<ret>....................")),
    ("cli-empty", |size| usual(size).press("5")),
    ("cli-read-only", |size| Scene::busy(USUAL, Guard { read_only: true }, Level::Operator, size).press("5")),
    ("cli", typed),
    ("cli-scrolled", |size| typed(size).press("<pgup>")),
    ("cli-sure", |size| usual(size).press("5set<space>maxconn<space>server<space>be_app/app1<space>200<ret>")),
    ("cli-deadly", |size| usual(size).press("5set<space>maxconn<space>frontend<space>fe_web<space>2000<ret>")),
    ("sessions-before", |size| usual(size).press("7")),
    ("sessions-waiting", |size| usual(size).press("7<ret>")),
    ("sessions-failed", |size| {
        usual(size).press("7<ret>").hear(told::failed(Query::Sessions(SessionFilter::default())))
    }),
    ("sessions", |size| usual(size).press("7<ret>").hear(told::sessions(USUAL)).press("jj").after(9000)),
    ("sessions-filtered", |size| usual(size).press("7<ret>").hear(told::sessions(USUAL)).press("/backend:be_tcp")),
    ("session", |size| newest(size).press("7<ret>").hear(told::sessions(NEWEST)).hear(told::session(NEWEST))),
    ("tables-before", |size| usual(size).press("8")),
    ("tables", |size| usual(size).press("8<ret>").hear(told::tables(USUAL)).press("j").after(75_000)),
    ("entries-before", |size| usual(size).press("8<ret>").hear(told::tables(USUAL)).press("jj<ret>")),
    ("entries", |size| {
        let scene = newest(size).press("8<ret>").hear(told::tables(NEWEST)).press("jj<ret>");
        scene.hear(told::entries(NEWEST, "st_keys")).press(">>>")
    }),
    ("events", |size| usual(size).press("9")),
    ("events-filtered", |size| usual(size).press("9/nowhere<ret>")),
    ("problems", |size| usual(size).after(3000).press("!j")),
    ("problems-none", |size| healthy(size).press("!")),
    ("problems-filtered", |size| usual(size).press("!/nowhere<ret>")),
    ("away", |size| usual(size).press("A")),
    ("away-marked", |size| usual(size).press("A<space>a")),
    ("past", |size| usual(size).press("p<left>").after(191_000)),
    ("past-status", |size| usual(size).press("1jjjjjp<left>").after(191_000)),
    ("past-refused", |size| usual(size).press("<ret>jp<left>M")),
    ("since", |size| usual(size).press("p<home>mpS")),
    ("since-none", |size| usual(size).press("S")),
    ("detail", |size| usual(size).press("1jjjjj<ret>")),
    ("detail-scrolled", |size| usual(size).press("1jjjjj<ret><pgdn>j")),
    ("sort-menu", |size| usual(size).press("1:sort<space>scur<ret>s")),
    ("filter", |size| usual(size).press("1/be_<space>status:up<space>scur>0")),
    ("filtered", |size| usual(size).press("1/be_<space>status:up<space>scur>0<ret>")),
    ("filter-bad", |size| usual(size).press("1/be_<space>scur>many")),
    ("command", |size| usual(size).press("1:cols<space>+rti<tab>")),
    ("folded", |size| usual(size).press("1F")),
    ("flat", |size| usual(size).press("2t:sort<space>bout<ret>")),
];

#[test]
fn every_view_at_the_designed_sizes() {
    scenes::every_scene("view-", &SCENES);
}

#[test]
fn every_view_in_ascii() {
    scenes::every_scene_in_ascii("view-", &SCENES);
}

#[test]
fn mono_has_no_colour_in_any_view() {
    scenes::no_colour(&SCENES);
}

#[test]
fn views_are_what_their_names_say() {
    for (name, make) in SCENES {
        let model = make((80, 24)).model;
        let view = name.split('-').next().unwrap();
        let shown = by_id(view).or_else(|| by_id(&format!("{view}s"))).filter(|view| !VIEWS[*view].id.is_empty());
        if let Some(view) = shown {
            assert_eq!(model.view, view, "{name}");
        }
        let layer = match (name, model.layers.last()) {
            ("detail", Some(Layer::Detail(_, 0)))
            | ("session", Some(Layer::Page { top: 0, .. }))
            | ("cli-sure", Some(Layer::Sure(_)))
            | ("away-marked", Some(Layer::ActMenu(_, 0))) => true,
            ("detail-scrolled", Some(Layer::Detail(_, top))) => *top > 0,
            ("sort-menu", Some(Layer::SortMenu(place))) => *place > 0,
            ("filter" | "command" | "sessions-filtered", Some(Layer::Prompt(prompt))) => prompt.complaint.is_none(),
            ("filter-bad", Some(Layer::Prompt(prompt))) => prompt.complaint.is_some(),
            (_, layer) => layer.is_none(),
        };
        assert!(layer, "{name}: {:?}", model.layers);
    }
}

#[test]
fn no_size_is_too_small_or_too_large_for_any_view() {
    scenes::any_size(&SCENES, 70, 17);
}
