//! Keys in the views: view switching, the tree, sorting, filters, commands and details. No I/O; the test sets the
//! clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/model_driver.rs"]
mod model_driver;
#[path = "support/samples.rs"]
mod samples;

use hapulse::app::command_table::COMMANDS;
use hapulse::app::layers::Layer;
use hapulse::app::layout::Pane;
use hapulse::app::message::Effect;
use hapulse::app::palette_list::PaletteList;
use hapulse::app::palette_parser::COMMANDS_WITH_ARGUMENTS;
use hapulse::app::prompt::Prompt;
use hapulse::app::ui_commands::UiCommand;
use hapulse::table::view_table::{Content, VIEWS, ViewId};
use model_driver::ModelDriver;

impl ModelDriver {
    /// Returns the lines of the table on screen: `proxy` for a proxy, `  name` for its rows, `proxy +` when folded.
    fn lines(&self) -> Vec<String> {
        let instance = self.model.instance().unwrap();
        let rows = instance.data.shown().unwrap().table.rows();
        let text = |line: &hapulse::table::rows::TableLine| match (line.is_child, line.folded) {
            (true, _) => format!("  {}", rows[line.index].name),
            (false, Some(true)) => format!("{} +", rows[line.index].proxy),
            (false, _) => rows[line.index].proxy.to_string(),
        };
        instance.table_lines().iter().map(text).collect()
    }

    /// Returns the row with the cursor as `proxy/name`.
    fn row(&self) -> String {
        let instance = self.model.instance().unwrap();
        let row = self.model.focused_row().and_then(|id| instance.data.shown().unwrap().row(id));
        row.map_or_else(String::new, |row| format!("{}/{}", row.proxy, row.name))
    }

    /// Returns the servers of a backend in screen order.
    fn servers(&self, backend: &str) -> Vec<String> {
        let lines = self.lines();
        let start = lines.iter().rposition(|line| line == backend).unwrap();
        lines[start + 1..].iter().map_while(|line| line.strip_prefix("  ").map(str::to_owned)).collect()
    }

    fn sort_column_and_direction(&self) -> Option<(&'static str, bool)> {
        self.model.view_settings[self.model.view()].sort.map(|sort| (sort.column.id, sort.is_descending))
    }

    fn columns(&self) -> Vec<&'static str> {
        self.model.view_settings[self.model.view()].columns.iter().map(|column| column.id).collect()
    }

    fn prompt(&self) -> Option<&Prompt> {
        match self.model.layers.last() {
            Some(Layer::Prompt(prompt)) => Some(prompt),
            _ => None,
        }
    }
}

/// Returns the key sequence that types a text.
fn keys_for(text: &str) -> String {
    text.replace(' ', "<space>").replace('<', "<lt>").replace("<lt>space>", "<space>")
}

#[test]
fn digit_and_alt_digit_open_view() {
    for (index, view) in VIEWS.iter().enumerate().take(10) {
        for key in [index.to_string(), format!("<a-{index}>")] {
            let mut driver = ModelDriver::new();
            assert_eq!(driver.press(&key), [], "{key}");
            assert_eq!(driver.model.current_view().id, view.id, "{key}");
        }
    }
    let mut driver = ModelDriver::new();
    driver.press("5");
    driver.press("7");
    assert_eq!(driver.model.current_view().id, "cli", "the CLI view types a digit");
    driver.press("<a-7>");
    assert_eq!(driver.model.current_view().id, "sessions", "Alt and a digit switch the view");
}

#[test]
fn cursor_stays_on_row_across_views() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>j1");
    assert_eq!(driver.row(), "be_app/app2");
    driver.press("2");
    assert_eq!(driver.row(), "be_app/app2");
    driver.press("jj6");
    assert_eq!(driver.row(), "be_app/bk1");
    driver.stat.reverse("be_app");
    driver.poll();
    assert_eq!(driver.row(), "be_app/bk1");
    driver.press("7").clear();
    driver.press("4");
    assert!(!driver.row().is_empty(), "the cursor survives a view without rows");
}

