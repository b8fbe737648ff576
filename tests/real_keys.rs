//! Keys in the views of a real HAProxy: trees, columns, sort orders, long texts and events.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use support::{Grid, Lab, Term, wait_for};

#[test]
fn keys_fold_scroll_and_sort_table() {
    let lab = Lab::builder().backends(2).servers(3).server_option("be2/s2", "weight 9").start();
    let mut term = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(80, 24).start();
    term.wait_for("live");
    let all = ["fe1", "be1", "be1/s1", "be1/s2", "be1/s3", "be2", "be2/s1", "be2/s2", "be2/s3"];
    term.press("1");
    term.wait_grid(|grid| grid.paths() == all);
    term.move_to_path("be1/s2");
    term.press("f");
    term.wait_grid(|grid| grid.paths() == ["fe1", "be1", "be2", "be2/s1", "be2/s2", "be2/s3"]);
    term.wait_grid(|grid| grid.cursor_row() == Some("be1"));
    term.press("F");
    term.wait_grid(|grid| grid.paths() == ["fe1", "be1", "be2"]);
    term.press("F");
    term.wait_grid(|grid| grid.paths() == all);
    // Scrolling shows the columns that do not fit.
    let shows = |grid: &Grid, heading: &str| grid.headings().iter().any(|known| known == heading);
    assert!(term.grid().is_some_and(|grid| shows(&grid, "WGHT") && !shows(&grid, "ADDRESS")));
    term.press(&".".repeat(21));
    term.wait_grid(|grid| shows(grid, "ADDRESS") && !shows(grid, "WGHT") && grid.paths() == all);
    term.press(&",".repeat(21));
    term.wait_grid(|grid| shows(grid, "WGHT") && !shows(grid, "ADDRESS"));
    // Sort by the next column, by the previous one, and inverted.
    term.press(">>");
    term.wait_for("WGHT↓");
    term.wait_grid(|grid| grid.paths()[..2] == ["be2", "be2/s2"]);
    term.press("I");
    term.wait_for("WGHT↑");
    term.press("<lt>");
    term.wait_for("NAME↑");
    term.press("I");
    term.wait_for("NAME↓");
    term.wait_grid(|grid| grid.paths()[..3] == ["fe1", "be2", "be2/s3"]);
    // The same with the sort menu.
    term.press("s");
    term.press("gj<ret>");
    term.wait_for("WGHT↓");
    term.wait_grid(|grid| grid.paths()[..2] == ["be2", "be2/s2"]);
}

/// Returns the last line shown and the number of lines, from `1-20 of 60` in the frame.
fn line_numbers(screen: &str) -> Option<(usize, usize)> {
    let (before, after) = screen.lines().find(|line| line.starts_with('╭'))?.rsplit_once(" of ")?;
    let last = before.rsplit(['-', ' ']).next()?.parse().ok()?;
    Some((last, after.split(' ').next()?.parse().ok()?))
}

#[test]
fn text_scrolls_up_from_its_end() {
    let lab = Lab::builder().start();
    let mut term = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(120, 40).start();
    term.wait_for("live");
    term.press("1");
    term.move_to_path("be1/s2");
    term.press("<ret>");
    let first = line_numbers(&term.wait_for(" be1/s2 no check "));
    term.press("G");
    let bottom = term.wait_until(|screen| line_numbers(screen).is_some_and(|(last, all)| last == all));
    assert_ne!(line_numbers(&bottom), first, "the text is longer than the screen");
    term.press("k");
    term.wait_until(|screen| line_numbers(screen).is_some_and(|(last, all)| last < all));
    term.press("<esc>");
    term.wait_gone(" be1/s2 no check ");
    // The same in the help.
    term.press("?");
    let first_help_line = |screen: &str| {
        let mut lines = screen.lines().skip_while(|line| !line.contains("─ Keys "));
        lines.nth(1).map(|line| line.trim().to_owned())
    };
    let top = first_help_line(&term.wait_for("─ Keys "));
    term.press("G");
    let bottom = first_help_line(&term.wait_until(|screen| first_help_line(screen) != top));
    term.press("k");
    term.wait_until(|screen| first_help_line(screen) != bottom);
}

