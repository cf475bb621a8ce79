// Rates and percentiles from two looks at counters. Rule: nothing here knows the page or the network.

// Between two looks at one load of a version; `null` where nothing took place of which there could be a figure.
export function between(before, after) {
  const seconds = after.at - before.at;
  const since = (name) => after[name] - before[name];
  const buckets = after.seconds.map((count, place) => count - before.seconds[place]);
  const batches = since("batches");
  return {
    rate: since("answered") / seconds,
    failing: since("failed") / seconds,
    p50: quantile(0.5, after.bounds, buckets),
    p99: quantile(0.99, after.bounds, buckets),
    batch: batches ? since("rows") / batches : null,
    waiting: after.waiting,
    ...(after.tokens === undefined ? {} : { tokens: since("tokens") / seconds }),
  };
}

// As Prometheus' histogram_quantile: even within a bucket, and the last bound for what is above it.
export function quantile(share, bounds, buckets) {
  const wanted = share * buckets.reduce((sum, count) => sum + count, 0);
  if (wanted === 0) return null;
  let below = 0;
  for (const [place, upper] of bounds.entries()) {
    if (below + buckets[place] >= wanted) {
      const lower = place ? bounds[place - 1] : 0;
      return lower + ((upper - lower) * (wanted - below)) / buckets[place];
    }
    below += buckets[place];
  }
  return bounds.at(-1);
}
