//! Shows replies: as JSON, or as a table for people.

use std::io::Write as _;

use serde::Serialize;

/// Prints a reply as JSON.
pub(super) fn json(reply: &impl Serialize) -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(reply)?)
}

/// Prints a line. A reader that went away (`| head`) is no error.
pub(in crate::app) fn print(line: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints rows under a head, in columns as wide as they need.
pub(super) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> anyhow::Result<()> {
    let mut widths = head.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String; N]| -> String {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    print(&line(&head.map(str::to_owned)))?;
    rows.iter().try_for_each(|row| print(&line(row)))
}

/// A number of bytes for people.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut tenths = u128::from(bytes) * 10;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1_024;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]) }
}

/// A time for people, in its largest unit.
pub(super) fn duration(seconds: u64) -> String {
    match seconds {
        0..90 => format!("{seconds} seconds"),
        90..5_400 => format!("{} minutes", seconds.div_ceil(60)),
        5_400..172_800 => format!("{} hours", seconds.div_ceil(3_600)),
        _ => format!("{} days", seconds.div_ceil(86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_readable() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1_023), "1023 B");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(5 << 40), "5.0 TiB");
        assert_eq!(bytes(u64::MAX), "16383.9 PiB");
    }

    #[test]
    fn times_are_readable() {
        let shown = [0, 89, 90, 3_600, 5_400, 86_400, 172_800].map(duration);
        assert_eq!(shown, ["0 seconds", "89 seconds", "2 minutes", "60 minutes", "2 hours", "24 hours", "2 days"]);
    }
}