#[test]
fn right_unfolds_and_left_folds_proxy() {
    let mut driver = ModelDriver::new();
    driver.press("1<home>jjjj");
    assert_eq!(driver.row(), "be_app/app1");
    driver.press("<left>");
    assert_eq!(driver.row(), "be_app/BACKEND", "the cursor moves to the proxy");
    driver.press("<left>");
    assert_eq!(driver.lines()[3], "be_app +", "the proxy is folded");
    driver.press("<left>");
    assert_eq!(driver.lines()[3], "be_app +", "nothing more to fold");
    driver.press("<right>");
    assert_eq!(driver.lines()[3..5], ["be_app", "  app1"]);
    driver.press("<right>");
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Detail(_, 0)]), "the second Right opens the details");
    driver.press("<esc>");
    driver.press("jf");
    assert_eq!((driver.lines()[3].as_str(), driver.row().as_str()), ("be_app +", "be_app/BACKEND"));
    driver.press("<ret>");
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Detail(..)]), "Enter opens a folded proxy too");
    driver.press("<esc>f");
    assert_eq!(driver.servers("be_app").len(), 7);
}

#[test]
fn fold_all_key_folds_and_unfolds_every_proxy() {
    let mut driver = ModelDriver::new();
    driver.press("1<home>jjjjjF");
    assert_eq!(driver.row(), "be_app/BACKEND");
    assert!(driver.lines().iter().all(|line| !line.starts_with(' ')));
    assert!(driver.lines().iter().filter(|line| line.ends_with('+')).count() > 5);
    driver.press("2");
    assert!(driver.lines().iter().all(|line| !line.starts_with(' ')), "folding applies to every view");
    driver.press("<right>F");
    assert_eq!(driver.lines()[3], "be_app +", "one proxy was unfolded: all are folded");
    driver.press("F");
    assert!(driver.lines().iter().all(|line| !line.ends_with('+')));
    driver.press("t");
    assert!(driver.lines().iter().all(|line| !line.starts_with(' ')), "flat table");
    driver.press("t");
    assert_eq!(driver.servers("be_app").len(), 7);
}

#[test]
fn sort_keys_and_commands_select_column_and_direction() {
    let mut driver = ModelDriver::new();
    driver.press("1");
    assert_eq!(driver.sort_column_and_direction(), None);
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
        assert_eq!(driver.press(keys), [], "{keys}");
        assert_eq!((driver.sort_column_and_direction(), driver.model.layers.len()), (sort, 0), "{keys}");
    }
    assert!(driver.notice().contains("unknown column \"nonsense\""));
    driver.press("2");
    assert_eq!(driver.sort_column_and_direction(), None, "each view has its own sort column");
}

#[test]
fn sort_menu_captures_keys() {
    let mut driver = ModelDriver::new();
    driver.press("1s");
    assert_eq!(driver.press("MDE/:tq"), []);
    assert!(driver.model.layers.is_empty(), "q closes the menu and does not quit");
    assert_eq!((driver.model.view(), driver.sort_column_and_direction()), (ViewId::Status, None));
    driver.press("sG");
    // The side column has no heading and is not in the menu.
    let last = driver.columns().len() - 2;
    assert!(matches!(driver.model.layers.as_slice(), [Layer::SortMenu(index)] if *index == last));
    driver.press("jk");
    assert!(matches!(driver.model.layers.as_slice(), [Layer::SortMenu(index)] if *index == last - 1));
}

#[test]
fn sorting_orders_servers_within_their_proxy() {
    let mut driver = ModelDriver::new();
    driver.stat.set("be_app", "app3", "scur", "30").set("be_app", "app2", "scur", "20");
    driver.poll();
    driver.press("1:sort<space>scur<ret>");
    assert_eq!(driver.servers("be_app")[..2], ["app3", "app2"]);
    driver.press("I");
    assert_eq!(driver.servers("be_app").last().unwrap(), "app3");
}

