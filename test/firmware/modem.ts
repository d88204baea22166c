// The modem at the end of a board's UART: QEMU's serial line on one side, the gateway on the other, and a hand on what passes.

import net from 'node:net';

const ESCAPE = 0xff;

/** Frames of a stream, cut where they end (docs/protocol.md, Frame); sealed: tags of 16 bytes. */
class Frames {
  private held = Buffer.alloc(0);

  push(bytes: Buffer): Buffer[] {
    this.held = Buffer.concat([this.held, bytes]);
    const frames: Buffer[] = [];
    for (;;) {
      const long = (this.held[1] ?? 0) >= 128;
      if (this.held.length < (long ? 3 : 2)) return frames;
      const length = long ? (this.held[1]! & 127) | (this.held[2]! << 7) : this.held[1]!;
      const handshake = (this.held[0]! & 31) <= 3;
      const bytesOf = (long ? 3 : 2) + length + (handshake ? 0 : 3 + 16);
      if (this.held.length < bytesOf) return frames;
      frames.push(this.held.subarray(0, bytesOf));
      this.held = this.held.subarray(bytesOf);
    }
  }
}

/** What happens to a frame on its way to the device: the frames that go in its place, or a time in ms for which all is held back. */
export type Hand = (frame: Buffer) => Buffer[] | number;

export class Modem {
  /** Where the gateway is now. */
  port = 0;
  connects = 0;
  /** Bytes as they come, for another protocol. */
  plain = false;
  hand: Hand = (frame) => [frame];
  private readonly server: net.Server;
  private uart: net.Socket | undefined;
  private gateway: net.Socket | undefined;
  private held: Promise<void> = Promise.resolve();

  private constructor() {
    this.server = net.createServer((uart) => {
      this.uart = uart;
      let escaped = false;
      uart.on('data', (bytes) => {
        let plain: number[] = [];
        for (const byte of bytes) {
          if (escaped && byte !== ESCAPE) {
            escaped = false;
            this.gateway?.write(Buffer.from(plain));
            plain = [];
            if (byte === 0x43) this.dial();
            else this.hangUp();
          } else if (!escaped && byte === ESCAPE) {
            escaped = true;
          } else {
            escaped = false;
            plain.push(byte);
          }
        }
        if (plain.length > 0) this.gateway?.write(Buffer.from(plain));
      });
      uart.on('error', () => undefined);
      uart.on('close', () => this.hangUp());
    });
  }

  static listen(): Promise<Modem> {
    const modem = new Modem();
    return new Promise((done) => modem.server.listen(0, '127.0.0.1', () => done(modem)));
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as net.AddressInfo).port}`;
  }

  close(): void {
    this.hangUp();
    this.uart?.destroy();
    this.server.close();
  }

  private tell(what: string): void {
    this.uart?.write(Buffer.from([ESCAPE, what.charCodeAt(0)]));
  }

  private hangUp(): void {
    const { gateway } = this;
    this.gateway = undefined;
    gateway?.destroy();
  }

  private dial(): void {
    this.hangUp();
    const gateway = net.connect(this.port, '127.0.0.1');
    const frames = new Frames();
    this.gateway = gateway;
    const current = () => this.gateway === gateway;
    gateway.setNoDelay();
    gateway.on('connect', () => {
      this.connects++;
      this.tell('U');
    });
    gateway.on('data', (bytes) => {
      for (const frame of this.plain ? [bytes] : frames.push(bytes)) {
        this.held = this.held.then(async () => {
          if (!current()) return;
          const what = this.hand(frame);
          if (typeof what === 'number') await new Promise((done) => setTimeout(done, what));
          for (const each of typeof what === 'number' ? [frame] : what) {
            if (current()) this.uart?.write(Buffer.from([...each].flatMap((byte) => (byte === ESCAPE ? [byte, byte] : [byte]))));
          }
        });
      }
    });
    gateway.on('error', () => undefined);
    gateway.on('close', () => {
      this.held = this.held.then(() => {
        if (!current()) return;
        this.gateway = undefined;
        this.tell('D');
      });
    });
  }
}
