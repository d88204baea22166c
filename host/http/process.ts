/** What Node knows of this process: memory, CPU, and how long the event loop keeps a frame waiting. */
import { monitorEventLoopDelay, performance, type IntervalHistogram } from 'node:perf_hooks';
import { single, type Family } from './exposition.js';

/** ms between two looks at the loop. The histogram holds the whole interval between looks, so this is taken off again. */
const RESOLUTION = 10;

/** Quantiles speak of the time since the last reading that was at least this long (ms) after the one before. */
const PERIOD = 10_000;

const SECONDS_OF_NS = 1e-9;

export class ProcessWatch {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION });
  #since = performance.now();

  constructor() {
    this.#histogram.enable();
  }

  close(): void {
    this.#histogram.disable();
  }

  families(): Family[] {
    const { rss, heapUsed, external } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const { active, idle } = performance.eventLoopUtilization();
    const bytes = (name: string, help: string, value: number): Family => single('gauge', `tidelock_process_${name}_bytes`, help, value);
    return [
      ...this.#delays(),
      single('counter', 'tidelock_event_loop_active_seconds_total', 'Time that the event loop of the main thread was at work', active / 1_000),
      single('counter', 'tidelock_event_loop_idle_seconds_total', 'Time that it waited for something to do', idle / 1_000),
      single('counter', 'tidelock_process_cpu_seconds_total', 'User and system CPU time, all threads', (user + system) / 1e6),
      single('gauge', 'tidelock_process_start_time_seconds', 'When the process began, Unix time', performance.timeOrigin / 1_000),
      bytes('resident_memory', 'Memory of the process', rss),
      bytes('heap_used', 'Memory of JavaScript objects', heapUsed),
      bytes('external_memory', 'Memory of buffers, sockets and WebAssembly beside the heap', external),
    ];
  }

  #delays(): Family[] {
    const histogram = this.#histogram;
    const seconds = (ns: number): number => (histogram.count === 0 ? 0 : Math.max(0, ns - RESOLUTION * 1e6) * SECONDS_OF_NS);
    const delay = (name: string, help: string, ns: number): Family =>
      single('gauge', `tidelock_event_loop_delay_${name}_seconds`, `${help} of how late the event loop was, since the last scrape`, seconds(ns));
    const families = [
      delay('p50', 'Median', histogram.percentile(50)),
      delay('p99', '99th percentile', histogram.percentile(99)),
      delay('max', 'Highest value', histogram.max),
    ];
    const now = performance.now();
    if (now - this.#since >= PERIOD) {
      histogram.reset();
      this.#since = now;
    }
    return families;
  }
}

let shared: ProcessWatch | undefined;

/** One for the process: it costs a timer every 10 ms, which keeps no process alive. */
export function processWatch(): ProcessWatch {
  return (shared ??= new ProcessWatch());
}