#[test]
fn filter_applies_while_typing() {
    let mut driver = ModelDriver::new();
    driver.press("1");
    let all = driver.lines().len();
    driver.press("/app");
    let some = driver.lines();
    assert!(some.len() < all && some.iter().any(|line| line == "  app1"), "{some:?}");
    driver.press("2");
    assert_eq!(driver.lines(), ["be_app", "  app2"], "the prompt types a digit");
    driver.press("<ret>");
    assert_eq!((driver.lines().len(), driver.model.layers.len()), (2, 0));
    driver.press("2");
    assert_eq!(driver.lines().len(), all, "each view has its own filter");
    driver.press("1");
    assert_eq!(driver.lines().len(), 2);
    driver.press("<esc>");
    assert_eq!(driver.lines().len(), all, "Esc clears the filter");
    driver.press("/app<esc>");
    assert_eq!((driver.lines().len(), driver.model.layers.len()), (all, 0), "Esc clears the filter in the prompt too");
}

#[test]
fn invalid_filter_shows_error_and_keeps_last_valid_filter() {
    let mut driver = ModelDriver::new();
    driver.press("1/app2");
    driver.press(&keys_for(" scur>x"));
    let prompt = driver.prompt().unwrap();
    assert_eq!((prompt.text(), prompt.error.as_deref()), ("app2 scur>x", Some("\"x\" is not a number")));
    let kept = driver.model.view_settings[ViewId::Status].filter.to_string();
    assert_eq!(kept, "app2 scur", "the longest valid beginning");
    assert_eq!(driver.press("<ret>"), []);
    assert!(driver.prompt().is_some(), "Enter does not accept an invalid filter");
    driver.press("<bs>0<ret>");
    assert!(driver.prompt().is_none());
    assert_eq!(driver.model.view_settings[ViewId::Status].filter.to_string(), "app2 scur>0");
}

#[test]
fn cursor_move_freezes_row_order_for_three_seconds() {
    let mut driver = ModelDriver::new();
    driver.press("1:sort<space>scur<ret>");
    let before = driver.servers("be_app");
    let raise_last_server = |driver: &mut ModelDriver, sessions: &str| {
        let last = driver.servers("be_app").last().unwrap().clone();
        driver.stat.set("be_app", &last, "scur", sessions);
        driver.poll();
    };
    driver.press("jk");
    raise_last_server(&mut driver, "50");
    assert_eq!(driver.servers("be_app"), before, "the row order is frozen after a cursor move");
    driver.advance(2999);
    driver.poll();
    assert_eq!(driver.servers("be_app"), before);
    driver.advance(1);
    driver.poll();
    assert_eq!(driver.servers("be_app").first(), before.last(), "sorted again after three seconds");
    driver.press("jI");
    assert_eq!(driver.servers("be_app").last(), before.last(), "a sort key applies at once");
}

#[test]
fn open_confirmation_freezes_row_order() {
    let mut driver = ModelDriver::new();
    driver.press("<ret>j1:sort<space>scur<ret>");
    let before = driver.servers("be_app");
    driver.advance(10_000);
    assert_eq!(driver.press("M"), []);
    assert!(driver.confirmation().is_some());
    driver.advance(10_000);
    driver.stat.set("be_app", before.last().unwrap(), "scur", "50");
    driver.poll();
    assert_eq!(driver.servers("be_app"), before);
    driver.press("n");
    driver.poll();
    assert_eq!(driver.servers("be_app").first(), before.last());
}

#[test]
fn cols_command_adds_and_removes_columns() {
    let mut driver = ModelDriver::new();
    driver.press("6");
    let before = driver.columns();
    driver.press(&format!(":{}<ret>", keys_for("cols +addr -qtime +nonsense")));
    assert_eq!(driver.columns(), before, "one unknown column rejects the whole command");
    driver.press(&format!(":{}<ret>", keys_for("cols +addr -qtime")));
    assert_eq!(driver.columns().last(), Some(&"addr"));
    assert!(!driver.columns().contains(&"qtime"));
    driver.press("1");
    assert!(driver.columns().contains(&"weight"), "each view has its own columns");
    driver.press("0:cols<space>+addr<ret>");
    assert!(driver.notice().starts_with("cols works only in views 1 to 4 and 6, Maint/drain"), "{}", driver.notice());
    driver.press("1..");
    assert_eq!(driver.model.view_settings[ViewId::Status].hidden_columns, 2);
    driver.press(",,,");
    assert_eq!(driver.model.view_settings[ViewId::Status].hidden_columns, 0);
}

