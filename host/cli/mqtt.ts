/** The bridge of `tidelock serve`: its settings, and the files that they name. */
import { readFileSync } from 'node:fs';
import { mqtt, type MqttBridge, type MqttOptions } from '../bridge/index.js';
import { TidelockError } from '../errors.js';
import type { Bridge } from '../gateway/bridge-types.js';
import { checkAuthorities, checkPair } from '../transport/tls/pair.js';
import { readSecret, reasonOf } from './key-file.js';
import type { Settings } from './setting-types.js';

/** User and password take less; what is longer is another file. */
const LARGEST_USER_FILE = 4_096;
const LARGEST_PEM = 1 << 16;

/** Undefined: none is configured. Throws KEY_FILE_*, CERTIFICATE_*, INPUT_INVALID, BAD_OPTION. */
export function createBridge(settings: Settings): (Bridge & MqttBridge) | undefined {
  const options = bridgeOptions(settings);
  return options === undefined ? undefined : mqtt(options);
}

export function bridgeOptions(settings: Settings): MqttOptions | undefined {
  const { mqtt: url, mqttMode, mqttPrefix, mqttProtocol, mqttCa, mqttCert, mqttKey, mqttConnections, mqttLifetime, mqttRequireSubscriber, mqttEnvelope } = settings;
  if (url === undefined) return undefined;
  const given = {
    mode: mqttMode, prefix: mqttPrefix, protocol: mqttProtocol, connections: mqttConnections, lifetime: mqttLifetime, requireSubscriber: mqttRequireSubscriber, envelope: mqttEnvelope,
    ...credentials(settings),
    ca: mqttCa === undefined ? undefined : readAuthorities(mqttCa),
    ...(mqttCert === undefined ? {} : readPair(mqttCert, mqttKey ?? mqttCert)),
    // A backend takes the messages as well; without one they are the broker's alone, and none is printed.
    app: mqttMode === 'through' ? undefined : settings.backend !== undefined || settings.backendSocket !== undefined,
  };
  return { url, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}

function credentials({ mqttUserFile: file, mqttUser, mqttPassword }: Settings): { username?: string; password?: string } {
  if (file === undefined) return { ...(mqttUser === undefined ? {} : { username: mqttUser }), ...(mqttPassword === undefined ? {} : { password: mqttPassword }) };
  const bytes = readUserFile(file);
  const [username = '', password, ...more] = bytes.toString('utf8').replace(/\r?\n$/, '').split(/\r?\n/);
  bytes.fill(0);
  if (username === '' || more.length > 0) {
    throw new TidelockError('INPUT_INVALID', { what: `the file ${file}`, problem: 'does not hold a user name and a password', remedy: 'Write the user name on its first line and the password on its second.' });
  }
  return { username, ...(password === undefined ? {} : { password }) };
}

/** Checked here, where the files have names. */
function readPair(certFile: string, keyFile: string): { cert: string; key: string } {
  const cert = readText(certFile), key = readSecret(keyFile, LARGEST_PEM).toString('latin1');
  checkPair(cert, certFile, key, keyFile);
  return { cert, key };
}

function readAuthorities(file: string): string {
  const ca = readText(file);
  checkAuthorities(ca, file);
  return ca;
}

/** Of a file that is no key its error says so. */
function readUserFile(file: string): Buffer {
  try {
    return readSecret(file, LARGEST_USER_FILE + 1);
  } catch (error) {
    if (!(error instanceof TidelockError) || error.code !== 'KEY_FILE_UNREADABLE') throw error;
    const remedy = 'Check its path and owner: --mqtt-user-file names the file with the user name on its first line and the password on its second.';
    throw new TidelockError('INPUT_INVALID', { what: `the file ${file}`, problem: `cannot be read: ${String(error.details['reason'])}`, remedy }, { cause: error });
  }
}

/** A certificate is no secret. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    throw new TidelockError('CERTIFICATE_UNREADABLE', { file, reason: reasonOf(error) }, { cause: error });
  }
}
