//! Keys in the views: switching, the tree, sorting, filters, commands, details. Pure, with a clock that only
//! the test moves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/desk.rs"]
mod desk;
#[path = "support/samples.rs"]
mod samples;

use desk::Desk;
use hapulse::app::commands::{COMMANDS, UiCommand};
use hapulse::app::layers::Layer;
use hapulse::app::msg::Effect;
use hapulse::app::text_input::Prompt;
use hapulse::table::view_table::{Content, PROBLEMS, VIEWS};

impl Desk {
    /// The lines of the table shown: `proxy` for a head, `  name` for what stands below it, `+` when folded.
    fn lines(&self) -> Vec<String> {
        let instance = self.model.instance().unwrap();
        let rows = instance.watch.newest().unwrap().table.rows();
        let text = |line: &hapulse::table::rows::Line| match (line.is_child, line.folded) {
            (true, _) => format!("  {}", rows[line.index].name),
            (false, Some(true)) => format!("{} +", rows[line.index].proxy),
            (false, _) => rows[line.index].proxy.to_string(),
        };
        instance.lines.iter().map(text).collect()
    }

    /// The selected row of the table shown, `proxy/name`.
    fn row(&self) -> String {
        let instance = self.model.instance().unwrap();
        let row = self.model.selected().and_then(|id| instance.watch.newest().unwrap().row(id));
        row.map_or_else(String::new, |row| format!("{}/{}", row.proxy, row.name))
    }

    /// The servers of a backend, in the order they stand in.
    fn servers(&self, backend: &str) -> Vec<String> {
        let lines = self.lines();
        let head = lines.iter().rposition(|line| line == backend).unwrap();
        lines[head + 1..].iter().map_while(|line| line.strip_prefix("  ").map(str::to_owned)).collect()
    }

    fn sorted(&self) -> Option<(&'static str, bool)> {
        self.model.settings[self.model.view].sort.map(|sort| (sort.column.id, sort.descending))
    }

    fn columns(&self) -> Vec<&'static str> {
        self.model.settings[self.model.view].columns.iter().map(|column| column.id).collect()
    }

    fn prompt(&self) -> Option<&Prompt> {
        match self.model.layers.last() {
            Some(Layer::Prompt(prompt)) => Some(prompt),
            _ => None,
        }
    }
}

/// The keys that type a text.
fn typing(text: &str) -> String {
    text.replace(' ', "<space>").replace('<', "<lt>").replace("<lt>space>", "<space>")
}

#[test]
fn digits_show_views_and_so_do_digits_with_alt() {
    for (place, view) in VIEWS.iter().enumerate().take(10) {
        for key in [place.to_string(), format!("<a-{place}>")] {
            let mut desk = Desk::new();
            assert_eq!(desk.press(&key), [], "{key}");
            assert_eq!(desk.model.shown().id, view.id, "{key}");
        }
    }
    let mut desk = Desk::new();
    desk.press("5");
    desk.press("7");
    assert_eq!(desk.model.shown().id, "cli", "a digit is typed there");
    desk.press("<a-7>");
    assert_eq!(desk.model.shown().id, "sessions", "and with Alt it is not");
}

#[test]
fn the_selection_follows_its_row_from_view_to_view() {
    let mut desk = Desk::new();
    desk.press("<ret>j1");
    assert_eq!(desk.row(), "be_app/app2");
    desk.press("2");
    assert_eq!(desk.row(), "be_app/app2");
    desk.press("jj6");
    assert_eq!(desk.row(), "be_app/bk1");
    desk.sheet.reverse("be_app");
    desk.sample();
    assert_eq!(desk.row(), "be_app/bk1");
    desk.press("7").clear();
    desk.press("4");
    assert!(!desk.row().is_empty(), "a view without rows in between");
}

