//! How many durable puts of small slivers six directories take, as a gateway asks for them: six in parallel for
//! each group of small objects, several groups at once. Then how many reads of what is in memory.
//!
//! `cargo bench -p haulout-backends --bench publish -- [seconds for each row]` measures below the temporary
//! directory and in memory; `HAULOUT_BENCH_DIR` names another directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backends::{BackendSpec, Deadlines, Expect, SliverName, SliverStore, StoreError, guard, open_bare};
use bytes::Bytes;
use codec::{BlobId, ClusterId};

const DIRECTORIES: usize = 6;
const SLIVER_BYTES: usize = 4096;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(2);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let disk = std::env::var_os("HAULOUT_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    println!("{SLIVER_BYTES} bytes, {DIRECTORIES} directories");
    for place in [disk.as_path(), Path::new("/dev/shm")] {
        let home = tempfile::TempDir::new_in(place)?;
        runtime.block_on(measure(home.path(), Duration::from_secs(seconds)))?;
    }
    Ok(())
}

async fn measure(home: &Path, time: Duration) -> Result<(), StoreError> {
    let mut stores = Vec::new();
    for number in 0..DIRECTORIES {
        let (name, url) = (format!("b{number}"), home.join(format!("b{number}")).display().to_string());
        let spec = BackendSpec { name, url, provider: None, zone: None, options: BTreeMap::new() };
        let store = open_bare(&spec, ClusterId([1; 16]), home, Expect::New).await?;
        stores.push(guard(store, &spec.name, Deadlines::default()));
    }
    let next = Arc::new(AtomicU64::new(0));
    for groups in [1, 2, 4, 8] {
        let before = next.load(Ordering::Relaxed);
        let (begin, cpu) = (Instant::now(), cpu_time());
        let writers = (0..groups).map(|_| tokio::spawn(write_groups(stores.clone(), Arc::clone(&next), begin + time)));
        for writer in futures::future::join_all(writers).await {
            writer.map_err(|error| StoreError::Unavailable { reason: error.to_string() })??;
        }
        let done = (next.load(Ordering::Relaxed) - before) as f64;
        let (elapsed, cpu) = (begin.elapsed().as_secs_f64(), cpu_time() - cpu);
        let puts = done * DIRECTORIES as f64;
        println!(
            "{:<20} {groups} groups at once: {:>7.0} groups/s, {:>7.0} puts/s, {:>6.2} ms a group, {:>5.1} us CPU a put",
            home.parent().unwrap_or(home).display(),
            done / elapsed,
            puts / elapsed,
            f64::from(groups) * elapsed * 1e3 / done,
            cpu * 1e6 / puts,
        );
    }
    measure_reads(&stores, next.load(Ordering::Relaxed), time).await
}

async fn measure_reads(stores: &[Arc<dyn SliverStore>], written: u64, time: Duration) -> Result<(), StoreError> {
    let (begin, cpu) = (Instant::now(), cpu_time());
    let mut reads = 0_u64;
    while begin.elapsed() < time {
        // A step that visits all slivers in a scattered order.
        let number = reads.wrapping_mul(7_919) % written;
        for (index, store) in (0_u8..).zip(stores) {
            store.read(&name(number, index), 0..SLIVER_BYTES as u64).await?;
        }
        reads += 1;
    }
    let (elapsed, cpu) = (begin.elapsed().as_secs_f64(), cpu_time() - cpu);
    let reads = (reads * stores.len() as u64) as f64;
    println!("{:>41} one reader: {:>7.0} reads/s, {:>5.1} us CPU a read", "", reads / elapsed, cpu * 1e6 / reads);
    Ok(())
}

fn name(number: u64, index: u8) -> SliverName {
    let mut blob = [0; 16];
    blob[..8].copy_from_slice(&number.to_be_bytes());
    blob[15] = (number % 256) as u8;
    SliverName { blob: BlobId(blob), index, attempt: 0 }
}

async fn write_groups(
    stores: Vec<Arc<dyn SliverStore>>,
    next: Arc<AtomicU64>,
    until: Instant,
) -> Result<(), StoreError> {
    let content = Bytes::from(vec![7; SLIVER_BYTES]);
    while Instant::now() < until {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let puts = (0_u8..).zip(&stores).map(|(index, store)| {
            let content = content.clone();
            async move {
                let parts = vec![content.slice(..256), content.slice(256..3840), content.slice(3840..)];
                store.put(&name(number, index), parts).await
            }
        });
        futures::future::try_join_all(puts).await?;
    }
    Ok(())
}

/// Seconds of processor time that this process used.
fn cpu_time() -> f64 {
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    clock.tv_sec as f64 + clock.tv_nsec as f64 / 1e9
}
