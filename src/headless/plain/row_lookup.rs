//! Finds the row that a typed name means, in any of the watched HAProxies.

use std::collections::{BTreeSet, HashSet};

use crate::config::suggest;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;

/// Maximum number of names that an error lists.
const MAX_LISTED: usize = 10;
/// Maximum number of characters of a typed word that a message repeats.
const MAX_SHOWN_CHARS: usize = 60;

/// The kinds of rows that a name may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamedRows {
    /// Servers.
    Servers,
    /// Backends.
    Backends,
    /// Servers, backends and frontends.
    All,
}

impl NamedRows {
    fn includes(self, kind: RowKind) -> bool {
        match self {
            Self::Servers => kind == RowKind::Server,
            Self::Backends => kind == RowKind::Backend,
            Self::All => kind != RowKind::Listener,
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Servers => "server",
            Self::Backends => "backend",
            Self::All => "server, backend or frontend",
        }
    }
}

/// An instance in which rows are searched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NamedInstance<'a> {
    /// Index in the session.
    pub(crate) index: usize,
    /// Displayed name.
    pub(crate) name: &'a str,
    /// The instance.
    pub(crate) instance: &'a Instance,
}

/// A row with the names that mean it.
struct NamedRow<'a> {
    place: (usize, RowId),
    kind: RowKind,
    /// Displayed name of the instance.
    instance: &'a str,
    /// `BACKEND/SERVER`, or the name of a proxy.
    path: String,
    /// Name of the server or the proxy alone.
    short: String,
}