#[test]
fn events_are_shown_filtered_and_logged_with_owner_only_file_mode() {
    let lab = Lab::builder().backends(2).servers(3).start();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("events.log");
    let builder = Term::builder().args(["-i", "0.1", "--log-file"]).args([&log]).args([lab.admin()]);
    let mut term = builder.size(120, 40).start();
    term.wait_for("live");
    term.press("9");
    term.wait_for("nothing has changed since hapulse started");
    lab.send_command("disable server be1/s2");
    lab.send_command("set server be2/s1 state drain");
    term.wait_until(|screen| screen.contains("be1/s2") && screen.contains("be2/s1"));
    let screen = term.screen();
    let line = screen.lines().find(|line| line.contains("be1/s2")).unwrap();
    assert!(line.contains("no check") && line.contains("MAINT"), "{line}");
    let change = line.split_once("be1/s2").unwrap().1.trim().to_owned();
    term.press("/drain<ret>");
    term.wait_gone("be1/s2");
    assert!(term.screen().contains("be2/s1"), "{}", term.screen());
    term.press("<esc>");
    term.wait_for("be1/s2");
    let text = wait_for("the event in the log", || {
        fs::read_to_string(&log).ok().filter(|text| text.contains("be1/s2") && text.contains("be2/s1"))
    });
    let logged = text.lines().find(|line| line.contains("be1/s2")).unwrap();
    assert!(logged.ends_with(&format!("be1/s2  {change}")), "{logged:?}, not {change:?}");
    let time = logged.split(' ').next().unwrap();
    let shape: String = time.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
    assert!(shape.starts_with("0000-00-00T00:00:00"), "{time}");
    assert!(shape.ends_with('Z') || shape.ends_with("00:00"), "{time}");
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
}

/// Returns the report of a mouse button over the place where the screen shows a text.
fn mouse_report(term: &Term, button: u8, text: &str) -> String {
    let screen = term.screen();
    let (row, line) = screen.lines().enumerate().find(|(_, line)| line.contains(text)).unwrap_or((0, ""));
    let column = line.find(text).map_or(0, |at| line[..at].chars().count());
    format!("\x1b[<{button};{};{}M\x1b[<{button};{};{}m", column + 1, row + 1, column + 1, row + 1)
}

fn has_written(term: &Term, bytes: &str) -> bool {
    String::from_utf8_lossy(&term.raw()).contains(bytes)
}

#[test]
fn mouse_works_only_on_request_and_is_off_after_the_end() {
    const ON: &str = "\x1b[?1000h\x1b[?1006h";
    const OFF: &str = "\x1b[?1006l\x1b[?1000l";
    let lab = Lab::builder().backends(2).servers(3).start();
    let mut term = Term::builder().args(["-i", "0.2", "--mouse"]).args([lab.admin()]).size(120, 40).start();
    term.wait_for("live");
    assert!(has_written(&term, ON));
    let click = mouse_report(&term, 0, "1 Status");
    term.paste(click.as_bytes());
    term.wait_grid(|grid| grid.paths().contains(&"be2/s2"));
    let click = mouse_report(&term, 0, "be2");
    term.paste(click.as_bytes());
    term.wait_grid(|grid| grid.cursor_row() == Some("be2"));
    // A question needs keys.
    term.press("M");
    term.wait_for("Maintenance: 3 servers of be2");
    let click = mouse_report(&term, 0, "Maintenance");
    term.paste(click.as_bytes());
    let wheel = mouse_report(&term, 65, "Maintenance");
    term.paste(wheel.as_bytes());
    term.press("<esc>");
    term.wait_for("nothing was sent");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
    assert!(has_written(&term, OFF));

    let mut term = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(120, 40).start();
    term.wait_for("live");
    assert!(!has_written(&term, ON));
    let click = mouse_report(&term, 0, "1 Status");
    term.paste(click.as_bytes());
    term.press("2");
    term.wait_grid(|grid| grid.headings().iter().any(|heading| heading == "IN/S"));
}
