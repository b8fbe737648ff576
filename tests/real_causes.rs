//! Causes of server states: agents, tracked servers, DNS, health checks and other clients of a real
//! HAProxy, as the events, the views, the problems and `hapulse drain` name them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use script::Script;
use support::actions::{answer_confirmation, start_dashboard};
use support::builder::LabBuilder;
use support::{Agent, CannedReplies, FakeSocket, Lab, ServerBehavior, Term, Traffic, wait_until};

/// A lab in which `be1/s1` has this agent, asked five times per second.
fn lab_with_agent(agent: &Agent) -> LabBuilder {
    Lab::builder().servers(3).server_option("be1/s1", &agent.server_option_with_interval("200ms"))
}

fn wait_for_agent(lab: &Lab) {
    lab.wait_stat("be1", "s1", "agent_status", |status| !status.is_empty() && status != "INI");
}

/// Opens view `A` and waits until its column `BY` names what ordered the state of a server. A long name is cut off.
fn wait_for_author(term: &mut Term, server: &str, author: &str) {
    term.press("A");
    term.wait_until(|screen| {
        let is_author = |line: &str| line.contains(server) && line.contains(author);
        screen.contains(" BY ") && screen.lines().any(is_author)
    });
}

#[test]
fn w14_drain_by_agent_is_attributed_to_agent() {
    let agent = Agent::start("up");
    let lab = lab_with_agent(&agent).start();
    wait_for_agent(&lab);
    let mut term = start_dashboard(lab.admin());
    agent.set_reply("drain");
    term.press("9");
    term.wait_for("be1/s1  no check → DRAIN (agent)  by its agent");
    wait_for_author(&mut term, "s1", "its agent");
    agent.set_reply("up ready");
    term.press("9");
    let screen = term.wait_for("be1/s1  DRAIN (agent) → no check  by its agent");
    assert!(!screen.contains("not by us") && !screen.contains("an operator"), "{screen}");
}

#[test]
fn w14_down_and_maint_by_agent_are_attributed_to_agent() {
    let agent = Agent::start("up");
    let lab = lab_with_agent(&agent).checks().start();
    wait_for_agent(&lab);
    let mut term = start_dashboard(lab.admin());
    agent.set_reply("down #deploy until 5");
    term.press("9");
    term.wait_for("be1/s1  UP → DOWN (agent)  by its agent (\"deploy until 5\")");
    term.press("!");
    term.wait_for("down by its agent (\"deploy until 5\")");
    agent.set_reply("up maint");
    lab.wait_stat("be1", "s1", "status", |status| status == "MAINT");
    term.press("9");
    term.wait_until(|screen| {
        screen.lines().any(|line| line.contains("be1/s1") && line.contains("→ MAINT  by its agent"))
    });
    let screen = term.screen();
    assert!(!screen.contains("not by us"), "{screen}");
}

#[test]
fn w14_agent_that_overrides_own_action_is_named() {
    let agent = Agent::start("drain");
    let lab = lab_with_agent(&agent).start();
    lab.wait_stat("be1", "s1", "status", |status| status == "DRAIN (agent)");
    let mut term = start_dashboard(lab.admin());
    term.move_to_server("be1", "s1");
    term.press("E");
    term.wait_for("be1/s1 has an agent check: the agent's next reply can override this");
    answer_confirmation(&mut term, "Enable: be1 / s1", "y");
    term.wait_for("set server be1/s1 state ready: ");
    // The agent drains the server again, within the 20 s in which a change may be an effect of the action.
    lab.wait_stat("be1", "s1", "status", |status| status == "DRAIN (agent)");
    term.press("9");
    let screen = term.wait_for("set server be1/s1 state ready: ");
    assert!(!screen.contains("→ DRAIN (agent)  by us"), "{screen}");
}

