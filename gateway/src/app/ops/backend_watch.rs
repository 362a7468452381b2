//! Looks at every backend now and then, whether or not anything is written.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use metrics::gauge;

use crate::objects::{Member, Objects};

/// Time between two looks.
const PERIOD: Duration = Duration::from_secs(10);
/// How long a backend may take to answer one.
const PROBE: Duration = Duration::from_secs(5);

/// How many failure domains answered at the last look.
#[derive(Clone, Debug)]
pub struct BackendWatch(Arc<AtomicUsize>);

impl BackendWatch {
    /// Takes a first look.
    pub async fn begin(objects: &Objects) -> Self {
        let watch = Self(Arc::default());
        watch.look(objects).await;
        watch
    }

    /// Goes on looking, for ever.
    pub async fn go_on(self, objects: Objects) {
        loop {
            tokio::time::sleep(PERIOD).await;
            self.look(&objects).await;
        }
    }

    /// Failure domains of which a backend answered.
    #[must_use]
    pub fn answering_domains(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    async fn look(&self, objects: &Objects) {
        let members = objects.committee().members();
        let answers = join_all(members.iter().map(|member| answers(member))).await;
        let domains: HashSet<&str> =
            members.iter().zip(answers).filter(|(_, up)| *up).map(|(member, _)| member.provider.as_str()).collect();
        self.0.store(domains.len(), Ordering::Relaxed);
    }
}

async fn answers(member: &Member) -> bool {
    let probed = tokio::time::timeout(PROBE, member.store.probe()).await;
    let up = matches!(probed, Ok(Ok(_)));
    gauge!("haulout_backend_up", "backend" => member.id.to_string()).set(f64::from(u8::from(up)));
    if let Ok(Ok(space)) = probed
        && let Some(free) = space.free_bytes
    {
        gauge!("haulout_backend_free_bytes", "backend" => member.id.to_string()).set(super::process::number(free));
    }
    up
}
