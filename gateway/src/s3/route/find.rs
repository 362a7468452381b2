//! Which row a request belongs to. Nothing falls through: a parameter that names a sub-resource the row does not know makes
//! the request one that is not implemented, never another operation. What names nothing in S3 is ignored, as Amazon does:
//! clients add parameters of their own, for caches and for their logs.

use http::{HeaderMap, Method};

use crate::s3::pipeline::target::Level;
use crate::s3::route::row::{Need, Row};
use crate::s3::route::table::Table;
use crate::s3::uri::Query;

/// The parts of a request that determine its operation.
#[derive(Clone, Copy, Debug)]
pub struct RouteQuery<'a> {
    /// Its method.
    pub method: &'a Method,
    /// What its path names.
    pub level: Level,
    /// Its parameters.
    pub query: &'a Query,
    /// Its headers.
    pub headers: &'a HeaderMap,
}

/// The result of matching a request against the table.
#[derive(Debug)]
pub enum RouteMatch<'a> {
    /// It belongs to this row, at this position in the table.
    Row(usize, &'a Row),
    /// It would match this row but for the parameter of another: 501, to callers authorized for the row.
    UnknownParameter(usize, &'a Row, String),
    /// It belongs to two rows at once (`InvalidArgument`).
    Ambiguous(&'a Row, &'a Row),
    /// No row has this method at this level (`MethodNotAllowed`).
    Nothing,
}

impl Table {
    /// Finds the row of a request: of those whose every need is met, the one with the most needs.
    #[must_use]
    pub fn find(&self, query: &RouteQuery<'_>) -> RouteMatch<'_> {
        let mut candidates =
            self.group(query.method, query.level).filter(|(_, row)| row.needs.iter().all(|need| query.meets(need)));
        let Some((at, row)) = candidates.next() else { return RouteMatch::Nothing };
        if let Some((_, rival)) = candidates.next()
            && rival.needs.len() == row.needs.len()
        {
            return RouteMatch::Ambiguous(row, rival);
        }
        match query.query.iter().find(|(name, _)| !self.is_known(row, name)) {
            Some((name, _)) => RouteMatch::UnknownParameter(at, row, name.to_owned()),
            None => RouteMatch::Row(at, row),
        }
    }

    /// Whether a parameter is the row's own, or means nothing in S3.
    fn is_known(&self, row: &Row, name: &str) -> bool {
        let own = row.accepts.contains(&name)
            || row.needs.iter().any(|need| matches!(need, Need::Query(n) | Need::QueryValue(n, _) if *n == name));
        if own || row.accepts_any {
            return true;
        }
        // A write that names a version where none can be named would change another one.
        let reads = row.method == Method::GET || row.method == Method::HEAD;
        !self.names_a_sub_resource(name) && (reads || name != "versionId")
    }
}

impl RouteQuery<'_> {
    fn meets(&self, need: &Need) -> bool {
        match need {
            Need::Query(name) => !self.query.is_empty() && self.query.has(name),
            Need::QueryValue(name, value) => !self.query.is_empty() && self.query.get(name) == Some(value),
            Need::Header(name) => self.headers.contains_key(*name) || self.hoists(name),
        }
    }

    /// Whether a presigned URL carries this header as a parameter.
    fn hoists(&self, header: &str) -> bool {
        !self.query.is_empty() && self.query.iter().any(|(name, _)| name.eq_ignore_ascii_case(header))
    }
}
