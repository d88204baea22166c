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

  /** What gateways publish about commands and devices: taken for a command by a rule, each result would make the next one. */
  isNews(topic: string): boolean {
    const [prefix, realm, , word, ...more] = topic.split('/');
    return prefix === this.prefix && (realm === GATEWAYS || ((word === 'result' || word === 'status') && more.length === 0));
  }

  /**
   * Of the topic of a command. `problem`: why it can be none; `marker`: our own. Undefined: it is none, and came by a rule.
   */
  parse(topic: string): { identity: string; sub: string } | { marker: string } | { problem: string } | undefined {
    const own = this.own('down/');
    if (topic.startsWith(own)) return { marker: topic.slice(own.length) };
    const [prefix, realm = '', id = '', word, ...subs] = topic.split('/');
    if (prefix !== this.prefix || word !== 'down') return undefined;
    const identity = realm === NO_REALM ? id : `${realm}/${id}`;
    if (id === '' || realm === '' || !isIdentity(identity)) return { problem: 'the topic names no identity' };
    return { identity, sub: subs.join('/') };
  }
}