#[test]
fn the_tree_unfolds_to_the_right_and_folds_to_the_left() {
    let mut desk = Desk::new();
    desk.press("1<home>jjjj");
    assert_eq!(desk.row(), "be_app/app1");
    desk.press("<left>");
    assert_eq!(desk.row(), "be_app/BACKEND", "to the head");
    desk.press("<left>");
    assert_eq!(desk.lines()[3], "be_app +", "and folds it");
    desk.press("<left>");
    assert_eq!(desk.lines()[3], "be_app +", "no further");
    desk.press("<right>");
    assert_eq!(desk.lines()[3..5], ["be_app", "  app1"]);
    desk.press("<right>");
    assert!(matches!(desk.model.layers.as_slice(), [Layer::Detail(_, 0)]), "then into it");
    desk.press("<esc>");
    desk.press("jf");
    assert_eq!((desk.lines()[3].as_str(), desk.row().as_str()), ("be_app +", "be_app/BACKEND"));
    desk.press("<ret>");
    assert!(matches!(desk.model.layers.as_slice(), [Layer::Detail(..)]), "Enter opens it folded or not");
    desk.press("<esc>f");
    assert_eq!(desk.servers("be_app").len(), 7);
}

#[test]
fn every_proxy_is_folded_at_once_and_unfolded_again() {
    let mut desk = Desk::new();
    desk.press("1<home>jjjjjF");
    assert_eq!(desk.row(), "be_app/BACKEND");
    assert!(desk.lines().iter().all(|line| !line.starts_with(' ')));
    assert!(desk.lines().iter().filter(|line| line.ends_with('+')).count() > 5);
    desk.press("2");
    assert!(desk.lines().iter().all(|line| !line.starts_with(' ')), "in every view");
    desk.press("<right>F");
    assert_eq!(desk.lines()[3], "be_app +", "one was open: all are folded");
    desk.press("F");
    assert!(desk.lines().iter().all(|line| !line.ends_with('+')));
    desk.press("t");
    assert!(desk.lines().iter().all(|line| !line.starts_with(' ')), "flat");
    desk.press("t");
    assert_eq!(desk.servers("be_app").len(), 7);
}

#[test]
fn columns_to_sort_by_are_chosen_in_many_ways() {
    let mut desk = Desk::new();
    desk.press("1");
    assert_eq!(desk.sorted(), None);
    for (keys, sort) in [
        (">", Some(("name", false))),
        (">", Some(("weight", true))),
        ("<lt>", Some(("name", false))),
        ("<lt>", Some(("tracked", false))),
        ("I", Some(("tracked", true))),
        ("s<esc>", Some(("tracked", true))),
        ("sgj<ret>", Some(("weight", true))),
        ("s<ret>", Some(("weight", false))),
        (":sort<space>scur<ret>", Some(("scur", true))),
        (":sort<space>scur<ret>", Some(("scur", false))),
        (":sort<space>nonsense<ret>", Some(("scur", false))),
    ] {
        assert_eq!(desk.press(keys), [], "{keys}");
        assert_eq!((desk.sorted(), desk.model.layers.len()), (sort, 0), "{keys}");
    }
    assert!(desk.notice().contains("no column \"nonsense\""));
    desk.press("2");
    assert_eq!(desk.sorted(), None, "each view for itself");
}

#[test]
fn the_sort_menu_takes_the_keys() {
    let mut desk = Desk::new();
    desk.press("1s");
    assert_eq!(desk.press("MDE/:7tq"), []);
    assert!(desk.model.layers.is_empty(), "q closes it, and ends nothing");
    assert_eq!((desk.model.view, desk.sorted()), (1, None));
    desk.press("sG");
    // The side of a proxy has no heading, and is not sorted by.
    let last = desk.columns().len() - 2;
    assert!(matches!(desk.model.layers.as_slice(), [Layer::SortMenu(place)] if *place == last));
    desk.press("jk");
    assert!(matches!(desk.model.layers.as_slice(), [Layer::SortMenu(place)] if *place == last - 1));
}

#[test]
fn sorting_moves_servers_within_their_proxy() {
    let mut desk = Desk::new();
    desk.sheet.set("be_app", "app3", "scur", "30").set("be_app", "app2", "scur", "20");
    desk.sample();
    desk.press("1:sort<space>scur<ret>");
    assert_eq!(desk.servers("be_app")[..2], ["app3", "app2"]);
    desk.press("I");
    assert_eq!(desk.servers("be_app").last().unwrap(), "app3");
}

