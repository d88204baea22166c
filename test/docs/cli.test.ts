/** The table of settings in docs/cli.md has every one, with its flag, variable and default, and the help of `serve` says the same; the table of operations has every one. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { GatewayApi } from 'tidelock/gateway';
import type { Registry } from 'tidelock/registry';
import { createHandlers } from '../../dist/host/cli/handlers.js';
import { createProgram } from '../../dist/host/cli/program.js';
import { LIMIT_NAMES } from '../../dist/host/cli/setting-types.js';
import { flagName, SETTINGS, variableName } from '../../dist/host/cli/settings.js';

const text = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const [, table = ''] = /\| File \| Flag \| Variable \| Default \|\n\| --- .*\n([^]*?)\n\n/.exec(text)!;
const rows = new Map(table.split('\n').map((line) => {
  const [name = '', flag = '', variable = '', standard = ''] = line.slice(2, -2).split(' | ');
  return [/`(.*?)`/.exec(name)![1]!, { flag, variable, standard }];
}));
const settings = SETTINGS.filter(({ name }) => !name.startsWith('limits.'));

test('every setting stands in the table once, and nothing else', () => {
  assert.equal([...rows.keys()].filter((name) => name !== 'limits.NAME').sort(), settings.map(({ name }) => name).sort());
  for (const { name, secret } of settings) {
    const { flag, variable } = rows.get(name)!;
    assert.match(variable, new RegExp(`^\`${variableName(name)}\``), name);
    if (secret === true) assert.match(flag, /^no flag/, name);
    else assert.match(flag, new RegExp(`^\`--${flagName(name)}[ \`]`), name);
  }
});

test('defaults are those of the help', () => {
  const serve = createProgram({ exit: 0 }, { json: false, debug: false }).commands.find((command) => command.name() === 'serve')!;
  let compared = 0;
  for (const { name, secret } of settings) {
    if (secret === true) continue;
    const { description } = serve.options.find(({ long }) => long === `--${flagName(name)}`)!;
    const [, told] = /default:? ([^);]+)/.exec(description) ?? [], { standard } = rows.get(name)!;
    if (told === undefined) continue;
    assert.ok(standard.replace(/[`,]/g, '').includes(told === 'not' ? 'none' : told), `${name}: ${told}, in docs/cli.md ${standard}`);
    compared += 1;
  }
  assert.ok(compared > 25, String(compared));
});

test('every limit is named', () => {
  const [, limits = ''] = /\n(Limits of the gateway:.*)\n/.exec(text)!;
  assert.equal([...limits.matchAll(/`([a-z]\w+)`/g)].map(([, name]) => name).sort(), [...LIMIT_NAMES].sort());
});

test('every operation of the control socket has its row', () => {
  const [, operations = ''] = /\| `op` \| `params` \| Events \| Result \|\n\| --- .*\n([^]*?)\n\n/.exec(text)!;
  const named = operations.split('\n').flatMap((row) => [...row.split(' | ')[0]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
  const handlers = createHandlers(undefined as unknown as GatewayApi, undefined as unknown as Registry, '');
  assert.equal(named.sort(), Object.keys(handlers).sort());
});

test.run();
