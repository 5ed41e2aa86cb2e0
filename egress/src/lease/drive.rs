//! Asks and writes the Lease as the elector says.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::elector::{Elector, Record, Seen, Step, Timing};
use crate::access::brief;

/// Who is not fit looks so often whether that has changed.
const SOON: Duration = Duration::from_millis(200);

/// Where the Lease is, and who we are.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its namespace.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// A name that no other replica has.
    pub identity: Box<str>,
    /// How long it lasts.
    pub timing: Timing,
}

/// Whether we may write, for whoever is about to. Clones share it.
#[derive(Clone, Debug)]
pub struct Leadership {
    /// `None`: there is no election, and we lead from the start.
    elector: Option<Arc<Mutex<Elector>>>,
    changed: watch::Sender<bool>,
}

impl Leadership {
    /// Without an election.
    #[must_use]
    pub fn always() -> Self {
        Self { elector: None, changed: watch::Sender::new(true) }
    }

    /// With one, in which [`run`] takes part.
    #[must_use]
    pub fn elected(place: &Place) -> Self {
        let elector = Elector::new(&place.identity, place.timing, Instant::now());
        Self { elector: Some(Arc::new(Mutex::new(elector))), changed: watch::Sender::new(false) }
    }

    /// How much longer we may write: a write that takes longer is given up. `None`: not at all.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        let now = Instant::now();
        match self.elector() {
            None => Some(Duration::MAX),
            Some(elector) => elector.leads(now).map(|until| until - now),
        }
    }

    /// How long a leader writes that cannot renew its Lease; `None`: there is no election.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        self.elector().map(|elector| elector.timing().leading())
    }

    /// Who leads, as far as known.
    #[must_use]
    pub fn holder(&self) -> Option<String> {
        self.elector().and_then(|elector| elector.holder().map(str::to_owned))
    }

    /// Marked changed when we begin or cease to lead.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<bool> {
        self.changed.subscribe()
    }

    fn elector(&self) -> Option<MutexGuard<'_, Elector>> {
        self.elector.as_ref().map(|elector| elector.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn publish(&self) {
        let leads = self.remaining().is_some();
        self.changed.send_if_modified(|was| {
            if *was != leads {
                match leads {
                    true => info!("this replica leads"),
                    false => warn!("this replica does not lead any more"),
                }
            }
            std::mem::replace(was, leads) != leads
        });
    }
}

/// Takes part until dropped. Without an election it waits for ever. `fit`: whether we could do now what leaders do.
pub async fn run(client: Client, place: Place, leadership: Leadership, fit: impl Fn() -> bool) {
    let api: Api<Lease> = Api::namespaced(client.clone(), &place.namespace);
    let mut trouble = None;
    // All replicas may be unfit for one reason: they do not give up at the same time.
    let patience = place.timing.duration.mul_f64(1.0 + fastrand::f64());
    loop {
        let now = Instant::now();
        let fit = fit();
        let unfit = leadership.elector().map(|mut elector| elector.fit(now, fit));
        if unfit.is_some_and(|unfit| unfit >= patience) && leadership.remaining().is_some() {
            warn!(
                seconds = patience.as_secs(),
                "this replica could not work for so long; it gives the Lease up"
            );
            release(client.clone(), &place, &leadership).await;
        }
        let Some(step) = leadership.elector().map(|elector| elector.step(now)) else {
            return std::future::pending().await;
        };
        let failed = match step {
            Step::Sleep(until) => {
                let until = if fit { until } else { until.min(now + SOON) };
                sleep(&leadership, until).await;
                continue;
            }
            Step::Read => {
                let answer = read(&api, &place).await;
                let failed = answer.as_ref().err().cloned();
                leadership.elector().into_iter().for_each(|mut one| {
                    one.read(Instant::now(), answer.clone().map_err(|_| ()));
                });
                failed
            }
            Step::Create => write(&api, &place, &leadership, None).await,
            Step::Replace { version, transitions, acquire } => {
                let known = leadership.elector().and_then(|one| one.acquired());
                let acquired = if acquire { None } else { known };
                write(&api, &place, &leadership, Some((version, transitions, acquired))).await
            }
        };
        leadership.publish();
        if failed.is_some() && failed != trouble {
            warn!(why = failed.as_deref().unwrap_or_default(), "the Lease cannot be had");
        }
        trouble = failed;
    }
}

