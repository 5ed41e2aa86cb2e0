//! The way to the API server: the client that everything goes through, made anew when who we are there changes.
//!
//! Tokens, certificates and authorities are replaced while we run. A new client is made of what they are then when one
//! of the files is another, and when the server refuses us or we refuse the server. A client that cannot be made leaves
//! the one before in force, and requests that are under way stay with the client they began with.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use kube::client::AuthError;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::connect::{Made, connect};
use crate::files::Files;

pub use super::connect::AccessError;

/// Between two clients: making one may run a program, and costs the server a handshake.
const PAUSE: Duration = Duration::from_secs(3);
/// Between two lines that say the same of new clients: a server that refuses us for days is not worth one every [`PAUSE`].
const REPEAT: Duration = Duration::from_secs(600);

/// The API server that a file names, or that of the cluster whose Pod this is. Clones share one client.
#[derive(Clone)]
pub struct Access {
    shared: Arc<Shared>,
}

struct Shared {
    kubeconfig: Option<PathBuf>,
    made: Mutex<Made>,
    /// Held by whoever makes the next client.
    renewal: tokio::sync::Mutex<Renewal>,
}

struct Renewal {
    /// When the last client was made, or could not be.
    last: Instant,
    /// Why it could not be.
    told: Option<String>,
    /// For what reason one was made, as it was told last, and when that was.
    reason: Option<(&'static str, Instant)>,
}

impl Renewal {
    fn new(now: Instant) -> Self {
        Self { last: now, told: None, reason: None }
    }

    /// Whether it is to be told now that a client was made for this reason.
    fn is_news(&mut self, why: &'static str, now: Instant) -> bool {
        let known = self.reason.is_some_and(|(told, at)| told == why && now.duration_since(at) < REPEAT);
        if !known {
            self.reason = Some((why, now));
        }
        !known
    }
}

impl Access {
    /// Makes a client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn open(kubeconfig: Option<&Path>) -> Result<Self, AccessError> {
        let made = Mutex::new(connect(kubeconfig).await?);
        let renewal = tokio::sync::Mutex::new(Renewal::new(Instant::now()));
        Ok(Self { shared: Arc::new(Shared { kubeconfig: kubeconfig.map(Path::to_owned), made, renewal }) })
    }

    /// The client of the moment: whoever asks again after a refusal gets one with credentials read anew.
    #[must_use]
    pub fn client(&self) -> Client {
        self.shared.made.lock().unwrap_or_else(PoisonError::into_inner).client.clone()
    }

    /// Whoever got an error from the client says so here: one about credentials has them read anew, in the background and
    /// not too often.
    pub fn refused(&self, error: &kube::Error) {
        if !is_about_credentials(error) {
            return;
        }
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            if let Ok(mut renewal) = shared.renewal.try_lock()
                && renewal.last.elapsed() >= PAUSE
            {
                shared.renew(&mut renewal, "they are not taken").await;
            }
        });
    }

    /// Reads credentials anew whenever a file that holds some is another. Never ends.
    pub(super) async fn follow(self) {
        let files = || self.shared.made.lock().unwrap_or_else(PoisonError::into_inner).files.clone();
        let mut followed = Files::new(files());
        // The first time says only that they are followed now. What changed since they were read is noticed by the server.
        followed.changed().await;
        loop {
            followed.changed().await;
            let mut renewal = self.shared.renewal.lock().await;
            tokio::time::sleep_until(renewal.last + PAUSE).await;
            self.shared.renew(&mut renewal, "a file of theirs is another").await;
            followed.follow(files());
        }
    }
}

impl Shared {
    async fn renew(&self, renewal: &mut Renewal, why: &'static str) {
        let made = connect(self.kubeconfig.as_deref()).await;
        renewal.last = Instant::now();
        match made {
            Ok(made) => {
                *self.made.lock().unwrap_or_else(PoisonError::into_inner) = made;
                renewal.told = None;
                match renewal.is_news(why, renewal.last) {
                    true => info!("credentials for the API server read anew: {why}"),
                    false => debug!("credentials for the API server read anew once more: {why}"),
                }
            }
            Err(error) => {
                let text = error.to_string();
                if renewal.told.as_ref() != Some(&text) {
                    warn!(
                        "credentials for the API server cannot be read anew ({why}): {text}; the last stay"
                    );
                    renewal.told = Some(text);
                }
            }
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access") // what is inside holds credentials
    }
}

/// The server does not know us (401), or one of the two does not trust the other's certificate, or the credentials are
/// none.
fn is_about_credentials(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code == 401,
        kube::Error::Auth(_) => true,
        other => {
            let mut next: Option<&(dyn Error + 'static)> = Some(other);
            while let Some(error) = next {
                if error.is::<AuthError>() || is_tls(error) {
                    return true;
                }
                next = error.source();
            }
            false
        }
    }
}

/// TLS tells its errors as input and output that is invalid, wrapped once or twice more on the way.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let Some(error) = error.downcast_ref::<io::Error>() else { return false };
    error.kind() == io::ErrorKind::InvalidData || error.get_ref().is_some_and(|inner| is_tls(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_refuses_us_for_hours_costs_a_line_every_ten_minutes() {
        let begin = Instant::now();
        let mut renewal = Renewal::new(begin);
        let told = |renewal: &mut Renewal, why, from: u64, to: u64| {
            (from..to).step_by(3).filter(|at| renewal.is_news(why, begin + Duration::from_secs(*at))).count()
        };
        assert_eq!(told(&mut renewal, "refused", 0, 3600), 6);
        assert_eq!(told(&mut renewal, "another file", 3600, 3601), 1);
        assert_eq!(told(&mut renewal, "refused", 3603, 3610), 1);
    }
}
