//! Skip scan: where most keys are hidden in common prefixes, one recursive statement finds a whole page of entries,
//! and the database touches one key for each entry shown.

use crate::domain::BucketId;
use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::statement::Statement;
use crate::metadata::objects::list_page::RollUp;

/// The entries that one statement asks for.
pub(crate) struct Stretch<'a> {
    /// The first key that may be in it.
    pub from: Vec<u8>,
    /// The first key behind it.
    pub end: &'a [u8],
    /// Most entries.
    pub wanted: usize,
    /// The last column of each.
    pub attributes: &'a str,
}

/// The statement that answers the next entries in order: the first key of each, with the columns of a list.
///
/// `w.key` is the entry found last; the next is the first key after it, or after everything in the common prefix that it
/// stands for. Keys are UTF-8, which has no byte 0xff: a common prefix and that byte come after all that begins with it.
pub(crate) fn statement(dialect: Dialect, bucket: BucketId, stretch: Stretch<'_>, roll: &RollUp<'_>) -> Statement {
    let Stretch { from, end, wanted, attributes } = stretch;
    let bytes = dialect.bytes();
    let next = |from: &str| {
        format!(
            "(SELECT v.key FROM version v WHERE v.bucket_id = $1 AND v.key {from} AND v.key < $3 \
             AND v.is_current AND NOT v.is_marker ORDER BY v.key LIMIT 1)"
        )
    };
    let at = dialect.position("$4", "substr(w.key, CAST($5 AS INTEGER))");
    let text = format!(
        "WITH RECURSIVE walk(key, at) AS (\
         SELECT {first}, 1 \
         UNION ALL \
         SELECT {further}, w.at + 1 FROM walk w WHERE w.key IS NOT NULL AND w.at < $6) \
         SELECT v.key, v.size, v.etag, v.modified_at, v.checksum, {attributes} FROM walk w \
         JOIN version v ON v.bucket_id = $1 AND v.key = w.key AND v.is_current ORDER BY v.key",
        first = next(">= $2"),
        further = next(&format!(
            "> CASE WHEN {at} > 0 THEN CAST(substr(w.key, 1, {at} + CAST($7 AS INTEGER)) || $8 AS {bytes}) ELSE w.key END"
        )),
    );
    let (prefix, delimiter) = (roll.prefix(), roll.delimiter());
    let start = crate::metadata::engine::columns::limit(prefix.len() + 1);
    // From the position in what follows the prefix to the end of the delimiter in the whole key.
    let rest = crate::metadata::engine::columns::limit(prefix.len() + delimiter.len()) - 1;
    Statement::new(text)
        .bind(bucket.0)
        .bind(from)
        .bind(end)
        .bind(delimiter)
        .bind(start)
        .bind(crate::metadata::engine::columns::limit(wanted))
        .bind(rest)
        .bind(&[0xff_u8][..])
}
