//! Process metrics from the operating system.

use metrics::gauge;
use rustix::process::{Resource, getrlimit};

/// Puts it into the gauges. What cannot be read is left as it was.
pub(super) fn note() {
    if let Some(bytes) = resident_bytes() {
        gauge!("process_resident_memory_bytes").set(bytes);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        gauge!("process_open_fds").set(number(open.count()));
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        gauge!("process_max_fds").set(number(most));
    }
    if let Some(seconds) = cpu_seconds() {
        gauge!("process_cpu_seconds_total").set(seconds);
    }
}

/// The field of /proc/self/status is in kibibytes.
fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? * 1_024.0)
}

/// Fields 14 and 15 of /proc/self/stat, in ticks of which Linux always shows 100 a second. The name in field 2 may hold anything but
/// ends with the last parenthesis.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// Exact up to 2^53, which is beyond any count here.
pub(super) fn number<T: TryInto<u64>>(count: T) -> f64 {
    let count: u64 = count.try_into().unwrap_or_default();
    let (high, low) = (count >> 32, count & u64::from(u32::MAX));
    let part = |half: u64| f64::from(u32::try_from(half).unwrap_or(u32::MAX));
    part(high) * 4_294_967_296.0 + part(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_knows_itself() {
        assert!(resident_bytes().unwrap() > 1_000_000.0);
        assert!(cpu_seconds().unwrap() >= 0.0);
        assert!((number(u64::from(u32::MAX) + 2) - 4_294_967_297.0).abs() < f64::EPSILON);
    }
}