/// Until then, or until we cease to lead, which is to be known on time.
async fn sleep(leadership: &Leadership, until: Instant) {
    let end = leadership.elector().and_then(|elector| elector.leads(Instant::now()));
    let until = end.map_or(until, |end| end.min(until));
    tokio::time::sleep_until(until.into()).await;
    leadership.publish();
}

/// Gives the Lease up, so that another replica leads at once. Whoever calls has stopped writing.
pub async fn release(client: Client, place: &Place, leadership: &Leadership) {
    let seen = leadership.elector().and_then(|mut elector| elector.release(Instant::now()));
    leadership.publish();
    let Some(seen) = seen else { return };
    let api: Api<Lease> = Api::namespaced(client, &place.namespace);
    let mut lease = lease(place, Some((seen.version, seen.record.transitions, seen.record.acquired)));
    if let Some(spec) = &mut lease.spec {
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
    }
    match timeout(place.timing.retry(), api.replace(&place.name, &PostParams::default(), &lease)).await {
        Ok(Ok(_)) => debug!("the Lease was given up"),
        Ok(Err(error)) => info!(why = %brief(&error), "the Lease could not be given up; it runs out"),
        Err(_) => info!("the Lease could not be given up in time; it runs out"),
    }
}

async fn read(api: &Api<Lease>, place: &Place) -> Result<Option<Seen>, String> {
    match timeout(place.timing.leading() / 2, api.get_opt(&place.name)).await {
        Ok(Ok(lease)) => Ok(lease.map(|lease| seen(&lease))),
        Ok(Err(error)) => Err(brief(&error)),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

/// Version, changes of holder, and since when it is held (absent: from now on).
type Before = (Box<str>, i32, Option<Box<str>>);

/// Why it was not taken, if it was not.
async fn write(
    api: &Api<Lease>,
    place: &Place,
    leadership: &Leadership,
    before: Option<Before>,
) -> Option<String> {
    let sent = Instant::now();
    let create = before.is_none();
    let lease = lease(place, before);
    let params = PostParams::default();
    let writing = async {
        match create {
            true => api.create(&params, &lease).await,
            false => api.replace(&place.name, &params, &lease).await,
        }
    };
    let answer = match timeout(place.timing.leading() / 2, writing).await {
        Ok(Ok(lease)) => Ok(seen(&lease)),
        // Another was faster: the next look shows who.
        Ok(Err(kube::Error::Api(status))) if status.code == 409 => Err(None),
        Ok(Err(error)) => Err(Some(brief(&error))),
        Err(_) => Err(Some("no answer in time".to_owned())),
    };
    leadership.elector().into_iter().for_each(|mut one| {
        one.wrote(sent, Instant::now(), answer.clone().map_err(|_| ()));
    });
    answer.err().flatten()
}

fn lease(place: &Place, before: Option<Before>) -> Lease {
    let now = MicroTime(Timestamp::now());
    let (version, transitions, acquired) = match before {
        Some((version, transitions, acquired)) => (Some(version.into_string()), transitions, acquired),
        None => (None, 0, None),
    };
    let acquired = acquired.and_then(|text| text.parse().ok()).map_or_else(|| now.clone(), MicroTime);
    Lease {
        metadata: ObjectMeta {
            name: Some(place.name.to_string()),
            namespace: Some(place.namespace.to_string()),
            resource_version: version,
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(place.identity.to_string()),
            lease_duration_seconds: i32::try_from(place.timing.duration.as_secs()).ok(),
            lease_transitions: Some(transitions),
            acquire_time: Some(acquired),
            renew_time: Some(now),
            ..LeaseSpec::default()
        }),
    }
}

fn seen(lease: &Lease) -> Seen {
    let spec = lease.spec.as_ref();
    let time = |time: Option<&MicroTime>| time.map(|time| time.0.to_string().into());
    Seen {
        record: Record {
            holder: spec.and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default().into(),
            transitions: spec.and_then(|spec| spec.lease_transitions).unwrap_or_default(),
            acquired: time(spec.and_then(|spec| spec.acquire_time.as_ref())),
            renewed: time(spec.and_then(|spec| spec.renew_time.as_ref())),
        },
        version: lease.metadata.resource_version.as_deref().unwrap_or_default().into(),
    }
}
