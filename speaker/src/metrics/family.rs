//! Building what the text encoder of `prometheus` takes, from values read at this moment.

use bgp::net::Latency;
use prometheus::proto;

/// Every series of one name.
pub(super) struct Family(proto::MetricFamily);

/// Names and values of labels.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// As `prometheus` stores every value; exact up to 2^53.
pub(super) fn number(count: u64) -> f64 {
    count as f64
}

fn metric(labels: Labels<'_>) -> proto::Metric {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = proto::LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    proto::Metric::from_label(labels.iter().map(pair).collect())
}

impl Family {
    fn new(name: &str, help: &str, kind: proto::MetricType) -> Self {
        let mut family = proto::MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        Self(family)
    }

    pub(super) fn gauge(name: &str, help: &str) -> Self {
        Self::new(name, help, proto::MetricType::GAUGE)
    }

    pub(super) fn counter(name: &str, help: &str) -> Self {
        Self::new(name, help, proto::MetricType::COUNTER)
    }

    pub(super) fn histogram(name: &str, help: &str) -> Self {
        Self::new(name, help, proto::MetricType::HISTOGRAM)
    }

    /// A series of a gauge or counter.
    pub(super) fn add(&mut self, labels: Labels<'_>, value: f64) {
        let mut one = metric(labels);
        match self.0.get_field_type() {
            proto::MetricType::COUNTER => {
                let mut counter = proto::Counter::default();
                counter.set_value(value);
                one.set_counter(counter);
            }
            _ => {
                let mut gauge = proto::Gauge::default();
                gauge.set_value(value);
                one.set_gauge(gauge);
            }
        }
        self.0.mut_metric().push(one);
    }

    /// A gauge or counter of one series.
    pub(super) fn with(mut self, labels: Labels<'_>, value: f64) -> Self {
        self.add(labels, value);
        self
    }

    /// A series of a histogram, in seconds.
    pub(super) fn with_latency(mut self, labels: Labels<'_>, latency: &Latency) -> Self {
        let (mut histogram, mut seen) = (proto::Histogram::default(), 0);
        let counts = latency.buckets();
        let mut buckets = Vec::with_capacity(Latency::BOUNDS.len());
        for (micros, count) in Latency::BOUNDS.into_iter().zip(counts) {
            seen += count;
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(number(micros) / 1e6);
            bucket.set_cumulative_count(seen);
            buckets.push(bucket);
        }
        histogram.set_bucket(buckets);
        histogram.set_sample_count(counts.iter().sum());
        histogram.set_sample_sum(latency.seconds());
        let mut one = metric(labels);
        one.set_histogram(histogram);
        self.0.mut_metric().push(one);
        self
    }

    /// `None` if there is no series: a family without any is no valid text.
    pub(super) fn finish(self) -> Option<proto::MetricFamily> {
        (!self.0.get_metric().is_empty()).then_some(self.0)
    }
}
