/** The topics of the bridge. An identity without a realm stands in the realm `-`; an identity never begins with `$`, so that `$gw` is free. */
import { isIdentity } from '../core/identity.js';

export const NO_REALM = '-';
export const GATEWAYS = '$gw';


export class Topics {
  readonly prefix: string;
  readonly gateway: string;
  /** All commands, the marker of the keeper too: one subscription, so that what comes by it is in order. */
  readonly down: string;

  readonly #discovery: string;

  /** `discovery`: where Home Assistant is told of devices. */
  constructor(prefix: string, gateway: string, discovery = 'homeassistant') {
    this.#discovery = discovery;
    this.prefix = prefix;
    this.gateway = gateway;
    this.down = `${prefix}/+/+/down/#`;
  }

  /** `tl/<realm>/<id>`. */
  of(identity: string): string {
    const slash = identity.indexOf('/');
    return `${this.prefix}/${slash < 0 ? `${NO_REALM}/${identity}` : identity}`;
  }

  up(identity: string, sub: string): string {
    return `${this.of(identity)}/up${sub === '' ? '' : `/${sub}`}`;
  }

  status(identity: string): string {
    return `${this.of(identity)}/status`;
  }

  result(identity: string): string {
    return `${this.of(identity)}/result`;
  }

  /** This gateway's own branch. */
  own(name: string): string {
    return `${this.prefix}/${GATEWAYS}/${this.gateway}/${name}`;
  }

  /**
   * Where only gateways speak, or what would come back to us: a result is published with the gateway's rights, so whoever may command a device
   * must not have it published as a reading, a status or a discovery of any. Under the prefix only `<realm>/<id>/result` is for all.
   */
  isOurs(topic: string): boolean {
    const levels = topic.split('/');
    if (topic === this.#discovery || topic.startsWith(`${this.#discovery}/`)) return true;
    return levels[0] === this.prefix && !(levels.length === 4 && levels[1] !== GATEWAYS && levels[3] === 'result');
  }

  /**
   * Of the topic of a command. `identity` undefined: it can be none (`problem` says why); `marker`: our own.
   */
  parse(topic: string): { identity: string; sub: string } | { marker: string } | { problem: string } {
    const own = this.own('down/');
    if (topic.startsWith(own)) return { marker: topic.slice(own.length) };
    const [, realm = '', id = '', , ...subs] = topic.split('/');
    const identity = realm === NO_REALM ? id : `${realm}/${id}`;
    if (id === '' || realm === '' || !isIdentity(identity)) return { problem: 'the topic names no identity' };
    return { identity, sub: subs.join('/') };
  }
}
