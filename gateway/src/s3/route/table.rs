//! The table: the rows of every group of operations, the most specific first.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use http::Method;

use crate::s3::ops;
use crate::s3::pipeline::target::Level;
use crate::s3::route::row::{Need, Row};

/// All rows.
pub static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(ops::rows()));

/// Rows, grouped so that few are looked at for a request.
pub struct Table {
    rows: Vec<Row>,
    groups: HashMap<(Method, Level), Vec<usize>>,
    parameters: HashSet<&'static str>,
    known: HashSet<&'static str>,
}

impl Table {
    /// A table of these rows.
    #[must_use]
    pub fn new(mut rows: Vec<Row>) -> Self {
        rows.sort_by_key(|row| std::cmp::Reverse(row.needs.len()));
        let mut groups: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            groups.entry((row.method.clone(), row.level)).or_default().push(at);
        }
        let parameter = |need: &Need| match need {
            Need::Query(name) | Need::QueryValue(name, _) => Some(*name),
            Need::Header(_) => None,
        };
        let parameters: HashSet<_> = rows.iter().flat_map(|row| &row.needs).filter_map(parameter).collect();
        let mut known: HashSet<_> = &parameters | &rows.iter().flat_map(|row| row.accepts).copied().collect();
        known.extend(["AWSAccessKeyId", "Signature", "Expires"]);
        Self { rows, groups, parameters, known }
    }

    /// Every row, the most specific first.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The rows of a method and level with their positions, the most specific first.
    pub(super) fn group(&self, method: &Method, level: Level) -> impl Iterator<Item = (usize, &Row)> {
        let group = self.groups.get(&(method.clone(), level)).map(Vec::as_slice).unwrap_or_default();
        group.iter().map(|at| (*at, &self.rows[*at]))
    }

    /// Whether a parameter means something to some operation or to a signature.
    #[must_use]
    pub fn knows(&self, parameter: &str) -> bool {
        self.known.contains(parameter) || parameter.starts_with("response-")
    }

    /// Whether any row needs this parameter: it then names a sub-resource and must not be ignored.
    pub(super) fn names_a_sub_resource(&self, parameter: &str) -> bool {
        self.parameters.contains(parameter)
    }
}