#[test]
fn filter_command_sets_and_clears_filter() {
    let mut driver = ModelDriver::new();
    driver.press("1:filter<space>app2<ret>");
    assert_eq!(driver.lines(), ["be_app", "  app2"]);
    driver.press(":filter<ret>");
    assert!(driver.lines().len() > 20);
    driver.press(":filter<space>scur>x<ret>");
    assert_eq!(driver.notice(), "\"x\" is not a number");
}

#[test]
fn palette_runs_every_command_like_its_key() {
    for command in COMMANDS.iter().filter(|command| !command.keys.is_empty()) {
        let (mut key_driver, mut palette_driver) = (ModelDriver::new(), ModelDriver::new());
        for driver in [&mut key_driver, &mut palette_driver] {
            driver.press(if command.is_playback_only() { "<ret>j1p" } else { "<ret>j1" });
        }
        let key_effects = key_driver.press(command.keys[0]);
        let palette_effects = palette_driver.press(&format!(":{}<ret>", command.id));
        assert_eq!(key_effects, palette_effects, "{}", command.id);
        assert_eq!(
            (key_driver.model.view(), key_driver.row(), key_driver.lines()),
            (palette_driver.model.view(), palette_driver.row(), palette_driver.lines())
        );
        let kinds = |driver: &ModelDriver| driver.model.layers.iter().map(std::mem::discriminant).collect::<Vec<_>>();
        assert_eq!(kinds(&key_driver), kinds(&palette_driver), "{}", command.id);
        if matches!(command.ui_command, UiCommand::StartAction(_)) {
            let opens_dialog =
                matches!(palette_driver.model.layers.as_slice(), [Layer::Confirmation(_) | Layer::NumberPrompt(_)]);
            assert!(opens_dialog, "{}", command.id);
        }
    }
    // A command without a key opens a layer or shows which row it needs.
    for command in COMMANDS.iter().filter(|command| command.keys.is_empty()) {
        let mut driver = ModelDriver::new();
        driver.press(&format!("<ret>j1:{}<ret>", command.id));
        assert!(
            driver.model.layers.len() == 1 || driver.notice().starts_with("select a"),
            "{}: {}",
            command.id,
            driver.notice()
        );
    }
    let mut driver = ModelDriver::new();
    assert_eq!(driver.press(":nonsense<ret>"), []);
    assert_eq!(driver.notice(), "unknown command \"nonsense\"; Tab completes names");
    assert_eq!(driver.press(":qui<tab><ret>"), [Effect::Quit]);
}

#[test]
fn palette_runs_best_item_and_chosen_item() {
    let mut driver = ModelDriver::new();
    driver.press(":lat<ret>");
    assert_eq!(driver.model.view(), ViewId::Latency, "the beginning of the last part of a name");
    driver.press(":view<space>err<tab><ret>");
    assert_eq!(driver.model.view(), ViewId::Errors);
    driver.press(":view<space><down><ret>");
    assert_eq!(driver.model.view(), ViewId::Problems, "the first view of the list");
    driver.press(":go<space>api2<down><ret>");
    assert_eq!((driver.model.view(), driver.cursor_row(driver.model.focus)), (ViewId::Dashboard, "be_api/api2".into()));
    driver.press(":sor<ret>");
    assert_eq!(driver.prompt().map(Prompt::text), Some("sort "), "an argument is needed");
    driver.press("<up>");
    let last = PaletteList::new(&driver.model, "sort ").items().last();
    driver.press("<tab>");
    assert_eq!(driver.prompt().map(Prompt::text), last.as_ref().map(|item| item.line.as_str()));
    driver.press("<esc>:latenzy<ret>");
    assert_eq!(driver.notice(), "unknown command \"latenzy\"; did you mean latency?");
    driver.press(":quit<space>now<ret>");
    assert_eq!(driver.notice(), "quit takes no arguments, but got \"now\"");
    driver.press("1:cols<space>-name<space>+status<ret>");
    assert_eq!(driver.notice(), "no column changed: all were shown or hidden already, and name is always shown");
    driver.press(":peak<space>values<ret>");
    assert!(driver.notice().starts_with("unknown command"), "words of a description choose no command");
}

