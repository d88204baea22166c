/**
 * Token buckets for HELLOs: one an address prefix, one for all. They bound what strangers can make the gateway compute.
 * The map of prefixes is bounded: a bucket that has filled up again says nothing, so the oldest entries go first,
 * and one that has to go early costs a stranger's history, nothing else.
 */

/** Buckets kept; at 100 bytes each that is 1.6 MiB. */
const PREFIXES = 16_384;
/** This part of the total is kept for prefixes that have hardly asked, so that one loud network cannot use up all. */
const RESERVE = 0.25;
const QUIET = 0.1;

interface Bucket {
  tokens: number;
  at: number;
}

export interface BucketRates {
  rate: number;
  burst: number;
  rateTotal: number;
  burstTotal: number;
}

export class HelloBuckets {
  readonly #rates: BucketRates;
  readonly #prefixes = new Map<string, Bucket>();
  readonly #total: Bucket;

  constructor(rates: BucketRates, now: number) {
    this.#rates = rates;
    this.#total = { tokens: rates.burstTotal, at: now };
  }

  /** Takes a token for a HELLO from `prefix`; false: over the rate. `now` in ms. */
  take(prefix: string, now: number): boolean {
    const { rate, burst, rateTotal, burstTotal } = this.#rates;
    const total = this.#total;
    fill(total, rateTotal, burstTotal, now);
    let bucket = this.#prefixes.get(prefix);
    if (bucket === undefined) {
      bucket = { tokens: burst, at: now };
    } else {
      this.#prefixes.delete(prefix); // set again below: the map's order is the order of last use
      fill(bucket, rate, burst, now);
    }
    this.#prefixes.set(prefix, bucket);
    if (this.#prefixes.size > PREFIXES) this.#prefixes.delete(this.#prefixes.keys().next().value!);
    const quiet = bucket.tokens >= burst * (1 - QUIET);
    if (bucket.tokens < 1 || total.tokens < (quiet ? 1 : 1 + burstTotal * RESERVE)) return false;
    bucket.tokens -= 1;
    total.tokens -= 1;
    return true;
  }

  /** Prefixes remembered. */
  get size(): number {
    return this.#prefixes.size;
  }
}

function fill(bucket: Bucket, rate: number, burst: number, now: number): void {
  bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) * rate) / 1000);
  bucket.at = now;
}