#[test]
fn a_filter_works_while_it_is_typed() {
    let mut desk = Desk::new();
    desk.press("1");
    let all = desk.lines().len();
    desk.press("/app");
    let some = desk.lines();
    assert!(some.len() < all && some.iter().any(|line| line == "  app1"), "{some:?}");
    desk.press("2");
    assert_eq!(desk.lines(), ["be_app", "  app2"], "a digit is typed");
    desk.press("<ret>");
    assert_eq!((desk.lines().len(), desk.model.layers.len()), (2, 0));
    desk.press("2");
    assert_eq!(desk.lines().len(), all, "each view for itself");
    desk.press("1");
    assert_eq!(desk.lines().len(), 2);
    desk.press("<esc>");
    assert_eq!(desk.lines().len(), all, "Esc clears it");
    desk.press("/app<esc>");
    assert_eq!((desk.lines().len(), desk.model.layers.len()), (all, 0), "while it is typed, too");
}

#[test]
fn a_bad_filter_keeps_the_last_good_one_and_says_why() {
    let mut desk = Desk::new();
    desk.press("1/app2");
    desk.press(&typing(" scur>x"));
    let prompt = desk.prompt().unwrap();
    assert_eq!((prompt.text(), prompt.complaint.as_deref()), ("app2 scur>x", Some("\"x\" is no number")));
    let kept = desk.model.settings[1].filter.to_string();
    assert_eq!(kept, "app2 scur", "up to where it was one");
    assert_eq!(desk.press("<ret>"), []);
    assert!(desk.prompt().is_some(), "Enter does not take it");
    desk.press("<bs>0<ret>");
    assert!(desk.prompt().is_none());
    assert_eq!(desk.model.settings[1].filter.to_string(), "app2 scur>0");
}

#[test]
fn a_moved_selection_holds_the_order_for_three_seconds() {
    let mut desk = Desk::new();
    desk.press("1:sort<space>scur<ret>");
    let before = desk.servers("be_app");
    let raise = |desk: &mut Desk, sessions: &str| {
        let last = desk.servers("be_app").last().unwrap().clone();
        desk.sheet.set("be_app", &last, "scur", sessions);
        desk.sample();
    };
    desk.press("jk");
    raise(&mut desk, "50");
    assert_eq!(desk.servers("be_app"), before, "a row must not slip away under the finger");
    desk.wait(2999);
    desk.sample();
    assert_eq!(desk.servers("be_app"), before);
    desk.wait(1);
    desk.sample();
    assert_eq!(desk.servers("be_app").first(), before.last(), "thawed");
    desk.press("jI");
    assert_eq!(desk.servers("be_app").last(), before.last(), "what is asked for is done at once");
}

#[test]
fn an_open_question_holds_the_order() {
    let mut desk = Desk::new();
    desk.press("<ret>j1:sort<space>scur<ret>");
    let before = desk.servers("be_app");
    desk.wait(10_000);
    assert_eq!(desk.press("M"), []);
    assert!(desk.question().is_some());
    desk.wait(10_000);
    desk.sheet.set("be_app", before.last().unwrap(), "scur", "50");
    desk.sample();
    assert_eq!(desk.servers("be_app"), before);
    desk.press("n");
    desk.sample();
    assert_eq!(desk.servers("be_app").first(), before.last());
}

#[test]
fn columns_are_added_and_removed_by_command() {
    let mut desk = Desk::new();
    desk.press("6");
    let before = desk.columns();
    desk.press(&format!(":{}<ret>", typing("cols +addr -qtime +nonsense")));
    assert_eq!(desk.columns(), before, "all or nothing");
    desk.press(&format!(":{}<ret>", typing("cols +addr -qtime")));
    assert_eq!(desk.columns().last(), Some(&"addr"));
    assert!(!desk.columns().contains(&"qtime"));
    desk.press("1");
    assert!(desk.columns().contains(&"weight"), "each view for itself");
    desk.press("0:cols<space>+addr<ret>");
    assert!(desk.notice().ends_with("in views 1 to 4 and 6"), "{}", desk.notice());
    desk.press("1..");
    assert_eq!(desk.model.settings[1].first, 2);
    desk.press(",,,");
    assert_eq!(desk.model.settings[1].first, 0);
}