#[test]
fn palette_list_narrows_while_typing() {
    let driver = ModelDriver::new();
    let lines = |typed: &str| PaletteList::new(&driver.model, typed).items().map(|item| item.line).collect::<Vec<_>>();
    assert_eq!(lines("").len(), COMMANDS.len() + COMMANDS_WITH_ARGUMENTS.len());
    assert_eq!(lines("quit")[0], "quit");
    assert_eq!(lines("drain")[..2], ["server.drain", "everywhere.drain"]);
    assert_eq!(lines("peak values"), ["counters.clear-max"], "words of the description");
    assert_eq!(
        lines("drain be_ap"),
        [
            "drain be_app/app1",
            "drain be_app/app2",
            "drain be_app/app3",
            "drain be_app/bk1",
            "drain be_app/down1",
            "drain be_app/dis1",
            "drain be_app/dns1",
            "drain be_app",
            "drain be_api/api1",
            "drain be_api/api2",
            "drain be_api"
        ]
    );
    assert_eq!(lines("cols +rtime_n"), ["cols +rtime_now"]);
    assert_eq!(lines("nonsense"), [""; 0]);
}

#[test]
fn palette_action_applies_to_named_rows() {
    let mut driver = ModelDriver::new();
    driver.press(":drain<space>be_api/api2<space>be_app/app1<ret>");
    let Some(Layer::Confirmation(question)) = driver.model.layers.last() else { panic!("{}", driver.notice()) };
    assert_eq!(
        question.intent.commands(),
        ["set server be_api/api2 state drain", "set server be_app/app1 state drain"]
    );
    driver.press("<esc>:drain<space>be_api/api9<ret>");
    assert!(driver.model.layers.is_empty());
    assert_eq!(driver.notice(), "HAProxy has no frontend, backend or BACKEND/SERVER named be_api/api9");
    driver.press(":server.maint<space>be_slow<ret>");
    let Some(Layer::Confirmation(question)) = driver.model.layers.last() else { panic!("{}", driver.notice()) };
    assert_eq!(question.intent.heading(), "maintenance: 2 servers of be_slow");
}

#[test]
fn problems_key_toggles_problems_view() {
    for opening_key in ["0", "1", "7", "9"] {
        for closing_keys in ["!", "<esc>", ":view.problems<ret>"] {
            let mut driver = ModelDriver::new();
            driver.press(opening_key);
            let view = driver.model.view();
            assert_eq!(driver.press("!"), []);
            assert_eq!(driver.model.view(), ViewId::Problems);
            assert_eq!(driver.press(closing_keys), []);
            assert_eq!(driver.model.view(), view, "{opening_key} {closing_keys}");
        }
    }
}

#[test]
fn escape_goes_back_once_and_never_in_a_circle() {
    let names = ["0", "1", "<a-5>", "7", "9", "A", "L", "T", "!"];
    let press = |driver: &mut ModelDriver, key: &str| {
        // In view 5, letters are typed.
        if driver.model.view() == ViewId::Cli && key.len() == 1 && !key.starts_with(|ch: char| ch.is_ascii_digit()) {
            let view = match key {
                "A" => "out-of-service",
                "L" => "balancers",
                "T" => "heat-map",
                _ => "problems",
            };
            driver.press(&format!("<a-9>:view<space>{view}<ret>"));
        } else if driver.model.view() == ViewId::Cli && !key.starts_with('<') {
            driver.press(&format!("<a-{key}>"));
        } else {
            driver.press(key);
        }
    };
    for first in names {
        for second in names {
            for third in names {
                let mut driver = ModelDriver::new();
                for key in [first, second, third] {
                    press(&mut driver, key);
                }
                let mut seen = vec![driver.model.view()];
                for _ in 0..8 {
                    driver.press("<esc>");
                    // Esc clears the filter of view 7 first.
                    if driver.model.view() != seen[seen.len() - 1] {
                        assert!(!seen.contains(&driver.model.view()), "{first} {second} {third}: {seen:?}");
                        seen.push(driver.model.view());
                    }
                }
                assert_eq!(driver.model.view(), ViewId::Dashboard, "{first} {second} {third}: {seen:?}");
                driver.press("<esc>");
                assert_eq!(driver.model.view(), ViewId::Dashboard, "{first} {second} {third}");
            }
        }
    }
    let mut driver = ModelDriver::new();
    let mut views = Vec::new();
    driver.press("1!5");
    for _ in 0..4 {
        driver.press("<esc>");
        views.push(driver.model.view());
    }
    assert_eq!(views, [ViewId::Problems, ViewId::Status, ViewId::Dashboard, ViewId::Dashboard]);
}

