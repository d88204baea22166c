/** What the processes of kill.test.ts agree on. */
export function deviceName(index: number): string {
  return `pump-${String(index).padStart(3, '0')}`;
}

export function deviceKey(index: number): Uint8Array {
  return new Uint8Array(32).fill(index + 1);
}

/** Bodies of 10 to about 400 bytes. */
export function messageText(index: number, n: number): string {
  return `${deviceName(index)}:${n} `.repeat(1 + ((index * 7 + n * 11) % 37));
}