#[test]
fn a_filter_is_a_command_too() {
    let mut desk = Desk::new();
    desk.press("1:filter<space>app2<ret>");
    assert_eq!(desk.lines(), ["be_app", "  app2"]);
    desk.press(":filter<ret>");
    assert!(desk.lines().len() > 20);
    desk.press(":filter<space>scur>x<ret>");
    assert_eq!(desk.notice(), "\"x\" is no number");
}

#[test]
fn every_action_is_a_command() {
    for action in COMMANDS.iter().filter(|action| !action.keys.is_empty()) {
        let (mut one, mut other) = (Desk::new(), Desk::new());
        for desk in [&mut one, &mut other] {
            desk.press(if action.is_of_past() { "<ret>j1p" } else { "<ret>j1" });
        }
        let by_key = one.press(action.keys[0]);
        let by_name = other.press(&format!(":{}<ret>", action.id));
        assert_eq!(by_key, by_name, "{}", action.id);
        assert_eq!((one.model.view, one.row(), one.lines()), (other.model.view, other.row(), other.lines()));
        let kinds = |desk: &Desk| desk.model.layers.iter().map(std::mem::discriminant).collect::<Vec<_>>();
        assert_eq!(kinds(&one), kinds(&other), "{}", action.id);
        if matches!(action.run, UiCommand::Act(_)) {
            let is_asked = matches!(other.model.layers.as_slice(), [Layer::Confirm(_) | Layer::Number(_)]);
            assert!(is_asked, "{}", action.id);
        }
    }
    // One without a key is a command all the same: it asks, or says what it is for.
    for action in COMMANDS.iter().filter(|action| action.keys.is_empty()) {
        let mut desk = Desk::new();
        desk.press(&format!("<ret>j1:{}<ret>", action.id));
        assert!(
            desk.model.layers.len() == 1 || desk.notice().starts_with("select a"),
            "{}: {}",
            action.id,
            desk.notice()
        );
    }
    let mut desk = Desk::new();
    assert_eq!(desk.press(":nonsense<ret>"), []);
    assert_eq!(desk.notice(), "there is no command \"nonsense\"; Tab completes");
    assert_eq!(desk.press(":qui<tab><ret>"), [Effect::Quit]);
}

#[test]
fn problems_come_with_one_key_and_go_with_the_same() {
    for from in ["0", "1", "7", "9"] {
        for back in ["!", "<esc>", ":view.problems<ret>"] {
            let mut desk = Desk::new();
            desk.press(from);
            let view = desk.model.view;
            assert_eq!(desk.press("!"), []);
            assert_eq!(desk.model.view, PROBLEMS);
            assert_eq!(desk.press(back), []);
            assert_eq!(desk.model.view, view, "{from} {back}");
        }
    }
}

#[test]
fn a_problem_leads_to_its_row() {
    let mut desk = Desk::new();
    desk.wait(10_000);
    desk.sample();
    desk.press("!");
    let count = desk.model.instance().unwrap().watch.problems().count();
    assert!(count > 3, "{count}");
    let places: Vec<String> = (0..count)
        .map(|_| {
            let row = desk.row();
            desk.press("j");
            row
        })
        .collect();
    let place = places.iter().position(|row| row == "be_app/down1").unwrap();
    desk.press("g");
    desk.press(&"j".repeat(place));
    desk.press("<ret>");
    assert!(matches!(desk.model.layers.as_slice(), [Layer::Detail(..)]));
    assert_eq!(desk.row(), "be_app/down1");
    desk.press("<esc>1");
    assert_eq!(desk.row(), "be_app/down1");
}