#[test]
fn enter_on_problem_opens_its_row() {
    let mut driver = ModelDriver::new();
    driver.advance(10_000);
    driver.poll();
    driver.press("!");
    let problems = driver.model.instance().unwrap().data.problems();
    let (causes, count) = (problems.open_causes().count(), problems.count());
    assert!(causes > 1 && count > 3, "{causes} {count}");
    // Unfolded from the last one up, so that the cursor is always on a cause.
    driver.press("G");
    driver.press(&"<right>k".repeat(causes));
    driver.press("g");
    let count = causes + count;
    let rows: Vec<String> = (0..count)
        .map(|_| {
            let row = driver.row();
            driver.press("j");
            row
        })
        .collect();
    let index = rows.iter().position(|row| row == "be_app/down1").unwrap();
    driver.press("g");
    driver.press(&"j".repeat(index));
    driver.press("<ret>");
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Detail(..)]));
    assert_eq!(driver.row(), "be_app/down1");
    driver.press("<esc>1");
    assert_eq!(driver.row(), "be_app/down1");
}

#[test]
fn detail_pane_scrolls_runs_actions_and_closes() {
    let mut driver = ModelDriver::new();
    driver.press("1<home>jjjjj<ret>");
    let top = |driver: &ModelDriver| match driver.model.layers.first() {
        Some(Layer::Detail(_, top)) => Some(*top),
        _ => None,
    };
    assert_eq!(top(&driver), Some(0));
    driver.press("jj");
    assert_eq!(top(&driver), Some(2));
    let page = driver.text.unwrap();
    assert!((3..30).contains(&page.visible), "{page:?}");
    driver.press("<pgdn>");
    assert_eq!(top(&driver), Some(2 + page.visible - 1), "the last line is shown again, and none is skipped");
    driver.press("G");
    assert_eq!(top(&driver), Some(page.last_top));
    driver.press("<pgdn>j<c-d>");
    assert_eq!(top(&driver), Some(page.last_top), "never past the end");
    driver.press("gk");
    assert_eq!(top(&driver), Some(0));
    assert_eq!(driver.press("/tsfx"), [], "the detail pane captures the keys");
    assert_eq!((driver.model.view(), top(&driver)), (ViewId::Status, Some(0)));
    driver.press("D");
    let Some(Layer::Confirmation(confirmation)) = driver.model.layers.last() else {
        panic!("{:?}", driver.model.layers)
    };
    assert_eq!(confirmation.intent.commands(), ["set server be_app/app2 state drain"]);
    let effects = driver.press("y");
    assert_eq!(model_driver::sent_commands(&effects), ["set server be_app/app2 state drain"]);
    assert!(top(&driver).is_some(), "the detail pane stays open");
    for closing_key in ["<esc>", "q", "<left>", "<ret>"] {
        let mut driver = ModelDriver::new();
        driver.press("1<ret>");
        assert_eq!(driver.press(closing_key), [], "{closing_key}");
        assert!(driver.model.layers.is_empty(), "{closing_key}");
    }
}

#[test]
fn detail_pane_stays_open_after_its_row_is_gone() {
    let mut driver = ModelDriver::new();
    driver.press("1<home>jjjj<ret>");
    driver.stat.remove("be_app", "app1");
    driver.poll();
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Detail(..)]));
    assert_eq!(driver.press("M"), []);
    assert_eq!(driver.model.layers.len(), 1, "no confirmation for a server that is gone");
    driver.press("<esc>");
    assert!(!driver.row().is_empty());
}

