/** What the words of the command line are made of. */
import type { Command } from 'commander';
import type { Resolved } from './config.js';
import { findSetting, flagName, type Setting } from './settings.js';

export type Flags = Record<string, unknown>;
export type Add = (parent: Command, words: string, description: string, example: string) => Command;
export type Run = (action: (settings: Resolved, flags: Flags, words: string[]) => Promise<number | void>) => (this: Command) => Promise<void>;

/** Settings that tell every command where the gateway's database and socket are. */
export const PLACES = ['database', 'masterKeyFile', 'control', 'json'];

export function place(name: string): Setting {
  return findSetting(name)!;
}

export function withSettings(command: Command, settings: readonly Setting[]): Command {
  for (const { name, placeholder, help, list, secret } of settings) {
    if (name.startsWith('limits.') || secret === true) continue;
    const flag = `--${flagName(name)}`;
    if (placeholder === undefined) command.option(flag, help);
    else {
      const value = placeholder.startsWith('[') ? placeholder : `<${placeholder}>`;
      if (list) command.option(`${flag} ${value}`, help, collect);
      else command.option(`${flag} ${value}`, help);
    }
  }
  return command.option('--config <FILE>', 'JSON file with settings');
}

export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}
