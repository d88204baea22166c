// For editors: the build flags that assembly/entry/flags-*.ts define. asc does not read this file.

/** The gateway's role and many sessions; unrolled kernels. */
declare const GATEWAY: bool;
/** The device's role and its state machine. */
declare const DEVICE: bool;
/** SHA-256 and ChaCha20 blocks come from the firmware. */
declare const HAL: bool;
/** No datagrams. */
declare const STREAM_ONLY: bool;
/** No suite but `sealed`. */
declare const SEALED_ONLY: bool;
/** Messages larger than a datagram. */
declare const FRAGMENTS: bool;
/** ROUTE and DELIVER. */
declare const TOPICS: bool;
/** Bytes of a device's receive and send buffers. */
declare const BUFFER: i32;
