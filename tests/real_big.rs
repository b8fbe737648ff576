//! The table of a HAProxy with 200 backends of 50 servers each: moving, filtering and sorting over all rows.

mod support;

use support::{Grid, Lab, Term};

/// Returns the row position shown next to the tabs: `201/10201`, followed by `of N` if a filter hides rows.
fn row_position(screen: &str) -> String {
    let line = screen.lines().find(|line| line.contains("1 Status")).unwrap_or_default();
    let (_, position) = line.split_once("9 Events").unwrap_or_default();
    // The filter follows it.
    position.split(" /").next().unwrap_or_default().trim().to_owned()
}

/// Waits until the row position ends with this text.
fn wait_for_row_position(term: &Term, expected: &str) {
    term.wait_until(|screen| row_position(screen).ends_with(expected));
}

/// Waits until the cursor is on a row whose name ends this way.
fn wait_for_cursor_at(term: &Term, path_end: &str) -> Grid {
    term.wait_grid(|grid| grid.cursor_row().is_some_and(|path| path.ends_with(path_end)))
}

/// Waits until the table starts with these rows.
fn wait_for_first_rows(term: &Term, expected: &[&str]) {
    term.wait_until(|screen| Grid::find(screen).is_some_and(|grid| grid.paths().starts_with(expected)));
}

#[test]
fn table_counts_reaches_filters_and_sorts_ten_thousand_servers() {
    let lab = Lab::builder().big().start();
    lab.send_command("set server be7/s3 weight 100;set server be9/s4 weight 0");
    let stat = lab.send_command("show stat");
    let rows: Vec<Vec<&str>> =
        stat.lines().skip(1).filter(|line| !line.is_empty()).map(|line| line.split(',').collect()).collect();
    let all = rows.len();
    assert_eq!(all, 1 + 200 + 10_000);
    let mut term = Term::builder().args(["-i", "0.5"]).args([lab.admin()]).size(200, 60).start();
    term.wait_for("live");
    term.press("1");
    // The row selected on the dashboard is selected here, too.
    wait_for_row_position(&term, &format!("2/{all}"));
    wait_for_cursor_at(&term, "be1");
    term.press("G");
    wait_for_row_position(&term, &format!("{all}/{all}"));
    let grid = wait_for_cursor_at(&term, "/s50");
    assert_eq!(grid.paths().last().copied(), grid.cursor_row(), "{}", term.screen());
    term.press("g");
    wait_for_row_position(&term, &format!("1/{all}"));
    wait_for_cursor_at(&term, "fe1");
    // The repeats of a held key, all at once.
    term.paste("j".repeat(200).as_bytes());
    wait_for_row_position(&term, &format!("201/{all}"));
    // fe1, then each backend and its fifty servers: row 201 is the 46th server of the fourth backend.
    let expected = (201 - 2) % 51;
    wait_for_cursor_at(&term, &format!("/s{expected}"));
    term.paste("\x1b[B".repeat(200).as_bytes());
    wait_for_row_position(&term, &format!("401/{all}"));

    term.press("/be200 s50");
    wait_for_row_position(&term, &format!("/2 of {all}"));
    assert_eq!(term.wait_grid(|grid| grid.paths().len() == 2).paths(), ["be200", "be200/s50"]);
    term.press("<ret>G");
    wait_for_row_position(&term, &format!("2/2 of {all}"));
    wait_for_cursor_at(&term, "be200/s50");
    term.press("<esc>");
    wait_for_row_position(&term, &format!("{all}/{all}"));
    // The selected row stays selected.
    wait_for_cursor_at(&term, "/s50");

    let limited = rows.iter().filter(|row| row[6].parse::<u64>().is_ok_and(|limit| limit > 0)).count();
    assert!((1..all).contains(&limited));
    term.press("t");
    term.command("filter slim>0");
    wait_for_row_position(&term, &format!("/{limited} of {all}"));
    term.command("filter");
    wait_for_row_position(&term, &format!("/{all}"));

    // The table follows the selected row, so `g` returns to the first rows.
    term.command("sort name");
    term.press("g");
    wait_for_first_rows(&term, &["be1", "be2", "be3", "be4", "be5", "be6", "be7", "be8", "be9", "be10", "be11"]);
    term.press("Ig");
    wait_for_first_rows(&term, &["be1/s50", "be2/s50", "be3/s50"]);
    // The weight of a backend is the sum of its servers' weights.
    term.command("sort weight");
    term.press("g");
    wait_for_first_rows(&term, &["be7", "be7/s3", "be1"]);
    term.wait_grid(|grid| {
        ["149", "100", "50"]
            .iter()
            .enumerate()
            .all(|(row, weight)| grid.nth_cell(row, "WGHT").as_deref() == Some(weight))
    });
    term.command("sort weight");
    term.press("g");
    wait_for_first_rows(&term, &["be9/s4", "be1/s1", "be1/s2"]);
    term.wait_grid(|grid| grid.nth_cell(0, "WGHT").as_deref() == Some("0"));
    term.press("tg");
    wait_for_first_rows(&term, &["be9", "be9/s4", "be9/s1"]);
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}
