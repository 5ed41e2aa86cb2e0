//! Building what the text encoder of `prometheus` takes, from values read at this moment.

use prometheus::proto;

/// Every series of one name.
pub(super) struct Family(proto::MetricFamily);

/// Names and values of labels.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

fn metric(labels: Labels<'_>) -> proto::Metric {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = proto::LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    proto::Metric::from_label(labels.iter().map(pair).collect())
}

/// As `prometheus` stores every value; exact up to 2^53.
pub(super) fn number(count: u64) -> f64 {
    count as f64
}

/// The same for what is counted in memory.
pub(super) fn size(count: usize) -> f64 {
    count as f64
}

/// 1 for yes.
pub(super) fn truth(yes: bool) -> f64 {
    f64::from(u8::from(yes))
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
    pub(super) fn with(mut self, labels: Labels<'_>, value: f64) -> Self {
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
        self
    }

    /// A series of a histogram; `buckets`: upper bound in seconds and how many were no larger.
    pub(super) fn observed(
        mut self,
        labels: Labels<'_>,
        sum: f64,
        count: u64,
        buckets: &[(f64, u64)],
    ) -> Self {
        let mut histogram = proto::Histogram::default();
        histogram.set_sample_sum(sum);
        histogram.set_sample_count(count);
        let bucket = |(bound, below): &(f64, u64)| {
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(*below);
            bucket
        };
        histogram.set_bucket(buckets.iter().map(bucket).collect());
        let mut one = metric(labels);
        one.set_histogram(histogram);
        self.0.mut_metric().push(one);
        self
    }

    pub(super) fn done(self) -> proto::MetricFamily {
        self.0
    }
}