#[test]
fn filter_searches_words_in_event_list() {
    let mut driver = ModelDriver::new();
    driver.stat.set("be_app", "app1", "status", "DOWN");
    driver.stat.set("be_api", "api1", "status", "DOWN");
    driver.advance(2000);
    driver.poll();
    driver.press("9/app1");
    let events = driver.model.shown_events().count();
    assert!(events > 0 && driver.model.shown_events().all(|event| event.line().contains("app1")));
    driver.press("<ret><esc>");
    assert!(driver.model.shown_events().count() > events, "Esc clears the filter");
    assert_eq!(driver.model.current_view().id, "events");
}

#[test]
fn key_unavailable_in_view_shows_notice() {
    for view in VIEWS.iter().take(10).filter(|view| !matches!(view.content, Content::Table(_) | Content::Cli)) {
        let mut driver = ModelDriver::new();
        driver.press(&format!(":{}<ret>", view.id));
        assert_eq!(driver.model.current_view().id, view.id);
        assert_eq!(driver.press("f"), [], "{}", view.id);
        assert!(driver.notice().starts_with("only in views 1 to 4 and 6, Maint/drain"), "{}", view.id);
    }
}

#[test]
fn folded_and_dismissed_rows_are_forgotten_when_gone() {
    let mut driver = ModelDriver::new();
    driver.press("1f");
    let proxies: Vec<String> =
        driver.lines().iter().filter_map(|line| line.strip_suffix(" +")).map(Into::into).collect();
    let [proxy] = proxies.as_slice() else { panic!("{proxies:?}") };
    let gone: Vec<_> = driver.stat.names().into_iter().filter(|(name, _)| name == proxy).collect();
    for (proxy, name) in &gone {
        driver.stat.remove(proxy, name);
    }
    let instance = &mut driver.model.instances[0];
    let folded = instance.folded.iter().copied().collect::<Vec<_>>();
    instance.dismissed.extend(&folded);
    assert_eq!(folded.len(), 1);
    driver.millis += 10_000;
    driver.poll();
    let instance = &driver.model.instances[0];
    assert!(instance.folded.is_empty() && instance.dismissed.is_empty());
}

#[test]
fn dashboard_puts_worst_rows_first_and_freezes_order_after_moves() {
    let mut driver = ModelDriver::new();
    driver.press("jkt");
    assert_eq!(driver.cursor_row(Pane::Backends), "be_app/BACKEND", "the cursor follows its row");
    driver.press("g");
    let worst = driver.cursor_row(Pane::Backends);
    assert_eq!(worst, "be_alldown/BACKEND");
    driver.stat.set("be_api", "BACKEND", "status", "DOWN");
    driver.poll();
    driver.press("j");
    let second = driver.cursor_row(Pane::Backends);
    driver.advance(4000);
    driver.poll();
    assert_eq!(driver.cursor_row(Pane::Backends), second, "the cursor follows its row");
    driver.press("t");
    assert_eq!(driver.notice(), "the rows are in HAProxy's order");
}

#[test]
fn cursor_of_new_dashboard_stays_on_worst_row_until_it_is_moved() {
    let mut driver = ModelDriver::new();
    driver.model.view_settings[ViewId::Dashboard].is_worst_first = true;
    driver.poll();
    assert_eq!(driver.cursor_row(Pane::Backends), "be_alldown/BACKEND");
    assert!(driver.cursor_row(Pane::Servers).starts_with("be_alldown/"));
    driver.press("g");
    for server in ["d1", "d2", "BACKEND"] {
        driver.stat.set("be_alldown", server, "status", "UP");
    }
    driver.poll();
    assert_eq!(driver.cursor_row(Pane::Backends), "be_alldown/BACKEND", "the operator has moved the cursor");
}

#[test]
fn arrow_up_enters_causes_whose_rows_the_lists_show() {
    let mut driver = ModelDriver::new();
    driver.press("k");
    assert_eq!(driver.model.focus, Pane::Causes);
    driver.press("g");
    let cause = driver.cursor_row(Pane::Causes);
    assert!([Pane::Backends, Pane::Servers].iter().any(|pane| driver.cursor_row(*pane) == cause), "{cause}");
    driver.press("<ret>");
    assert!(matches!(driver.model.layers.as_slice(), [Layer::Detail(..)]));
    driver.press("<esc>G<down>");
    assert_eq!(driver.model.focus, Pane::Backends, "down leaves the last cause");
    driver.press("<left><left>");
    assert_eq!(driver.model.focus, Pane::Causes, "left of the frontends");
    driver.press("<esc>");
    assert_eq!(driver.model.focus, Pane::Backends);
}

