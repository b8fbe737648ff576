//! Which rows of several balancers belong together.
//!
//! Frontends and listeners belong together if they have the same names and the same mode. So do backends, if they also have
//! a server in common, or no servers. Servers do if their backends do, and their addresses are not known to differ. Rows
//! that only share a name stay apart, and their names say which balancers they belong to: `be_web@lb03`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::fleet::merged;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::observe::sample::Sample;

/// Maximum number of balancers that a name contains.
const MAX_NAMED: usize = 2;

/// A row of a balancer: the position of its sample, and the row's index in it.
pub(super) type RowPlace = (usize, usize);

/// Rows that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MatchedRows {
    /// Kind of the rows.
    pub(super) kind: RowKind,
    /// Name of the proxy, with the balancers if others have another proxy of this name.
    pub(super) proxy: SafeText,
    /// Name of the row, with the balancers if others have another row of this name.
    pub(super) name: SafeText,
    /// The rows, in the order of the balancers.
    pub(super) places: Vec<RowPlace>,
}

/// Properties that rows which belong together have in common: kind, mode, proxy, name, and the group of their backends.
type CommonKey = (RowKind, bool, SafeText, SafeText, usize);

/// Backends of one name and mode that belong together: the names and addresses of their servers.
type KnownServers<'a> = HashMap<&'a str, Vec<Option<&'a str>>>;

/// Groups the rows of samples, in the order in which they appear first. `names` are the names of the balancers.
pub(super) fn group_rows(samples: &[&Sample], names: &[Arc<str>]) -> Vec<MatchedRows> {
    let backend_groups = group_backends(samples);
    let mut groups: Vec<(CommonKey, Option<&str>, Vec<RowPlace>)> = Vec::new();
    let mut places: HashMap<CommonKey, Vec<usize>> = HashMap::new();
    for (position, sample) in samples.iter().enumerate() {
        for (index, row) in sample.table.rows().iter().enumerate() {
            let backend = sample.rows.backend_of(index).map(|backend| backend.row);
            let group = backend.and_then(|backend| backend_groups.get(&(position, backend)).copied()).unwrap_or(0);
            let key = (row.kind, row.is_tcp(), row.proxy.clone(), row.name.clone(), group);
            let address = (row.kind == RowKind::Server).then(|| merged::server_address(sample, index)).flatten();
            let same_key = places.entry(key.clone()).or_default();
            let fits = |place: &&usize| {
                let (_, known, members) = &groups[**place];
                // HAProxy may list two rows of one name.
                may_be_equal(*known, address) && members.last().is_none_or(|(last, _)| *last != position)
            };
            if let Some(place) = same_key.iter().find(fits).copied() {
                let (_, known, members) = &mut groups[place];
                *known = known.or(address);
                members.push((position, index));
            } else {
                same_key.push(groups.len());
                groups.push((key, address, vec![(position, index)]));
            }
        }
    }
    name_groups(groups.into_iter().map(|(key, _, members)| (key, members)).collect(), names)
}

/// Returns the group of each backend, a number among those of the same name and mode, by the place of its row.
fn group_backends(samples: &[&Sample]) -> HashMap<RowPlace, usize> {
    let mut known: HashMap<(&str, bool), Vec<KnownServers<'_>>> = HashMap::new();
    let mut groups = HashMap::new();
    for (position, sample) in samples.iter().enumerate() {
        let rows = sample.table.rows();
        for backend in sample.rows.backends() {
            let row = &rows[backend.row];
            let server = |index: &usize| (rows[*index].name.as_str(), merged::server_address(sample, *index));
            let servers: Vec<(&str, Option<&str>)> = backend.servers.iter().map(server).collect();
            let is_common = |group: &KnownServers<'_>, (name, address): &(&str, Option<&str>)| {
                group.get(name).is_some_and(|known| known.iter().any(|known| may_be_equal(*known, *address)))
            };
            let same_name = known.entry((row.proxy.as_str(), row.is_tcp())).or_default();
            let belongs = |group: &KnownServers<'_>| {
                group.is_empty() || servers.is_empty() || servers.iter().any(|server| is_common(group, server))
            };
            let place = same_name.iter().position(belongs).unwrap_or_else(|| {
                same_name.push(KnownServers::new());
                same_name.len() - 1
            });
            for (name, address) in servers {
                same_name[place].entry(name).or_default().push(address);
            }
            groups.insert((position, backend.row), place);
        }
    }
    groups
}

/// Returns whether two addresses are equal as far as they are known.
fn may_be_equal(one: Option<&str>, other: Option<&str>) -> bool {
    one.is_none() || other.is_none() || one == other
}

/// Gives each group a name that no other group of its kind has.
fn name_groups(groups: Vec<(CommonKey, Vec<RowPlace>)>, names: &[Arc<str>]) -> Vec<MatchedRows> {
    // Proxies of one side and name, and rows of one proxy and name.
    let mut proxies: HashMap<(bool, SafeText), Vec<(bool, usize)>> = HashMap::new();
    let mut proxy_balancers: HashMap<(bool, SafeText, bool, usize), Vec<usize>> = HashMap::new();
    let mut rows: HashMap<CommonKey, usize> = HashMap::new();
    for ((kind, is_tcp, proxy, name, group), members) in &groups {
        let side = is_client_side(*kind);
        let variants = proxies.entry((side, proxy.clone())).or_default();
        if !variants.contains(&(*is_tcp, *group)) {
            variants.push((*is_tcp, *group));
        }
        let balancers = proxy_balancers.entry((side, proxy.clone(), *is_tcp, *group)).or_default();
        balancers.extend(members.iter().map(|(position, _)| *position));
        *rows.entry((*kind, *is_tcp, proxy.clone(), name.clone(), *group)).or_default() += 1;
    }
    let suffix = |mut positions: Vec<usize>| {
        positions.sort_unstable();
        positions.dedup();
        let more = positions.len().saturating_sub(MAX_NAMED);
        let named: Vec<&str> = positions[..positions.len() - more].iter().map(|position| &*names[*position]).collect();
        if more == 0 { format!("@{}", named.join(",")) } else { format!("@{}+{more}", named.join(",")) }
    };
    let named = |(key, places): (CommonKey, Vec<RowPlace>)| {
        let is_only_row = rows.get(&key).is_none_or(|count| *count < 2);
        let (kind, is_tcp, proxy, name, group) = key;
        let side = is_client_side(kind);
        let is_only_proxy = proxies.get(&(side, proxy.clone())).is_none_or(|variants| variants.len() < 2);
        let row_positions: Vec<usize> = places.iter().map(|(position, _)| *position).collect();
        let shown_proxy = if is_only_proxy {
            proxy
        } else {
            let positions = proxy_balancers.get(&(side, proxy.clone(), is_tcp, group)).cloned().unwrap_or_default();
            SafeText::from(format!("{proxy}{}", suffix(positions)).as_str())
        };
        let name = if is_only_row { name } else { SafeText::from(format!("{name}{}", suffix(row_positions)).as_str()) };
        MatchedRows { kind, proxy: shown_proxy, name, places }
    };
    groups.into_iter().map(named).collect()
}

/// Returns whether rows of this kind are of the client side of their proxy.
fn is_client_side(kind: RowKind) -> bool {
    matches!(kind, RowKind::Frontend | RowKind::Listener)
}
