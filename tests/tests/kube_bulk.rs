//! Many objects, and what Prometheus makes of a speaker at work.

use tests::router::Kind;
use tests::scenario::kube;

#[test]
fn a_thousand_objects_lead_to_the_same_octets_from_the_api_server_and_from_files() {
    kube::bulk(Kind::Bird).unwrap();
}

#[test]
fn prometheus_scrapes_every_series_and_its_true_value() {
    kube::scrape(Kind::Gobgp).unwrap();
}
