//! Reply to `show errors`: the last invalid request of each frontend.

use std::fmt::Write;

use crate::demo::client_session::client_address;
use crate::demo::counters::CounterId;
use crate::demo::date::format_date;
use crate::demo::world::World;

/// Formats the reply without the final empty line. As in `HAProxy`, blank lines inside the reply contain a space.
pub(crate) fn format_errors(world: &World) -> String {
    let events = world.frontend_total(CounterId::BadRequests);
    let now = format_date(world.unix_time(), world.clock % 1000 * 1000, 3);
    let mut out = format!("Total events captured on [{now}] : {events}\n");
    let bad = world
        .proxies
        .iter()
        .filter_map(|proxy| Some((proxy, proxy.frontend.as_ref()?, proxy.frontend.as_ref()?.last_bad_request?)));
    for (proxy, frontend, (clock, client)) in bad {
        let event = frontend.counters.totals[CounterId::BadRequests].saturating_sub(1);
        let client = client_address(client);
        let then = format_date(world.epoch + clock / 1000, clock % 1000 * 1000, 3);
        out.push_str(" \n");
        let _ = write!(
            out,
            "[{then}] frontend {} (#{}): invalid request\n  \
             backend <NONE> (#-1), server <NONE> (#-1), event #{event}, src {client}:48714\n  \
             buffer starts at 0 (including 0 out), 16328 free,\n  \
             len 56, wraps at 16336, error at position 40\n  \
             H1 connection flags 0x00000100, H1 stream flags 0x00000810\n  \
             H1 msg state MSG_HDR_NAME(17), H1 msg flags 0x00001400\n  \
             H1 chunk len 0 bytes, H1 body len 0 bytes :\n  \n  \
             00000  GET /cart HTTP/1.1\\r\\n\n  \
             00020  Host: shop.test\\r\\n\n  \
             00037  Bad Header: yes\\r\\n\n  \
             00054  \\r\\n\n",
            proxy.name, proxy.iid,
        );
    }
    out
}
