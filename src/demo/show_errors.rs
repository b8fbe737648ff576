//! `show errors`: the last request each frontend could not understand.

use std::fmt::Write;

use crate::demo::client_session::client_address;
use crate::demo::counters::Count;
use crate::demo::date::stamp;
use crate::demo::world::World;

/// The whole reply, without the empty line that ends it; blank lines inside hold a blank, as `HAProxy`'s do.
pub(crate) fn dump(world: &World) -> String {
    let events = world.front_total(Count::BadRequests);
    let now = stamp(world.wall(), world.clock % 1000 * 1000, 3);
    let mut out = format!("Total events captured on [{now}] : {events}\n");
    let bad =
        world.proxies.iter().filter_map(|proxy| Some((proxy, proxy.front.as_ref()?, proxy.front.as_ref()?.last_bad?)));
    for (proxy, front, (clock, client)) in bad {
        let event = front.meter.totals[Count::BadRequests].saturating_sub(1);
        let client = client_address(client);
        let then = stamp(world.epoch + clock / 1000, clock % 1000 * 1000, 3);
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