#[test]
fn w14_drain_by_operator_is_not_attributed_to_agent() {
    let agent = Agent::start("up");
    let lab = lab_with_agent(&agent).start();
    wait_for_agent(&lab);
    let mut term = start_dashboard(lab.admin());
    // HAProxy writes (agent) for this drain too.
    lab.send_command("set server be1/s1 state drain");
    assert_eq!(lab.stat("be1", "s1", "status"), "DRAIN (agent)");
    term.press("9");
    term.wait_for("be1/s1  no check → DRAIN (agent)  by its agent or an operator");
    lab.send_command("set server be1/s1 state maint");
    term.wait_for("be1/s1  DRAIN (agent) → MAINT  not by us");
    // Our own drain has our name.
    lab.send_command("set server be1/s1 state ready");
    term.wait_for("be1/s1  MAINT → no check");
    term.press("0");
    term.move_to_server("be1", "s1");
    term.press("D");
    answer_confirmation(&mut term, "Drain: be1 / s1", "y");
    term.wait_for("be1/s1: verified, DRAIN (agent)");
    let user = hapulse::actions::audit::actor::Actor::current().user;
    wait_for_author(&mut term, "s1", &user);
}

#[test]
fn w14_agent_state_forced_by_operator_is_not_attributed_to_agent() {
    let agent = Agent::start("up");
    let lab = Lab::builder().servers(3).server_option("be1/s1", &agent.server_option()).start();
    wait_for_agent(&lab);
    let mut term = start_dashboard(lab.admin());
    term.press("9");
    lab.send_command("set server be1/s1 agent down");
    let screen = term.wait_for("be1/s1  no check → DOWN (agent)  not by us");
    assert!(!screen.contains("by its agent"), "{screen}");
    term.press("!");
    term.wait_for("down: its agent state was set to down");
}

#[test]
fn w14_tracking_dns_and_checks_are_named() {
    let lab = Lab::builder()
        .servers(3)
        .checks()
        .sections(
            "resolvers dns\n    nameserver none 127.0.0.1:9\n    resolve_retries 1\n    timeout resolve 200ms\n    \
             timeout retry 200ms\nbackend other\n    server follower 127.0.0.1:9 track be1/s1\n    \
             server lost nowhere.invalid:80 resolvers dns init-addr none\n    server off 127.0.0.1:9 disabled",
        )
        .start();
    lab.wait_stat("other", "lost", "status", |status| status == "MAINT (resolution)");
    lab.wait_stat("be1", "s2", "status", |status| status == "UP");
    let mut term = start_dashboard(lab.admin());
    term.press("9");
    lab.send_command("set server be1/s1 state maint");
    term.wait_for("other/follower  UP → MAINT (via be1/s1)  by be1/s1, which it tracks");
    lab.send_command("set server be1/s1 state drain");
    term.wait_for("be1/s1  MAINT → DRAIN");
    // HAProxy writes no (via …) for an inherited drain.
    lab.wait_stat("other", "follower", "status", |status| status == "DRAIN");
    lab.set_server_behavior("be1/s2", ServerBehavior::Closed);
    // The text of the check is missing if the next one runs already.
    let is_failed_check = |line: &str| line.contains("be1/s2") && line.contains("→ DOWN  ") && line.contains("L4CON");
    let screen = term.wait_until(|screen| screen.lines().any(is_failed_check));
    assert!(!screen.lines().any(|line| line.contains("other/follower") && line.contains("not by us")), "{screen}");
    for (server, author) in [("follower", " be1/s1,"), ("lost", " DNS "), ("off", " configuration ")] {
        wait_for_author(&mut term, server, author);
    }
}

#[test]
fn w14_drain_command_names_agent_that_ends_drain() {
    let agent = Agent::start("up");
    let lab = lab_with_agent(&agent)
        .server_behavior("be1/s1", ServerBehavior::Slow(std::time::Duration::from_mins(1)))
        .cookie()
        .start();
    wait_for_agent(&lab);
    let _traffic = Traffic::to(lab.frontend_addr()).header("Cookie: SRV=s1").workers(1).start();
    lab.wait_stat("be1", "s1", "scur", |sessions| sessions == "1");
    let running = Script::new().start(lab.admin(), "drain be1/s1 --wait 5m --yes -i 0.1");
    running.wait_for("1 session; ");
    wait_until("a drain", || lab.stat("be1", "s1", "status") == "DRAIN (agent)");
    agent.set_reply("ready");
    let result = running.wait();
    assert_eq!(result.code, 1, "{result:#?}");
    assert!(result.err.contains("be1/s1 was changed by its agent"), "{result:#?}");
    assert!(!result.err.contains("another operator"), "{result:#?}");
}

