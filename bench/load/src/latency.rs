//! Latencies, all of them kept: a histogram's buckets would blur the very figures that the promises are about.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

/// What was seen of a load.
#[derive(Default)]
pub struct Seen {
    latencies_ns: Vec<u64>,
    by_value: Option<BTreeMap<usize, Vec<u64>>>,
    statuses: BTreeMap<u16, u64>,
    /// Requests that got no answer.
    pub failures: u64,
}

impl Seen {
    pub fn new(by_value: bool) -> Self {
        Self { by_value: by_value.then(BTreeMap::new), ..Self::default() }
    }

    pub fn count(&self) -> u64 {
        self.latencies_ns.len() as u64
    }

    pub fn add(&mut self, value: usize, status: u16, latency: Duration) {
        let latency_ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.latencies_ns.push(latency_ns);
        *self.statuses.entry(status).or_default() += 1;
        if let Some(by_value) = &mut self.by_value {
            by_value.entry(value).or_default().push(latency_ns);
        }
    }

    /// One line of JSON.
    pub fn report(mut self, elapsed: Duration, cpu_seconds: f64) -> String {
        let statuses: Vec<_> = self.statuses.iter().map(|(status, count)| format!("\"{status}\":{count}")).collect();
        let mut line = format!(
            "{{\"requests\":{},\"seconds\":{:.4},\"failures\":{},\"statuses\":{{{}}},\"load_cpu_s\":{cpu_seconds:.3},{}",
            self.count(),
            elapsed.as_secs_f64(),
            self.failures,
            statuses.join(","),
            quantiles(&mut self.latencies_ns),
        );
        if let Some(by_value) = &mut self.by_value {
            let each: Vec<_> =
                by_value.iter_mut().map(|(value, all)| format!("{{\"value\":{value},{}}}", quantiles(all))).collect();
            let _ = write!(line, ",\"by_value\":[{}]", each.join(","));
        }
        line.push('}');
        line
    }
}

fn quantiles(latencies_ns: &mut [u64]) -> String {
    latencies_ns.sort_unstable();
    // The smallest latency that at least this share of the requests did not exceed.
    let at = |per_mille: usize| {
        let rank = (latencies_ns.len() * per_mille).div_ceil(1000).max(1);
        latencies_ns.get(rank - 1).copied().unwrap_or_default()
    };
    let [p50, p90, p99, p999, max] =
        [500, 900, 990, 999, 1000].map(|per_mille| Duration::from_nanos(at(per_mille)).as_secs_f64() * 1e6);
    format!(
        "\"count\":{},\"p50_us\":{p50:.1},\"p90_us\":{p90:.1},\"p99_us\":{p99:.1},\"p999_us\":{p999:.1},\"max_us\":{max:.1}",
        latencies_ns.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_latencies_that_were_seen() {
        let mut all: Vec<u64> = (1..=1000).rev().map(|us| us * 1000).collect();
        assert_eq!(
            quantiles(&mut all),
            "\"count\":1000,\"p50_us\":500.0,\"p90_us\":900.0,\"p99_us\":990.0,\"p999_us\":999.0,\"max_us\":1000.0"
        );
        assert!(quantiles(&mut []).contains("\"max_us\":0.0"));
    }
}
