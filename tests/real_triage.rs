//! Triage on a real HAProxy with 100 backends of four servers: the dashboard names the dead backend first and its cursor
//! starts on it, at each designed size; sorting, filtering and the detail page.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fmt::Write as _;

use support::{Lab, Term};

/// Terminal sizes with different layouts, in columns and lines.
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];
/// The only backend whose servers refuse connections.
const DEAD: &str = "be067";

/// Starts HAProxy with a backend without servers, and 100 backends of four servers. The checks of all servers but those of
/// [`DEAD`] reach a frontend of this HAProxy.
fn start_lab() -> Lab {
    let mut sections = "listen stats_page\n  bind {{stats}}\n  stats enable\n\
                        frontend fe_alive\n  bind {{alive}}\n  http-request return status 200\n"
        .to_owned();
    for backend in 0..100 {
        let name = format!("be{backend:03}");
        let _ = write!(sections, "backend {name}\n  default-server check inter 200ms rise 1 fall 1\n");
        for server in 1..=4 {
            let address = if name == DEAD { "127.0.0.1:9" } else { "{{alive}}" };
            let _ = writeln!(sections, "  server s{server} {address}");
        }
    }
    let lab = Lab::builder().frontends(0).backends(0).sections(&sections).start();
    lab.wait_stat(DEAD, "BACKEND", "status", |status| status == "DOWN");
    lab.wait_stat("be099", "s4", "check_status", |check| check == "L4OK");
    lab
}

fn start_dashboard(lab: &Lab, (cols, rows): (u16, u16)) -> Term {
    let term = Term::builder().args(["-i", "0.5"]).args([lab.admin()]).size(cols, rows).start();
    term.wait_for("live");
    term
}

/// Returns the number of the first line that contains the text.
fn line_of(screen: &str, text: &str) -> Option<usize> {
    screen.lines().position(|line| line.contains(text))
}

#[test]
fn u1_dashboard_starts_on_dead_backend_of_a_hundred() {
    let lab = start_lab();
    for size in SIZES {
        let term = start_dashboard(&lab, size);
        let screen = term.wait_until(|screen| screen.contains("1 cause") && screen.contains("Servers of be067"));
        let cause = line_of(&screen, "CRIT be067").or_else(|| line_of(&screen, "CRIT  be067"));
        assert!(cause.is_some_and(|line| line < 8), "{size:?}\n{screen}");
        let backends = term.table("Backends").unwrap();
        assert_eq!(backends.names().first().map(String::as_str), Some(DEAD), "{size:?}\n{screen}");
        assert_eq!(backends.cursor_row().as_deref(), Some(DEAD), "{size:?}\n{screen}");
        let servers = term.table("Servers of be067").unwrap();
        assert_eq!(servers.names().len(), 4, "{size:?}\n{screen}");
        let shown = backends.names().len();
        assert!(screen.contains(&format!("{} more", 101 - shown)), "{size:?}: {shown} backends shown\n{screen}");
    }
}

#[test]
fn u1_causes_pane_is_reached_by_arrow_and_opens_its_row() {
    let lab = start_lab();
    let mut term = start_dashboard(&lab, (80, 24));
    term.wait_for("1 cause");
    term.press("<up><ret>");
    let screen = term.wait_for("Servers ");
    assert!(screen.contains("backend be067") || screen.contains("be067"), "{screen}");
    term.wait_until(|screen| screen.matches("L4CON").count() >= 4);
}

#[test]
fn u3_detail_begins_with_what_is_wrong_and_lists_servers() {
    let lab = start_lab();
    let mut term = start_dashboard(&lab, (120, 40));
    term.wait_for("1 cause");
    term.press("<up><ret>");
    let screen = term.wait_until(|screen| screen.contains("LAST CHECK") && screen.contains("state"));
    let [wrong, state, servers, first, fields] = ["CRIT", "state", "LAST CHECK", "s1  ", "Now"]
        .map(|text| screen.lines().enumerate().skip(4).find(|(_, line)| line.contains(text)).map(|(index, _)| index));
    assert!(wrong < state && state < servers && servers < first, "{screen}");
    assert!(wrong.is_some() && fields.is_none_or(|fields| Some(fields) > first), "{screen}");
    for server in ["s1", "s2", "s3", "s4"] {
        let line = screen.lines().find(|line| line.contains(&format!("{server}  ")) && line.contains("L4CON"));
        assert!(line.is_some_and(|line| line.contains("DOWN")), "{server}\n{screen}");
    }
}

#[test]
fn u3_detail_of_server_compares_it_with_its_peers() {
    let lab = start_lab();
    let mut term = start_dashboard(&lab, (120, 40));
    term.wait_for("1 cause");
    term.press("/be012<ret><tab><ret>");
    term.wait_for("of 3 usable peers");
    term.wait_for("nothing wrong");
}

#[test]
fn n5_filter_on_dashboard_selects_matching_server() {
    let lab = start_lab();
    let mut term = start_dashboard(&lab, (120, 40));
    term.wait_for("1 cause");
    term.press("/proxy=be031<space>name:s3<ret>");
    term.wait_for_cursor_at("Servers of be031", "s3");
    term.press("D");
    term.wait_for("set server be031/s3 state drain");
    term.press("n<esc>");
    term.press("/be04<ret>");
    term.wait_for_cursor_at("Backends", "be040");
    term.press("nnnnn");
    term.wait_for_cursor_at("Backends", "be041");
    term.press("N");
    term.wait_for_cursor_at("Servers of be040", "s4");
}
