//! Sessions and stick table entries for tests of actions on them: a lab that has some, and keys that select one.

use super::haproxy::Lab;
use super::term::Term;
use super::traffic::Traffic;
use std::thread;

/// Sections with a stick table of clients, and a frontend that stores the header `X-Client` of each request in it.
pub const CLIENTS_TABLE: &str = "backend clients
    stick-table type string len 32 size 100 expire 10m store http_req_cnt
frontend web
    bind {{web}}
    http-request track-sc0 hdr(X-Client) table clients
    default_backend be1
";

impl Lab {
    /// Sends requests that stay open on `be1/s2`, which must be slow, and waits until HAProxy counts them.
    pub fn open_requests(&self, count: usize) {
        let requests = Traffic::to(self.frontend_addr()).header("Cookie: SRV=s2").workers(count);
        // The thread ends with its requests: through the action, or with the lab.
        thread::spawn(move || requests.send(count));
        self.wait_stat("be1", "s2", "scur", |sessions| sessions == count.to_string());
    }
}

impl Term {
    /// Opens the sessions view and puts the cursor on the only session of `be1/s2`.
    pub fn select_session(&mut self) {
        self.press("7");
        self.wait_for("lists the open sessions");
        self.press("<ret>");
        self.wait_for(", oldest first");
        self.press("/server:s2<ret>");
        self.wait_for("1 of ");
    }

    /// Opens the entries of the only stick table.
    pub fn open_stick_table(&mut self) {
        self.press("8");
        self.wait_for("lists the stick tables");
        self.press("<ret>");
        self.wait_for("1 of 1 tables");
        self.press("<ret>");
    }
}
