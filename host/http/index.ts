/** For those who watch a gateway: metrics, health, readiness. */
export { metricsText, type MetricsOptions } from './metrics.js';
export { HttpServer, isLoopback, parseHttpAddress, type HttpAddress, type HttpOptions } from './server.js';
export type { BrokerWatch } from './readiness.js';
export type { Family, Form, Sample } from './exposition.js';