/// Lets a counter of `show info` grow by 2, and asserts that this is a cause of the process with this sentence.
///
/// Only HAProxy 3.2 and later have these counters, and a blocked thread cannot be caused at will: the replies of a real
/// HAProxy get the counter.
#[track_caller]
fn assert_counter_is_cause(key: &str, sentence: &str) {
    let lab = Lab::builder().start();
    let replies = CannedReplies::record(&lab, &["show info", "show stat", "show cli level"]);
    let info = String::from_utf8(replies.reply_to("show info")).unwrap();
    let with_count = |count: u32| {
        let lines = info.split_inclusive('\n').filter(|line| !line.starts_with(key));
        let other = lines.collect::<String>();
        replies.clone().on("show info", other.replace("\nPid: ", &format!("\n{key}: {count}\nPid: ")))
    };
    let fake = FakeSocket::with_replies(with_count(7));
    let mut term = Term::builder().args(["-i", "0.2"]).args([fake.path()]).size(160, 40).start();
    term.wait_for("live");
    term.press("!");
    let screen = term.wait_for("no problems");
    assert!(!screen.contains(sentence), "{screen}");
    fake.set_behavior(FakeSocket::replying(with_count(9)));
    let screen = term.wait_for(sentence);
    assert!(screen.contains("1 cause"), "{screen}");
    // The counter does not grow any more.
    term.wait_until(|screen| screen.lines().any(|line| line.contains("resolved: ") && line.contains(sentence)));
}

#[test]
fn connection_limit_that_was_reached_between_samples_is_cause() {
    assert_counter_is_cause("MaxconnReached", "connections reached 2 times: clients waited");
}

#[test]
fn blocked_traffic_is_cause() {
    assert_counter_is_cause("BlockedTrafficWarnings", "traffic stood still: a thread was blocked 2 times");
}

/// A server that is drained and set ready while all clients wait gets no request: HAProxy gives queued requests to a server
/// when one of its own requests ends, when it comes up, or when its maxconn is set.
#[test]
fn server_that_is_not_given_the_queued_requests_is_cause() {
    let lab = Lab::builder()
        .servers(2)
        .checks()
        .server_option("be1/s1", "maxconn 2")
        .server_option("be1/s2", "maxconn 2")
        .server_behavior("be1/s1", ServerBehavior::Slow(std::time::Duration::from_millis(200)))
        .server_behavior("be1/s2", ServerBehavior::Slow(std::time::Duration::from_millis(200)))
        .start();
    for server in ["s1", "s2"] {
        lab.wait_stat("be1", server, "status", |status| status == "UP");
    }
    let _clients = Traffic::to(lab.frontend_addr()).workers(12).start();
    lab.wait_stat("be1", "BACKEND", "qcur", |queued| queued.parse::<u32>().is_ok_and(|queued| queued > 0));
    let mut term = Term::builder().args(["-i", "0.5"]).args([lab.admin()]).size(160, 40).start();
    term.wait_for("live");
    term.press("!");
    lab.send_command("set server be1/s2 state drain");
    lab.wait_stat("be1", "s2", "scur", |sessions| sessions == "0");
    lab.send_command("set server be1/s2 state ready");
    let is_idle = |line: &str| line.contains("be1/s2") && line.contains("gets no sessions, while");
    let screen = term.wait_until(|screen| screen.lines().any(is_idle));
    assert!(screen.contains("1 cause"), "the queue follows from it: {screen}");
    lab.send_command("set maxconn server be1/s2 2");
    lab.wait_stat("be1", "s2", "scur", |sessions| sessions != "0");
    term.wait_until(|screen| !screen.lines().any(|line| is_idle(line) && !line.contains("resolved")));
}
