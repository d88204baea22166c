/** The topics of the bridge. An identity without a realm stands in the realm `-`; an identity never begins with `$`, so that `$gw` is free. */
import { isIdentity } from '../core/identity.js';

export const NO_REALM = '-';
export const GATEWAYS = '$gw';

export class Topics {
  readonly prefix: string;
  readonly gateway: string;
  /** All commands, the marker of the keeper too: one subscription, so that what comes by it is in order. */
  readonly down: string;

  constructor(prefix: string, gateway: string) {
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

  /** It would come back to us as a command, or belongs to gateways. */
  isOurs(topic: string): boolean {
    const [prefix, realm, , kind] = topic.split('/', 5);
    return prefix === this.prefix && (realm === GATEWAYS || kind === 'down');
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
