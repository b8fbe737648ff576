//! Names that replace the names of a site: the same name always gets the same replacement.

use std::collections::HashMap;

use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::{RowKind, StatRow};

/// Numbered replacements with one prefix: `srv-01`, `srv-02`.
#[derive(Debug)]
pub(super) struct Replacements {
    prefix: &'static str,
    by_original: HashMap<String, SafeText>,
}

impl Replacements {
    pub(super) fn new(prefix: &'static str) -> Self {
        Self { prefix, by_original: HashMap::new() }
    }

    /// Returns the replacement of a text.
    pub(super) fn replace(&mut self, original: &str) -> SafeText {
        if let Some(known) = self.by_original.get(original) {
            return known.clone();
        }
        let name = SafeText::from(format!("{}-{:02}", self.prefix, self.by_original.len() + 1).as_str());
        self.by_original.insert(original.to_owned(), name.clone());
        name
    }

    fn get(&self, original: &str) -> Option<&SafeText> {
        self.by_original.get(original)
    }
}

/// The replacements for one proxy.
#[derive(Debug)]
struct ProxyNames {
    name: SafeText,
    servers: Replacements,
    listeners: Replacements,
}

/// The sides that a proxy has.
#[derive(Debug, Clone, Copy, Default)]
struct ProxySides {
    has_frontend: bool,
    has_backend: bool,
}

/// The replacements for proxies, servers and listeners: `fe-01`, `be-03`, `be-03/srv-11`, `fe-01/bind-02`. A `listen`
/// section, and a frontend and a backend with the same name, are `px-01`.
#[derive(Debug, Default)]
pub(super) struct RowReplacements {
    proxies: HashMap<String, ProxyNames>,
    frontends: usize,
    backends: usize,
    both: usize,
}

impl RowReplacements {
    /// Assigns names to new proxies, servers and listeners in the order of their rows.
    pub(super) fn add_rows(&mut self, rows: &[StatRow]) {
        let mut sides: HashMap<&str, ProxySides> = HashMap::new();
        let is_new = |row: &&StatRow| !self.proxies.contains_key(row.proxy.as_str());
        let new_rows: Vec<&StatRow> = rows.iter().filter(is_new).collect();
        for row in &new_rows {
            let sides = sides.entry(row.proxy.as_str()).or_default();
            sides.has_frontend |= matches!(row.kind, RowKind::Frontend | RowKind::Listener);
            sides.has_backend |= matches!(row.kind, RowKind::Backend | RowKind::Server);
        }
        for row in new_rows {
            let proxy = row.proxy.as_str();
            self.proxy(proxy, sides.get(proxy).copied().unwrap_or_default());
        }
        for row in rows {
            self.row_name(row.kind, row.proxy.as_str(), row.name.as_str());
        }
    }

    fn proxy(&mut self, original: &str, sides: ProxySides) -> &mut ProxyNames {
        let Self { proxies, frontends, backends, both } = self;
        proxies.entry(original.to_owned()).or_insert_with(|| {
            let (prefix, count) = match sides {
                ProxySides { has_frontend: true, has_backend: true } => ("px", both),
                ProxySides { has_frontend: true, .. } => ("fe", frontends),
                ProxySides { .. } => ("be", backends),
            };
            *count += 1;
            let name = SafeText::from(format!("{prefix}-{count:02}").as_str());
            ProxyNames { name, servers: Replacements::new("srv"), listeners: Replacements::new("bind") }
        })
    }

    /// Returns the name of a proxy. A proxy without rows so far counts as a backend.
    pub(super) fn proxy_name(&mut self, original: &str) -> SafeText {
        self.proxy(original, ProxySides::default()).name.clone()
    }

    /// Returns the name of a row: `FRONTEND`, `BACKEND`, or the name of a server or listener.
    pub(super) fn row_name(&mut self, kind: RowKind, proxy: &str, original: &str) -> SafeText {
        let names = self.proxy(proxy, ProxySides::default());
        match kind {
            RowKind::Frontend => "FRONTEND".into(),
            RowKind::Backend => "BACKEND".into(),
            RowKind::Server => names.servers.replace(original),
            RowKind::Listener => names.listeners.replace(original),
        }
    }

    /// Returns the name of a server with its backend, `be-01/srv-02`, for `backend/server`.
    pub(super) fn server_label(&mut self, original: &str) -> String {
        let Some((proxy, name)) = original.split_once('/') else { return self.label(original) };
        let names = self.proxy(proxy, ProxySides::default());
        format!("{}/{}", names.name, names.servers.replace(name))
    }

    /// Returns the name of a server or listener with its proxy, `be-01/srv-02`, for `backend/server`. Other texts are the
    /// name of a proxy, possibly after `frontend ` or `backend `.
    pub(super) fn label(&mut self, original: &str) -> String {
        if let Some((proxy, name)) = original.split_once('/') {
            let names = self.proxy(proxy, ProxySides::default());
            let known = names.servers.get(name).or_else(|| names.listeners.get(name)).cloned();
            let row = known.unwrap_or_else(|| names.servers.replace(name));
            return format!("{}/{row}", names.name);
        }
        for side in ["frontend ", "backend "] {
            if let Some(proxy) = original.strip_prefix(side) {
                return format!("{side}{}", self.proxy_name(proxy));
            }
        }
        self.proxy_name(original).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::stat_table::StatTable;

    #[test]
    fn names_show_kind_and_stay_the_same() {
        let body = "# pxname,svname,type,\nwww,FRONTEND,0,\nwww,sock-1,3,\nshop,s9,2,\nshop,s1,2,\nshop,BACKEND,1,\n\
                    both,FRONTEND,0,\nboth,BACKEND,1,\napi,s1,2,\napi,BACKEND,1,\n";
        let table = StatTable::parse(body.as_bytes(), None).unwrap();
        let mut names = RowReplacements::default();
        names.add_rows(table.rows());
        let labels = ["www", "www/sock-1", "shop/s9", "shop/s1", "both", "api/s1", "frontend www", "backend api"];
        let replaced = labels.map(|label| names.label(label));
        let expected = [
            "fe-01",
            "fe-01/bind-01",
            "be-01/srv-01",
            "be-01/srv-02",
            "px-01",
            "be-02/srv-01",
            "frontend fe-01",
            "backend be-02",
        ];
        assert_eq!(replaced, expected);
        names.add_rows(table.rows());
        assert_eq!(labels.map(|label| names.label(label)), expected);
        assert_eq!([names.label("new/s1"), names.label("api/s2")], ["be-03/srv-01", "be-02/srv-02"]);
    }
}