#[test]
fn a_detail_scrolls_acts_and_closes() {
    let mut desk = Desk::new();
    desk.press("1<home>jjjjj<ret>");
    let top = |desk: &Desk| match desk.model.layers.first() {
        Some(Layer::Detail(_, top)) => Some(*top),
        _ => None,
    };
    assert_eq!(top(&desk), Some(0));
    desk.press("jj");
    assert_eq!(top(&desk), Some(2));
    desk.press("<pgdn>");
    assert_eq!(top(&desk), Some(2 + 20));
    desk.press("gk");
    assert_eq!(top(&desk), Some(0));
    assert_eq!(desk.press("2/tsf7"), [], "what lies below does not hear");
    assert_eq!((desk.model.view, top(&desk)), (1, Some(0)));
    desk.press("D");
    let Some(Layer::Confirm(question)) = desk.model.layers.last() else { panic!("{:?}", desk.model.layers) };
    assert_eq!(question.intent.commands(), ["set server be_app/app2 state drain"]);
    let effects = desk.press("y");
    assert_eq!(desk::sent(&effects), ["set server be_app/app2 state drain"]);
    assert!(top(&desk).is_some(), "it stays open");
    for close in ["<esc>", "q", "<left>", "<ret>"] {
        let mut desk = Desk::new();
        desk.press("1<ret>");
        assert_eq!(desk.press(close), [], "{close}");
        assert!(desk.model.layers.is_empty(), "{close}");
    }
}

#[test]
fn a_detail_stays_with_its_row_and_outlives_it() {
    let mut desk = Desk::new();
    desk.press("1<home>jjjj<ret>");
    desk.sheet.remove("be_app", "app1");
    desk.sample();
    assert!(matches!(desk.model.layers.as_slice(), [Layer::Detail(..)]));
    assert_eq!(desk.press("M"), []);
    assert_eq!(desk.model.layers.len(), 1, "no question about a server that is gone");
    desk.press("<esc>");
    assert!(!desk.row().is_empty());
}

#[test]
fn words_are_looked_for_in_lists_of_lines() {
    let mut desk = Desk::new();
    desk.sheet.set("be_app", "app1", "status", "DOWN");
    desk.sheet.set("be_api", "api1", "status", "DOWN");
    desk.wait(2000);
    desk.sample();
    desk.press("9/app1");
    let events = desk.model.events().count();
    assert!(events > 0 && desk.model.events().all(|event| event.line().contains("app1")));
    desk.press("<ret><esc>");
    assert!(desk.model.events().count() > events, "Esc clears it");
    assert_eq!(desk.model.shown().id, "events");
}

#[test]
fn what_a_view_cannot_do_is_said() {
    for view in VIEWS.iter().take(10).filter(|view| !matches!(view.content, Content::Table(_) | Content::Cli)) {
        let mut desk = Desk::new();
        desk.press(&format!(":{}<ret>", view.id));
        assert_eq!(desk.model.shown().id, view.id);
        assert_eq!(desk.press("t"), [], "{}", view.id);
        assert!(desk.notice().ends_with("in views 1 to 4 and 6"), "{}", view.id);
    }
}

#[test]
fn what_was_chosen_for_rows_that_are_gone_is_forgotten() {
    let mut desk = Desk::new();
    desk.press("1f");
    let proxies: Vec<String> = desk.lines().iter().filter_map(|line| line.strip_suffix(" +")).map(Into::into).collect();
    let [proxy] = proxies.as_slice() else { panic!("{proxies:?}") };
    let gone: Vec<_> = desk.sheet.names().into_iter().filter(|(name, _)| name == proxy).collect();
    for (proxy, name) in &gone {
        desk.sheet.remove(proxy, name);
    }
    let instance = &mut desk.model.instances[0];
    let first = instance.folded.iter().copied().collect::<Vec<_>>();
    instance.declined.extend(&first);
    assert_eq!(first.len(), 1);
    desk.millis += 10_000;
    desk.sample();
    let instance = &desk.model.instances[0];
    assert!(instance.folded.is_empty() && instance.declined.is_empty());
}
