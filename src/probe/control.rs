//! Whose fault was it? A silent endpoint is only blamed if our own network works.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::dial::Dialer;
use super::trail::Trail;
use super::{Ending, Verdict, quoted};
use crate::sla::catalog::{Family, HostPort};
use crate::sla::observation::{Fault, Void};

/// How long all control targets together may take.
const CHECK_MS: u64 = 2_000;
/// How long what they said holds. Many endpoints fail at once when our network does; one check
/// is enough for all of them.
const FRESH_MS: u64 = 1_000;

/// The control targets, and what they said last.
pub(super) struct Controls {
    targets: Vec<HostPort>,
    last: Mutex<Option<(Instant, Way)>>,
}

/// What the control targets say about our way out.
#[derive(Clone, Debug)]
struct Way {
    /// One that could be reached.
    reached: Option<String>,
    /// One whose name could be resolved.
    resolved: Option<String>,
}

impl Controls {
    pub(super) fn new(targets: Vec<HostPort>) -> Self {
        Self {
            targets,
            last: Mutex::new(None),
        }
    }

    /// Clears the service of a silence that is ours, and our resolver of one that is not.
    pub(super) async fn review(&self, ending: Ending, dialer: &Dialer) -> Ending {
        if self.targets.is_empty() {
            return ending;
        }
        let message = &ending.message;
        match ending.verdict {
            Verdict::Failed(Fault::Dns | Fault::Connect | Fault::Timeout(_)) => {
                match Box::pin(self.way(dialer)).await.reached {
                    Some(control) => Ending {
                        message: format!("{message}; {} could be reached", quoted(&control)),
                        ..ending
                    },
                    None => Ending::void(
                        Void::Uplink,
                        format!("{message}; no control target could be reached either"),
                    ),
                }
            }
            Verdict::Void(Void::Resolver) => match Box::pin(self.way(dialer)).await.resolved {
                Some(control) => Ending::failed(
                    Fault::Dns,
                    format!("{message}; it could for {}", quoted(&control)),
                ),
                None => ending,
            },
            // In all other cases something answered us, or we know that we did not ask.
            Verdict::Good | Verdict::Failed(_) | Verdict::Void(_) => ending,
        }
    }

    /// Asks the control targets in their order until one can be reached. Callers wait for each
    /// other, so that there is one check at a time.
    async fn way(&self, dialer: &Dialer) -> Way {
        let mut last = self.last.lock().await;
        if let Some((checked, way)) = &*last
            && checked.elapsed() < Duration::from_millis(FRESH_MS)
        {
            return way.clone();
        }
        let mut way = Way {
            reached: None,
            resolved: None,
        };
        let end = Instant::now() + Duration::from_millis(CHECK_MS);
        for (tried, control) in self.targets.iter().enumerate() {
            let n_left = u32::try_from(self.targets.len() - tried).unwrap_or(u32::MAX);
            let share = end.saturating_duration_since(Instant::now()) / n_left;
            let mut trail = Trail::begin(share);
            let opening = dialer.open(&control.host, control.port, Family::Any, &mut trail);
            let opened = tokio::time::timeout(share, opening).await;
            let name = format!("{}:{}", control.host, control.port);
            // Only a name that was resolved leaves both a resolving stage and an address.
            if trail.hop.phases.resolve_us.is_some() && trail.hop.address.is_some() {
                way.resolved = Some(name.clone());
            }
            if let Ok(Ok(_connection)) = opened {
                way.reached = Some(name);
                break;
            }
        }
        *last = Some((Instant::now(), way.clone()));
        way
    }
}