#[test]
fn n5_filter_on_dashboard_selects_first_match_and_n_the_next() {
    let mut driver = ModelDriver::new();
    driver.press("/app2");
    assert_eq!((driver.model.focus, driver.cursor_row(Pane::Servers).as_str()), (Pane::Servers, "be_app/app2"));
    driver.press("<esc>/api<ret>");
    assert_eq!(driver.cursor_row(driver.model.focus), "be_api/BACKEND", "several names start with api");
    driver.press("<esc>/proxy=be_api<ret>");
    assert_eq!((driver.model.focus, driver.cursor_row(Pane::Backends).as_str()), (Pane::Backends, "be_api/BACKEND"));
    for (key, expected) in [("n", "be_api/api1"), ("n", "be_api/api2"), ("n", "be_api/BACKEND"), ("N", "be_api/api2")] {
        driver.press(key);
        assert_eq!(driver.cursor_row(driver.model.focus), expected, "{key}");
    }
    driver.press("<esc>");
    assert!(driver.model.view_settings[ViewId::Dashboard].filter.is_empty());
    driver.press("G");
    for (key, expected) in [("n", "be_app/BACKEND"), ("N", "li_mixed/m2"), ("n", "be_app/BACKEND")] {
        driver.press(key);
        let row = driver.cursor_row(driver.model.focus);
        assert_eq!(row, expected, "{key}: without a filter, the rows with a problem");
    }
}

#[test]
fn n5_filter_in_table_selects_first_match_and_skips_other_rows() {
    let mut driver = ModelDriver::new();
    driver.press("1/app1<ret>");
    assert_eq!(driver.row(), "be_app/app1");
    driver.press("n");
    assert_eq!((driver.row().as_str(), driver.notice()), ("be_app/app1", "the only match"));
    driver.press("<esc>/slow<ret>N");
    assert_eq!((driver.row().as_str(), driver.notice()), ("be_slow/slow2", "continued at the last match"));
    driver.press("n");
    assert_eq!(driver.notice(), "continued at the first match");
}

#[test]
fn next_match_moves_between_lines_that_match_a_text_filter() {
    let mut driver = ModelDriver::new();
    driver.press("!n");
    let index = |driver: &ModelDriver| driver.model.instance().unwrap().line_index(ViewId::Problems);
    assert_eq!(index(&driver), 1, "every line is a problem");
    driver.press("NN");
    assert_eq!(driver.notice(), "continued at the last match");
    driver.press("9n");
    assert_eq!(driver.notice(), "no filter is set; / sets one");
}

#[test]
fn sort_on_dashboard_orders_rows_of_equal_severity() {
    let mut driver = ModelDriver::new();
    driver.press(":sort<space>-name<ret>");
    driver.press("s<esc>");
    assert_eq!(driver.sort_column_and_direction(), None, "an unknown column");
    driver.press(":sort<space>name<ret>");
    driver.press("g");
    let first = driver.cursor_row(Pane::Backends);
    driver.press("I");
    driver.press("g");
    assert_ne!(driver.cursor_row(Pane::Backends), first);
}

#[test]
fn reply_to_a_key_ends_with_its_subject() {
    // (keys that are answered, keys that leave the answer, keys that end it)
    for (asked, kept, ended) in [
        ("8s", "jk", "1"),
        ("1/nosuch<ret>n", "j", "<esc>"),
        (":go<space>nosuch<ret>", "j", ":"),
        (":view<space>nosuch<ret>", "j", ":view<space>status<ret>"),
        (":cols<space>nosuch<ret>", "j", "1"),
        ("W", "j", "2"),
    ] {
        let mut driver = ModelDriver::new();
        driver.press(asked);
        let notice = driver.notice().to_owned();
        assert_ne!(notice, "", "{asked}: no answer");
        driver.press(kept);
        assert_eq!(driver.notice(), notice, "{asked}{kept}");
        driver.press(ended);
        assert_eq!(driver.notice(), "", "{asked}{kept}{ended}");
    }
}
