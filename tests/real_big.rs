//! A HAProxy of 200 backends with 50 servers each: every row is reached, found and sorted.

mod support;

use support::{Grid, Lab, Term};

/// The table's own words on how many rows there are: `201/10201`, with `of N` behind it where some are left out.
fn place(screen: &str) -> String {
    let line = screen.lines().find(|line| line.contains("1 Status")).unwrap_or_default();
    let (_, remark) = line.split_once("9 Events").unwrap_or_default();
    // A filter stands behind it.
    remark.split(" /").next().unwrap_or_default().trim().to_owned()
}

fn wait_place(term: &Term, wanted: &str) {
    term.wait_until(|screen| place(screen).ends_with(wanted));
}

/// Waits for the row under the cursor, by the end of its name.
fn wait_selected(term: &Term, wanted: &str) -> Grid {
    term.wait_grid(|grid| grid.selected().is_some_and(|selected| selected.ends_with(wanted)))
}

/// Waits until the first rows are these.
fn wait_top(term: &Term, wanted: &[&str]) {
    term.wait_until(|screen| Grid::find(screen).is_some_and(|grid| grid.paths().starts_with(wanted)));
}

#[test]
fn ten_thousand_servers_are_counted_reached_found_and_sorted() {
    let lab = Lab::builder().big().start();
    lab.ask("set server be7/s3 weight 100;set server be9/s4 weight 0");
    let stat = lab.ask("show stat");
    let rows: Vec<Vec<&str>> =
        stat.lines().skip(1).filter(|line| !line.is_empty()).map(|line| line.split(',').collect()).collect();
    let all = rows.len();
    assert_eq!(all, 1 + 200 + 10_000);
    let mut term = Term::builder().args(["-i", "0.5"]).args([lab.admin()]).size(200, 60).start();
    term.wait_for("live");
    term.press("1");
    // The dashboard's row is selected here too.
    wait_place(&term, &format!("2/{all}"));
    wait_selected(&term, "be1");
    term.press("G");
    wait_place(&term, &format!("{all}/{all}"));
    let grid = wait_selected(&term, "/s50");
    assert_eq!(grid.paths().last().copied(), grid.selected(), "{}", term.screen());
    term.press("g");
    wait_place(&term, &format!("1/{all}"));
    wait_selected(&term, "fe1");
    // The keys of a held key, all at once.
    term.paste("j".repeat(200).as_bytes());
    wait_place(&term, &format!("201/{all}"));
    // fe1, then each backend and its fifty servers: row 201 is the 47th server of the fourth.
    let expected = (201 - 2) % 51;
    wait_selected(&term, &format!("/s{expected}"));
    term.paste("\x1b[B".repeat(200).as_bytes());
    wait_place(&term, &format!("401/{all}"));

    term.press("/be200 s50");
    wait_place(&term, &format!("/2 of {all}"));
    assert_eq!(term.wait_grid(|grid| grid.paths().len() == 2).paths(), ["be200", "be200/s50"]);
    term.press("<ret>G");
    wait_place(&term, &format!("2/2 of {all}"));
    wait_selected(&term, "be200/s50");
    term.press("<esc>");
    wait_place(&term, &format!("{all}/{all}"));
    // The selected row stays selected.
    wait_selected(&term, "/s50");

    let limited = rows.iter().filter(|row| row[6].parse::<u64>().is_ok_and(|limit| limit > 0)).count();
    assert!((1..all).contains(&limited));
    term.press("t");
    term.command("filter slim>0");
    wait_place(&term, &format!("/{limited} of {all}"));
    term.command("filter");
    wait_place(&term, &format!("/{all}"));

    // Where the selected row goes, the table follows; the first rows are looked at.
    term.command("sort name");
    term.press("g");
    wait_top(&term, &["be1", "be2", "be3", "be4", "be5", "be6", "be7", "be8", "be9", "be10", "be11"]);
    term.press("Ig");
    wait_top(&term, &["be1/s50", "be2/s50", "be3/s50"]);
    // Weights: a backend's is the sum of its servers'.
    term.command("sort weight");
    term.press("g");
    wait_top(&term, &["be7", "be7/s3", "be1"]);
    term.wait_grid(|grid| {
        ["149", "100", "50"]
            .iter()
            .enumerate()
            .all(|(row, weight)| grid.nth_cell(row, "WGHT").as_deref() == Some(weight))
    });
    term.command("sort weight");
    term.press("g");
    wait_top(&term, &["be9/s4", "be1/s1", "be1/s2"]);
    term.wait_grid(|grid| grid.nth_cell(0, "WGHT").as_deref() == Some("0"));
    term.press("tg");
    wait_top(&term, &["be9", "be9/s4", "be9/s1"]);
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}
