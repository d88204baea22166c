/** Errors that only the command has, in the shape of TidelockError. docs/errors.md lists them with the others. */
export const COMMAND_ERRORS = {
  KEY_FILE_EXISTS: ['the file {file} exists already', 'Choose another name: a key file is never overwritten, it may hold the only copy of a key.'],
  KEY_FILE_UNWRITABLE: ['the key file {file} cannot be written: {reason}', 'Check that its folder exists and belongs to this user.'],
  CONTROL_PATH: ['the control socket {socket} {problem}', '{remedy}'],
  OUTPUT_FAILED: ['stdout cannot be written: {reason}', 'Check the disk or program that it goes to; what was not written stays in the inbox.'],
  INPUT_INVALID: ['{what} {problem}', '{remedy}'],
} as const;

export type CommandErrorCode = keyof typeof COMMAND_ERRORS;

export class CommandError extends Error {
  readonly code: CommandErrorCode;
  readonly problem: string;
  readonly action: string;

  constructor(code: CommandErrorCode, details: Readonly<Record<string, string>>, options?: ErrorOptions) {
    const [problem, action] = COMMAND_ERRORS[code].map((template) =>
      template.replace(/\{(\w+)\}/g, (gap, name: string) => details[name] ?? gap),
    ) as [string, string];
    super(`${problem}. ${action}`, options);
    this.code = code;
    this.problem = problem;
    this.action = action;
  }
}

/** What TidelockError, CommandError and GatewayError have in common. */
export interface Told {
  readonly code: string;
  readonly problem: string;
  readonly action: string;
}

export function isTold(error: unknown): error is Told & Error {
  return error instanceof Error && 'code' in error && 'problem' in error && 'action' in error;
}