/// Finds the row with a name, in these instances. The name may be the path, the server alone, or the beginning of one of
/// these, as long as it is unique.
///
/// # Errors
/// Returns a message that lists the rows that it may mean, or similar names.
pub(crate) fn find_row<'a>(
    name: &str,
    kinds: NamedRows,
    instances: impl Iterator<Item = NamedInstance<'a>>,
) -> Result<(usize, RowId), String> {
    let (mut rows, mut count) = (Vec::new(), 0);
    for searched in instances {
        count += 1;
        let Some(sample) = searched.instance.latest() else { continue };
        for (row, id) in sample.table.rows().iter().zip(sample.rows.ids()) {
            if !kinds.includes(row.kind) {
                continue;
            }
            let (path, short) = match row.kind {
                RowKind::Server => (format!("{}/{}", row.proxy, row.name), row.name.to_string()),
                _ => (row.proxy.to_string(), row.proxy.to_string()),
            };
            rows.push(NamedRow { place: (searched.index, *id), kind: row.kind, instance: searched.name, path, short });
        }
    }
    if rows.is_empty() {
        return Err(format!("{}: no data from HAProxy yet", shown(name)));
    }
    let matches: [fn(&NamedRow<'_>, &str) -> bool; 4] = [
        |row, name| row.path == name,
        |row, name| row.short == name,
        |row, name| row.path.starts_with(name),
        |row, name| row.short.starts_with(name),
    ];
    for is_match in matches {
        let mut found: Vec<&NamedRow<'_>> = rows.iter().filter(|row| is_match(row, name)).collect();
        // Of a frontend and a backend with the same name, the backend is meant.
        let key = |row: &NamedRow<'_>| (row.place.0, row.path.clone());
        let is_backend = |row: &&NamedRow<'_>| row.kind == RowKind::Backend;
        let backends: HashSet<(usize, String)> = found.iter().copied().filter(is_backend).map(key).collect();
        found.retain(|row| row.kind != RowKind::Frontend || !backends.contains(&key(row)));
        match found.as_slice() {
            [] => {}
            [row] => return Ok(row.place),
            several => return Err(ambiguous(name, several, count > 1)),
        }
    }
    let names = rows.iter().flat_map(|row| [row.path.as_str(), row.short.as_str()]);
    let names: BTreeSet<&str> = names.collect();
    let similar = suggest::did_you_mean(name, names);
    let hint = if similar.is_empty() { "; to list them: servers".to_owned() } else { similar };
    Err(format!("no {} is called {}{hint}", kinds.noun(), shown(name)))
}

/// Describes why a name means several rows, and how to choose one.
fn ambiguous(name: &str, rows: &[&NamedRow<'_>], has_several: bool) -> String {
    let instances: Vec<&str> = rows.iter().map(|row| row.instance).collect();
    let is_one_per_instance = instances.iter().collect::<HashSet<_>>().len() == rows.len();
    if rows.iter().all(|row| row.path == rows[0].path) && is_one_per_instance {
        let path = &rows[0].path;
        let listed = instances.iter().take(MAX_LISTED).copied().collect::<Vec<_>>().join(" and ");
        return format!("{path} exists on {listed}; add the instance, such as: on {}", instances[0]);
    }
    let label =
        |row: &&NamedRow<'_>| if has_several { format!("{} on {}", row.path, row.instance) } else { row.path.clone() };
    let listed: Vec<String> = rows.iter().take(MAX_LISTED).map(label).collect();
    let more = match rows.len().saturating_sub(MAX_LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{} is ambiguous: {}{more}", shown(name), listed.join(", "))
}

/// Returns a typed word for a message: without control characters, and shortened, because a screen reader reads all of it.
pub(crate) fn shown(word: &str) -> String {
    let text = SafeText::from(word).to_string();
    if text.chars().count() <= MAX_SHOWN_CHARS {
        return text;
    }
    let start: String = text.chars().take(MAX_SHOWN_CHARS).collect();
    format!("{start}... ({} characters)", word.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    fn site() -> Instance {
        let mut instance = Instance::default();
        instance.add_sample(SampleBuilder::default().build_at_millis(0, &stat_of_site()), 0);
        instance
    }

    fn one(instance: &Instance) -> impl Iterator<Item = NamedInstance<'_>> {
        std::iter::once(NamedInstance { index: 0, name: "lb1", instance })
    }

    fn found(name: &str, kinds: NamedRows) -> Result<String, String> {
        let instance = site();
        let (_, id) = find_row(name, kinds, one(&instance))?;
        let row = instance.latest().unwrap().row(id).unwrap();
        Ok(format!("{}/{}", row.proxy, row.name))
    }

    #[test]
    fn find_row_accepts_path_short_name_and_unique_beginning() {
        for name in ["api/api2", "api2"] {
            assert_eq!(found(name, NamedRows::Servers).unwrap(), "api/api2", "{name}");
        }
        assert_eq!(found("legacy/", NamedRows::Servers).unwrap(), "legacy/old1");
        assert_eq!(found("ol", NamedRows::Servers).unwrap(), "legacy/old1");
        assert_eq!(found("api", NamedRows::All).unwrap(), "api/BACKEND");
        assert_eq!(found("leg", NamedRows::Backends).unwrap(), "legacy/BACKEND");
    }

    #[test]
    fn find_row_prefers_backend_and_reports_servers_of_the_same_name() {
        let stat = "app,BACKEND,UP,1\napp,FRONTEND,OPEN,0\nb,s1,UP,2\nb,s1,DOWN,2\nb,BACKEND,UP,1\n";
        let text = format!("# pxname,svname,status,type,\n{}", stat.replace('\n', ",\n"));
        let mut instance = Instance::default();
        instance.add_sample(SampleBuilder::default().build_at_millis(0, &text), 0);
        let find = |name, kinds| find_row(name, kinds, one(&instance));
        let (_, id) = find("app", NamedRows::All).unwrap();
        assert_eq!(instance.latest().unwrap().row(id).unwrap().kind, RowKind::Backend);
        assert_eq!(find("b/s1", NamedRows::Servers).unwrap_err(), "b/s1 is ambiguous: b/s1, b/s1");
    }

    #[test]
    fn find_row_lists_candidates_or_similar_names() {
        let error = found("api", NamedRows::Servers).unwrap_err();
        assert_eq!(error, "api is ambiguous: api/api1, api/api2, api/api3");
        let error = found("apx/api1", NamedRows::Servers).unwrap_err();
        assert!(error.starts_with("no server is called apx/api1; did you mean api/api1"), "{error}");
        let error = found("\u{1b}nowhere", NamedRows::Servers).unwrap_err();
        assert_eq!(error, r"no server is called \x1bnowhere; to list them: servers");
    }

    #[test]
    fn find_row_names_both_instances_that_have_the_row() {
        let (one, two) = (site(), site());
        let all = || [("lb1", &one), ("lb2", &two)].into_iter().enumerate();
        let all = || all().map(|(index, (name, instance))| NamedInstance { index, name, instance });
        let error = find_row("api1", NamedRows::Servers, all()).unwrap_err();
        assert_eq!(error, "api/api1 exists on lb1 and lb2; add the instance, such as: on lb1");
        let error = find_row("api/", NamedRows::Servers, all()).unwrap_err();
        assert!(error.starts_with("api/ is ambiguous: api/api1 on lb1, api/api2 on lb1"), "{error}");
        let (index, row) = find_row("api/api1", NamedRows::Servers, all().skip(1)).unwrap();
        assert_eq!((index, two.latest().unwrap().rows.ids().contains(&row)), (1, true));
    }

    #[test]
    fn shown_shortens_long_words() {
        assert_eq!(shown("a\u{7}b"), r"a\x07b");
        assert_eq!(shown(&"x".repeat(4096)), format!("{}... (4096 characters)", "x".repeat(60)));
    }
}
